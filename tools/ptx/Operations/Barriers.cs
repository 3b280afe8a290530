using System;
using System.Collections.Generic;
using Sinter.Ptx.Decoding;
using Sinter.Ptx.Execution;
using Sinter.Ptx.Text;

namespace Sinter.Ptx.Operations;

/// <summary>Barriers of a block and of a warp (PTX ISA, section 9.7.13).</summary>
internal static class Barriers
{
    public static Dictionary<string, Decode> Table { get; } = new()
    {
        ["bar"] = Barrier,
        ["barrier"] = Barrier,
        ["mbarrier"] = Mbarriers.Decode,
    };

    private static Execute Barrier(Site site)
    {
        if (site.Take("warp"))
        {
            site.Take("sync");
            site.Convergence = Convergence.Members;
            site.Members = site.In(0, DataType.B32);
            return (warp, active) => Meet(warp, active);
        }

        if (site.Take("cluster"))
        {
            throw site.Error("barrier.cluster is not supported yet.");
        }

        site.Take("cta");
        var aligned = site.Take("aligned") | site.Root == "bar";
        site.Convergence = aligned ? Convergence.Barrier : Convergence.None;
        var kind = site.TakeOne("sync", "arrive", "red");
        if (kind == "red")
        {
            return Reduce(site);
        }

        var id = site.In(0, DataType.U32);
        var count = site.Operands.Count > 1 ? site.In(1, DataType.U32) : site.ConstantRegister(0);
        return (warp, active) =>
        {
            var lane = Warp.Lowest(active);
            if (Valid(warp, lane, id, count) is { } barrier)
            {
                barrier.Arrive(warp, active, (int)warp.Read(count, lane), kind == "sync");
            }
        };
    }

    private static Execute Reduce(Site site)
    {
        var reduction = site.TakeOne("popc", "and", "or") switch
        {
            "and" => BarrierReduction.And,
            "or" => BarrierReduction.Or,
            _ => BarrierReduction.Count,
        };
        var d = site.Out(0, site.TakeType());
        var id = site.In(1, DataType.U32);
        var last = site.Operand(site.Operands.Count - 1);
        var count = site.Operands.Count > 3 ? site.In(2, DataType.U32) : site.ConstantRegister(0);
        var negated = last is Not;
        var p = site.In(last is Not not ? not.Inner : last, DataType.Predicate);
        return (warp, active) =>
        {
            warp.Require(p, active);
            var trues = WarpOperations.True(warp, p, active) ^ (negated ? active : 0);
            var lane = Warp.Lowest(active);
            Valid(warp, lane, id, count)?.Reduce(warp, active, (int)warp.Read(count, lane), reduction, d, trues);
        };
    }

    private static NamedBarrier? Valid(Warp warp, int lane, int id, int count)
    {
        var number = warp.Read(id, lane);
        if (number > 15 || warp.Read(count, lane) % Warp.Lanes != 0)
        {
            warp.Report(FindingKind.InvalidOperand, lane, null, $"barrier {number} for {warp.Read(count, lane)} threads: there are barriers 0 to 15, and counts are multiples of 32.");
            return null;
        }

        return warp.Block.Barrier((int)number);
    }

    private static void Meet(Warp warp, uint active)
    {
        if (warp.Block.Order is { } order)
        {
            var threads = Threads(warp, active);
            var all = order.Nothing();
            order.ReleaseAll(threads, all);
            order.Meet(threads, all);
        }
    }

    public static int[] Threads(Warp warp, uint lanes)
    {
        var threads = new List<int>(Warp.Lanes);
        for (var rest = lanes; rest != 0; rest &= rest - 1)
        {
            threads.Add(warp.Thread(Warp.Lowest(rest)));
        }

        return [.. threads];
    }
}
