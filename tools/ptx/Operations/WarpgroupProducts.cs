using System;
using System.Collections.Generic;
using System.Linq;
using Sinter.Ptx.Analysis;
using Sinter.Ptx.Decoding;
using Sinter.Ptx.Execution;
using Sinter.Ptx.Memory;
using Sinter.Ptx.Text;

namespace Sinter.Ptx.Operations;

/// <summary>
/// wgmma: each of a warpgroup's four warps does its 16 rows when it comes to the instruction (PTX ISA, section
/// 9.7.15, "Asynchronous Warpgroup Level Matrix Instructions").
/// </summary>
internal static class WarpgroupProducts
{
    public static Dictionary<string, Decode> Table { get; } = new() { ["wgmma"] = Decode };

    private static Execute Decode(Site site)
    {
        var kind = site.TakeOne("mma_async", "fence", "commit_group", "wait_group");
        site.Take("sync");
        site.Take("aligned");
        site.Convergence = Convergence.Warp;
        switch (kind)
        {
            case "fence":
                return static (warp, _) => warp.Wgmma.Fence();
            case "commit_group":
                return static (warp, _) => warp.Wgmma.Commit();
            case "wait_group":
                var open = site.Immediate(0);
                return (warp, active) =>
                {
                    var clock = warp.Wgmma.Wait(open);
                    if (warp.Block.Order is { } order)
                    {
                        order.Waited(Barriers.Threads(warp, active), Agent(warp, order), clock);
                    }
                };
            default:
                return Multiply(site);
        }
    }

    /// <summary>Each warp of a warpgroup has its own groups, so each is an agent; a block has at most 32 warps.</summary>
    private static int Agent(Warp warp, HappensBefore order) => order.WgmmaAgent(warp.Index);

    private static Execute Multiply(Site site)
    {
        var shape = site.Left[0];
        site.Take(shape);
        var parts = shape[1..].Split('n', 'k');
        if (parts.Length != 3 || parts[0] != "64" || !int.TryParse(parts[1], out var columns) || columns % 8 != 0 || columns is < 8 or > 256)
        {
            throw site.Error($".{shape} is not a shape of wgmma.");
        }

        var (result, left, right) = (site.TakeType(), site.TakeType(), site.TakeType());
        var depth = 256 / left.Bits;
        if (parts[2] != $"{depth}" || result is not { Name: "f32" or "f16" or "s32" })
        {
            throw site.Error($".{shape} does not go with .{left.Name}.");
        }

        var half = result.Bits == 16;
        var d = site.OutAll(0, DataType.B32, columns / (half ? 4 : 2));
        var fragments = site.Operand(1) is VectorOperand ? site.InAll(1, DataType.B32, 4) : null;
        var a = fragments is null ? site.In(1, DataType.U64) : -1;
        var b = site.In(2, DataType.U64);
        var scale = site.In(3, DataType.Predicate);
        var (signA, signB) = result.IsFloat ? (site.Immediate(4), site.Immediate(5)) : (1, 1);
        var next = 6;
        var transposedA = fragments is null && left.Bits == 16 && site.Immediate(next++) != 0;
        var transposedB = left.Bits == 16 && site.Immediate(next) != 0;
        return (warp, active) =>
        {
            var accumulates = warp.Read(scale, 0) != 0;
            Prepare(warp, active, d, fragments, accumulates);
            var rows = fragments is null
                ? new SharedMatrix(warp, warp.Read(a, 0), left, transposedA).Read(warp.Index % 4 * 16, 16, depth)
                : Rows(warp, fragments, left, depth);
            var right8 = new SharedMatrix(warp, warp.Read(b, 0), right, transposedB).Read(0, columns, depth);
            var sign = (double)(signA * signB);
            for (var i = 0; i < columns / 2; i++)
            {
                var register = warp.Register(d[half ? i / 2 : i]);
                var shift = half ? i % 2 * 16 : 0;
                for (var lane = 0; lane < Warp.Lanes; lane++)
                {
                    // The layout of D: figure "WGMMA .m64nNk16 register fragment layout for accumulator matrix D".
                    var (row, column) = ((lane / 4) + (i / 2 % 2 * 8), (i / 4 * 8) + (lane % 4 * 2) + (i % 2));
                    var before = register[lane] >> shift & result.Mask;
                    var sum = !accumulates ? 0 : result.IsFloat ? result.Format!.Decode((uint)before) : result.SignExtend(before);
                    for (var k = 0; k < depth; k++)
                    {
                        sum += sign * rows[row, k] * right8[column, k];
                    }

                    var bits = result.IsFloat ? result.Format!.Encode(sum) : (ulong)(uint)(int)(long)sum;
                    register[lane] = (register[lane] & ~(result.Mask << shift)) | (bits << shift);
                }
            }

            warp.Wgmma.Start(d.Distinct(), accumulates: true);
        };
    }

    private static void Prepare(Warp warp, uint active, int[] d, int[]? fragments, bool accumulates)
    {
        if (warp.Members != uint.MaxValue || warp.Block.Warps.Length % 4 != 0)
        {
            warp.Report(FindingKind.MissingLanes, 0, null, "wgmma needs whole warpgroups of four warps.");
        }

        foreach (var register in accumulates ? d : [])
        {
            if (!warp.Wgmma.Accumulates(register))
            {
                warp.Require(register, active);
            }
        }

        if (fragments is not null)
        {
            foreach (var register in fragments)
            {
                warp.Require(register, active);
            }

            warp.Wgmma.Start(fragments, accumulates: false);
        }
    }

    private static double[,] Rows(Warp warp, int[] fragments, DataType type, int depth)
    {
        var rows = new double[16, depth];
        var perRegister = 32 / type.Bits;
        for (var lane = 0; lane < Warp.Lanes; lane++)
        {
            for (var register = 0; register < fragments.Length; register++)
            {
                for (var element = 0; element < perRegister; element++)
                {
                    var (row, column) = MatrixProducts.Place(lane, register, element, perRegister, isA: true);
                    rows[row, column] = MatrixProducts.Element(warp.Register(fragments[register])[lane], element, type);
                }
            }
        }

        return rows;
    }

    /// <summary>A matrix that a descriptor names (section 9.7.15.5.1, "Shared Memory Matrix Layout").</summary>
    private sealed class SharedMatrix(Warp warp, ulong descriptor, DataType type, bool transposed)
    {
        private readonly ulong _start = (descriptor & 0x3FFF) << 4;
        private readonly ulong _leading = (descriptor >> 16 & 0x3FFF) << 4;
        private readonly ulong _stride = (descriptor >> 32 & 0x3FFF) << 4;

        // 0 none, 1 of 128, 2 of 64, 3 of 32 bytes.
        private readonly TensorSwizzle _swizzle = (TensorSwizzle)((4 - (int)(descriptor >> 62)) % 4);

        /// <summary>Elements [row, k]; for B a row is a column of the product.</summary>
        public double[,] Read(int firstRow, int count, int depth)
        {
            if ((descriptor >> 49 & 7) != 0)
            {
                warp.Report(FindingKind.InvalidOperand, 0, null, "a matrix base offset other than 0 is not supported.");
            }

            var values = new double[count, depth];
            var memory = warp.Block.Memory;
            var access = warp.Block.Order is { } order
                ? new Access(Agent(warp, order), warp.Wgmma.OpenGroup, warp.Thread(0), warp.Place, AsyncProxy: true)
                : default;
            for (var row = 0; row < count; row++)
            {
                for (var k = 0; k < depth; k++)
                {
                    var address = TensorCopies.Swizzle(_start + Offset(firstRow + row, k), _swizzle);
                    var space = Space.Shared;
                    if (!memory.Locate(warp, 0, ref space, ref address, type.Bytes, out var region, out var offset))
                    {
                        continue;
                    }

                    if (!region.IsWritten(offset, type.Bytes))
                    {
                        warp.Report(FindingKind.UninitialisedMemory, 0, address, "the product reads shared memory that nothing wrote.");
                        region.MarkWritten(offset, type.Bytes);
                    }

                    memory.Note(warp, 0, offset, type.Bytes, write: false, access);
                    values[row, k] = MatrixProducts.Element(region.Load(offset, type.Bytes), 0, type);
                }
            }

            return values;
        }

        /// <summary>
        /// The canonical layouts, in pieces of 16 bytes (T elements). K-major: 8 rows a swizzle span apart, groups of 8
        /// rows a stride apart; unswizzled, pieces along k a leading offset apart. MN-major: spans along rows, 8 k's below
        /// each other.
        /// </summary>
        private ulong Offset(int row, int k)
        {
            var span = 16UL << (int)_swizzle;
            var bytes = (ulong)type.Bytes;
            if (!transposed)
            {
                var along = (ulong)k * bytes;
                return ((ulong)(row % 8) * span) + ((ulong)(row / 8) * _stride)
                    + (_swizzle == TensorSwizzle.None ? (along / 16 * _leading) + (along % 16) : along);
            }

            var across = (ulong)row * bytes;
            var (groups, eights) = _swizzle == TensorSwizzle.None ? (_stride, _leading) : (_leading, _stride);
            return (across / span * groups) + (across % span) + ((ulong)(k % 8) * span) + ((ulong)(k / 8) * eights);
        }
    }
}
