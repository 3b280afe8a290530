using ILGPU;
using ILGPU.IR.Intrinsics;

namespace Sinter.Devices.Cuda.Instructions;

/// <summary>
/// Products of a warp on tensor cores, and the loads of their operands. The bodies say what the instructions do, and run on
/// ILGPU's CPU accelerator; for CUDA, <see cref="InstructionSet"/> prints the instruction instead.
/// All 32 lanes of a warp call together.
/// </summary>
public static unsafe class TensorCore
{
    /// <summary>
    /// mma.m16n8k16: BF16 rows of A (16 by 16) times BF16 columns of B (16 by 8), added to c in float32.
    /// Fragments are laid out as in the PTX ISA's figures for this shape.
    /// </summary>
    [IntrinsicImplementation]
    public static Sums MultiplyBF16(uint a0, uint a1, uint a2, uint a3, uint b0, uint b1, float c0, float c1, float c2, float c3)
        => Multiply(false, a0, a1, a2, a3, b0, b1, c0, c1, c2, c3);

    /// <summary>mma.m16n8k32: the same with E4M3, four to a register and 32 deep.</summary>
    [IntrinsicImplementation]
    public static Sums MultiplyE4M3(uint a0, uint a1, uint a2, uint a3, uint b0, uint b1, float c0, float c1, float c2, float c3)
        => Multiply(true, a0, a1, a2, a3, b0, b1, c0, c1, c2, c3);

    /// <summary>
    /// ldmatrix.x4: four matrices of 8 rows of 16 bytes from shared memory. Lanes 8i to 8i+7 give the addresses of the rows of
    /// matrix i; a lane gets, of each, bytes 4(lane%4) to 4(lane%4)+3 of row lane/4.
    /// </summary>
    /// <param name="row">A shared address, a multiple of 16.</param>
    [IntrinsicImplementation]
    public static Words LoadMatrices(long row)
    {
        var (from, word) = (Warp.LaneIdx / 4, Warp.LaneIdx % 4);
        Words result;
        result.X = ((uint*)Warp.Shuffle(row, from))[word];
        result.Y = ((uint*)Warp.Shuffle(row, 8 + from))[word];
        result.Z = ((uint*)Warp.Shuffle(row, 16 + from))[word];
        result.W = ((uint*)Warp.Shuffle(row, 24 + from))[word];
        return result;
    }

    /// <summary>
    /// ldmatrix.x4.trans: the same of four matrices of 8 by 8 numbers of 16 bits, but a lane gets, of each, numbers lane/4 of rows
    /// 2(lane%4) and the next.
    /// </summary>
    /// <param name="row">A shared address, a multiple of 16.</param>
    [IntrinsicImplementation]
    public static Words LoadMatricesTurned(long row)
    {
        Words result;
        result.X = Column(row, 0);
        result.Y = Column(row, 8);
        result.Z = Column(row, 16);
        result.W = Column(row, 24);
        return result;
    }

    private static uint Column(long row, int first)
    {
        var (column, from) = (Warp.LaneIdx / 4, first + (Warp.LaneIdx % 4 * 2));
        uint lower = ((ushort*)Warp.Shuffle(row, from))[column];
        return lower | ((uint)((ushort*)Warp.Shuffle(row, from + 1))[column] << 16);
    }

    private static Sums Multiply(bool e4m3, uint a0, uint a1, uint a2, uint a3, uint b0, uint b1, float c0, float c1, float c2, float c3)
    {
        var (group, inGroup) = (Warp.LaneIdx / 4, Warp.LaneIdx % 4);
        var own = new Operands { A0 = a0, A1 = a1, A2 = a2, A3 = a3, B0 = b0, B1 = b1 };
        double x = c0, y = c1, z = c2, w = c3;
        for (var i = 0; i < 4; i++)
        {
            // Row `group` of A lies in the four lanes of this group; columns 2 inGroup and the next of B in two other groups.
            var a = Warp.Shuffle(own, (4 * group) + i);
            var left = Warp.Shuffle(own, (8 * inGroup) + i);
            var right = Warp.Shuffle(own, (8 * inGroup) + 4 + i);
            x += Dot(e4m3, a.A0, left.B0) + Dot(e4m3, a.A2, left.B1);
            y += Dot(e4m3, a.A0, right.B0) + Dot(e4m3, a.A2, right.B1);
            z += Dot(e4m3, a.A1, left.B0) + Dot(e4m3, a.A3, left.B1);
            w += Dot(e4m3, a.A1, right.B0) + Dot(e4m3, a.A3, right.B1);
        }

        return new Sums { X = (float)x, Y = (float)y, Z = (float)z, W = (float)w };
    }

    /// <summary>A lane's part of both factors.</summary>
    private struct Operands
    {
        public uint A0;
        public uint A1;
        public uint A2;
        public uint A3;
        public uint B0;
        public uint B1;
    }

    private static double Dot(bool e4m3, uint a, uint b)
    {
        if (!e4m3)
        {
            return ((double)NarrowFloats.FromBF16(a & 0xFFFF) * NarrowFloats.FromBF16(b & 0xFFFF))
                + ((double)NarrowFloats.FromBF16(a >> 16) * NarrowFloats.FromBF16(b >> 16));
        }

        var sum = 0.0;
        for (var shift = 0; shift < 32; shift += 8)
        {
            sum += (double)NarrowFloats.FromE4M3((a >> shift) & 0xFF) * NarrowFloats.FromE4M3((b >> shift) & 0xFF);
        }

        return sum;
    }
}
