using System;
using Sinter.Ptx.Execution;

namespace Sinter.Ptx.Operations;

/// <summary>Runs a function of one lane's values over the active lanes, with the checks on the registers it reads.</summary>
internal static class LaneLoops
{
    public static Execute Map(int result, int a, Func<ulong, ulong> f) => (warp, active) =>
    {
        warp.Require(a, active);
        var d = warp.Register(result);
        var x = warp.Register(a);
        for (var rest = active; rest != 0; rest &= rest - 1)
        {
            var lane = Warp.Lowest(rest);
            d[lane] = f(x[lane]);
        }

        warp.Define(result, active);
    };

    public static Execute Map(int result, int a, int b, Func<ulong, ulong, ulong> f) => (warp, active) =>
    {
        warp.Require(a, active);
        warp.Require(b, active);
        var d = warp.Register(result);
        var x = warp.Register(a);
        var y = warp.Register(b);
        for (var rest = active; rest != 0; rest &= rest - 1)
        {
            var lane = Warp.Lowest(rest);
            d[lane] = f(x[lane], y[lane]);
        }

        warp.Define(result, active);
    };

    public static Execute Map(int result, int a, int b, int c, Func<ulong, ulong, ulong, ulong> f) => (warp, active) =>
    {
        warp.Require(a, active);
        warp.Require(b, active);
        warp.Require(c, active);
        var d = warp.Register(result);
        var x = warp.Register(a);
        var y = warp.Register(b);
        var z = warp.Register(c);
        for (var rest = active; rest != 0; rest &= rest - 1)
        {
            var lane = Warp.Lowest(rest);
            d[lane] = f(x[lane], y[lane], z[lane]);
        }

        warp.Define(result, active);
    };

    /// <summary>One lane at a time, for instructions that touch memory.</summary>
    public static Execute Each(Action<Warp, int> run) => (warp, active) =>
    {
        for (var rest = active; rest != 0; rest &= rest - 1)
        {
            run(warp, Warp.Lowest(rest));
        }
    };
}
