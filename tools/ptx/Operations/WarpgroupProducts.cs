using System;
using System.Collections.Generic;
using Sinter.Ptx.Analysis;
using Sinter.Ptx.Decoding;
using Sinter.Ptx.Execution;

namespace Sinter.Ptx.Operations;

/// <summary>
/// wgmma with both factors in shared memory: each of a warpgroup's four warps does its 16 rows when it comes to the
/// instruction (PTX ISA, section 9.7.15, "Asynchronous Warpgroup Level Matrix Instructions"). A product is summed in double and
/// rounded once; hardware keeps fewer bits.
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
        if (result != DataType.F32 || left != right || left.Name is not ("bf16" or "e4m3") || site.Operand(1) is Text.VectorOperand)
        {
            throw site.Error($"{site.Instruction.Opcode} with these operands is not supported yet.");
        }

        if (parts[2] != $"{depth}")
        {
            throw site.Error($".{shape} does not go with .{left.Name}.");
        }

        var d = site.OutAll(0, DataType.B32, columns / 2);
        var (a, b, adds) = (site.In(1, DataType.U64), site.In(2, DataType.U64), site.In(3, DataType.Predicate));
        var sign = (double)(site.Immediate(4) * site.Immediate(5));
        if (left.Bits == 16 && (site.Immediate(6) != 0 || site.Immediate(7) != 0))
        {
            throw site.Error($"{site.Instruction.Opcode} of transposed factors is not supported yet.");
        }

        return (warp, active) =>
        {
            RequireWholeWarpgroup(warp);
            var accumulates = Uniform(warp, adds, active) != 0;
            foreach (var register in accumulates ? d : [])
            {
                if (!warp.Wgmma.Accumulates(register))
                {
                    warp.Require(register, active);
                }
            }

            var access = warp.Block.Order is { } order
                ? new Access(Agent(warp, order), warp.Wgmma.OpenGroup, warp.Thread(0), warp.Place, AsyncProxy: true)
                : default;
            var rows = SharedMatrix.Read(warp, Uniform(warp, a, active), left, warp.Index % 4 * 16, 16, access);
            var turned = SharedMatrix.Read(warp, Uniform(warp, b, active), right, 0, columns, access);
            for (var i = 0; i < d.Length; i++)
            {
                var register = warp.Register(d[i]);
                for (var lane = 0; lane < Warp.Lanes; lane++)
                {
                    // The layout of D: figure "WGMMA .m64nNk16 register fragment layout for accumulator matrix D".
                    var (row, column) = ((lane / 4) + (i / 2 % 2 * 8), (i / 4 * 8) + (lane % 4 * 2) + (i % 2));
                    var sum = accumulates ? result.Format!.Decode((uint)register[lane]) : 0;
                    var x = rows.AsSpan(row * depth, depth);
                    var y = turned.AsSpan(column * depth, depth);
                    for (var k = 0; k < depth; k++)
                    {
                        sum += sign * x[k] * y[k];
                    }

                    register[lane] = result.Format!.Encode(sum);
                }
            }

            warp.Wgmma.Start(d);
        };
    }

    private static void RequireWholeWarpgroup(Warp warp)
    {
        if (warp.Members != uint.MaxValue || (warp.Index / 4 * 4) + 4 > warp.Block.Warps.Length)
        {
            warp.Report(FindingKind.MissingLanes, 0, null, "wgmma needs a whole warpgroup: four warps, the first of which is a multiple of four.");
        }
    }

    /// <summary>Descriptors and predicates must be the same in all lanes.</summary>
    private static ulong Uniform(Warp warp, int register, uint active)
    {
        warp.Require(register, active);
        var values = warp.Register(register);
        for (var lane = 1; lane < Warp.Lanes; lane++)
        {
            if (values[lane] != values[0])
            {
                warp.Report(FindingKind.InvalidOperand, lane, null, $"{warp.RegisterName(register)} differs between the lanes of a warp.");
                break;
            }
        }

        return values[0];
    }
}
