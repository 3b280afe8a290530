using ILGPU;
using ILGPU.IR.Intrinsics;

namespace Sinter.Devices.Cuda.Instructions;

/// <summary>
/// Products of a warpgroup on Hopper's tensor cores (wgmma, SM 90a): both factors come from shared memory. All 128 threads of
/// four neighbouring warps call together. Factors lie in rows of 128 bytes along their depth, eight rows to 1,024 bytes, with the
/// swizzle of 128 bytes, as <see cref="TensorCopy"/> brings them; addresses are multiples of 1,024.
/// </summary>
public static unsafe class Warpgroup
{
    /// <summary>Rows of <c>a</c>.</summary>
    public const int Rows = 64;

    /// <summary>Rows of <c>w</c>: columns of the product.</summary>
    public const int Columns = 128;

    /// <summary>The same of the products that are begun.</summary>
    public const int BroadColumns = 256;

    /// <summary>Four wgmma.m64n128k16 of BF16, 64 deep, added to sums; done when it returns.</summary>
    [IntrinsicImplementation]
    public static WideSums MultiplyBF16(long a, long w, WideSums sums) => Multiply(false, a, w, sums);

    /// <summary>Four wgmma.m64n128k32 of E4M3, 128 deep, from zero; done when it returns.</summary>
    [IntrinsicImplementation]
    public static WideSums MultiplyE4M3(long a, long w) => Multiply(true, a, w, default);

    /// <summary>
    /// Begins four wgmma.m64n256k16 of BF16, 64 deep, added to sums. They run beside what follows: until <see cref="Wait"/> nothing
    /// may touch the sums, nor what is multiplied.
    /// </summary>
    [IntrinsicImplementation]
    public static BroadSums BeginBF16(long a, long w, BroadSums sums)
    {
        sums.Left = Multiply(false, a, w, sums.Left);
        sums.Right = Multiply(false, a, w + (Columns * 128), sums.Right);
        return sums;
    }

    /// <summary>The sums of products that were begun, once they are done (wgmma.wait_group 0).</summary>
    [IntrinsicImplementation]
    public static BroadSums Wait(BroadSums begun) => begun;

    /// <summary>fence.proxy.async: what the thread wrote into shared memory, and what its cp.async brought, may be multiplied after a barrier.</summary>
    [IntrinsicImplementation]
    public static void Publish()
    {
    }

    private static WideSums Multiply(bool e4m3, long a, long w, WideSums sums)
    {
        var warp = Group.IdxX / 32 % 4;
        var (row, column) = ((warp * 16) + (Warp.LaneIdx / 4), Warp.LaneIdx % 4 * 2);
        sums.C0 = Multiply(e4m3, a, w, row, column, sums.C0);
        sums.C1 = Multiply(e4m3, a, w, row, column + 32, sums.C1);
        sums.C2 = Multiply(e4m3, a, w, row, column + 64, sums.C2);
        sums.C3 = Multiply(e4m3, a, w, row, column + 96, sums.C3);
        return sums;
    }

    private static Strip Multiply(bool e4m3, long a, long w, int row, int column, Strip sums)
    {
        sums.C0 = Multiply(e4m3, a, w, row, column, sums.C0);
        sums.C1 = Multiply(e4m3, a, w, row, column + 8, sums.C1);
        sums.C2 = Multiply(e4m3, a, w, row, column + 16, sums.C2);
        sums.C3 = Multiply(e4m3, a, w, row, column + 24, sums.C3);
        return sums;
    }

    private static Sums Multiply(bool e4m3, long a, long w, int row, int column, Sums sums)
    {
        for (var step = 0; step < 128; step += 32)
        {
            sums.X = Dot(e4m3, a + (row * 128), w + (column * 128), step, sums.X);
            sums.Y = Dot(e4m3, a + (row * 128), w + ((column + 1) * 128), step, sums.Y);
            sums.Z = Dot(e4m3, a + ((row + 8) * 128), w + (column * 128), step, sums.Z);
            sums.W = Dot(e4m3, a + ((row + 8) * 128), w + ((column + 1) * 128), step, sums.W);
        }

        return sums;
    }

    private static float Dot(bool e4m3, long x, long y, int step, double sum)
    {
        for (var i = step; i < step + 32; i += e4m3 ? 1 : 2)
        {
            var (p, q) = (TensorCopy.Swizzle(x + i, 3), TensorCopy.Swizzle(y + i, 3));
            sum += e4m3
                ? (double)NarrowFloats.FromE4M3(*(byte*)p) * NarrowFloats.FromE4M3(*(byte*)q)
                : (double)NarrowFloats.FromBF16(*(ushort*)p) * NarrowFloats.FromBF16(*(ushort*)q);
        }

        return (float)sum;
    }
}
