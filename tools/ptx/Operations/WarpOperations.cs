using System;
using System.Collections.Generic;
using System.Numerics;
using Sinter.Ptx.Decoding;
using Sinter.Ptx.Execution;
using Sinter.Ptx.Text;

namespace Sinter.Ptx.Operations;

/// <summary>Exchange among the lanes of a warp (PTX ISA, sections 9.7.9.6 and 9.7.13.8 to 9.7.13.14).</summary>
internal static class WarpOperations
{
    public static Dictionary<string, Decode> Table { get; } = new()
    {
        ["shfl"] = Shuffle,
        ["vote"] = Vote,
        ["redux"] = Reduce,
        ["activemask"] = static site =>
        {
            site.TakeType();
            var d = site.Out(0, DataType.B32);
            return LaneLoopsOf(d, static (_, active) => active);
        },
    };

    private static Execute LaneLoopsOf(int d, Func<Warp, uint, uint> f) => (warp, active) =>
    {
        var value = f(warp, active);
        LaneLoops.Each((w, lane) => w.Write(d, lane, value))(warp, active);
    };

    private static void Together(Site site, int mask)
    {
        if (!site.Take("sync"))
        {
            throw site.Error($"{site.Root} without .sync is not supported.");
        }

        site.Convergence = Convergence.Members;
        site.Members = site.In(mask, DataType.B32);
    }

    private static (Operand First, Operand? Second) Results(Site site)
        => site.Operand(0) is Pair pair ? (pair.First, pair.Second) : (site.Operand(0), null);

    private static Execute Shuffle(Site site)
    {
        Together(site, 4);
        var mode = site.TakeOne("up", "down", "bfly", "idx");
        site.TakeType();
        var (first, second) = Results(site);
        var d = site.Out(first, DataType.B32);
        var p = second is null ? -1 : site.Out(second, DataType.Predicate);
        var (a, b, c) = (site.In(1, DataType.B32), site.In(2, DataType.B32), site.In(3, DataType.B32));
        return (warp, active) =>
        {
            warp.Require(a, active);
            Span<ulong> from = stackalloc ulong[Warp.Lanes];
            warp.Register(a).CopyTo(from);
            for (var rest = active; rest != 0; rest &= rest - 1)
            {
                var lane = Warp.Lowest(rest);
                var control = (int)warp.Read(c, lane);
                var amount = (int)(warp.Read(b, lane) & 31);
                var (segment, clamp) = (control >> 8 & 31, control & 31);
                var most = (lane & segment) | (clamp & ~segment);
                var source = mode switch
                {
                    "up" => lane - amount,
                    "down" => lane + amount,
                    "bfly" => lane ^ amount,
                    _ => (lane & segment) | (amount & ~segment),
                };
                var inside = mode == "up" ? source >= most : source <= most;
                source = inside ? source : lane;
                if ((active >> source & 1) == 0)
                {
                    warp.Report(FindingKind.MissingLanes, lane, null, $"lane {lane} reads lane {source}, which does not take part.");
                }

                warp.Write(d, lane, from[source]);
                if (p >= 0)
                {
                    warp.Write(p, lane, inside ? 1UL : 0);
                }
            }
        };
    }

    private static Execute Vote(Site site)
    {
        Together(site, 2);
        var mode = site.TakeOne("all", "any", "uni", "ballot");
        site.TakeType();
        var d = site.Out(0, mode == "ballot" ? DataType.B32 : DataType.Predicate);
        var negated = site.Operand(1) is Not;
        var a = site.In(site.Operand(1) is Not not ? not.Inner : site.Operand(1), DataType.Predicate);
        return LaneLoopsOf(d, (warp, active) =>
        {
            warp.Require(a, active);
            var trues = True(warp, a, active) ^ (negated ? active : 0);
            return mode switch
            {
                "ballot" => trues,
                "all" => trues == active ? 1U : 0,
                "any" => trues != 0 ? 1U : 0,
                _ => trues == active || trues == 0 ? 1U : 0,
            };
        });
    }

    /// <summary>The active lanes in which a register is not zero.</summary>
    public static uint True(Warp warp, int register, uint active)
    {
        var values = warp.Register(register);
        var trues = 0U;
        for (var rest = active; rest != 0; rest &= rest - 1)
        {
            var lane = Warp.Lowest(rest);
            trues |= values[lane] != 0 ? 1U << lane : 0;
        }

        return trues;
    }

    private static Execute Reduce(Site site)
    {
        Together(site, 2);
        var mode = site.TakeOne("add", "min", "max", "and", "or", "xor");
        var type = site.TakeType();
        var (d, a) = (site.Out(0, type), site.In(1, type));
        return LaneLoopsOf(d, (warp, active) =>
        {
            warp.Require(a, active);
            var values = warp.Register(a);
            var result = values[Warp.Lowest(active)];
            for (var rest = active & (active - 1); rest != 0; rest &= rest - 1)
            {
                var x = values[Warp.Lowest(rest)];
                var less = type.IsSigned ? type.SignExtend(x) < type.SignExtend(result) : x < result;
                result = mode switch
                {
                    "add" => result + x,
                    "and" => result & x,
                    "or" => result | x,
                    "xor" => result ^ x,
                    "min" => less ? x : result,
                    _ => less ? result : x,
                };
            }

            return (uint)result;
        });
    }
}
