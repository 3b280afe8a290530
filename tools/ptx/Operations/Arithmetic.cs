using System;
using System.Collections.Generic;
using Sinter.Ptx.Decoding;
using Sinter.Ptx.Execution;

namespace Sinter.Ptx.Operations;

/// <summary>Arithmetic; integer and floating-point forms share names (PTX ISA, sections 9.7.1 to 9.7.5).</summary>
internal static class Arithmetic
{
    public static Dictionary<string, Decode> Table { get; } = new()
    {
        ["add"] = site => Choose(site, 2, IntegerAdd),
        ["sub"] = site => Choose(site, 2, IntegerSubtract),
        ["mul"] = site => Choose(site, 2, Multiply),
        ["mad"] = site => Choose(site, 3, Multiply),
        ["fma"] = site => Choose(site, 3, Multiply),
        ["div"] = site => Choose(site, 2, Divide),
        ["rem"] = site => Divide(site, site.TakeType()),
        ["min"] = site => Choose(site, 2, Integer2((t, a, b) => Less(t, a, b) ? a : b)),
        ["max"] = site => Choose(site, 2, Integer2((t, a, b) => Less(t, a, b) ? b : a)),
        ["neg"] = site => Choose(site, 1, Integer1((t, a) => 0 - a)),
        ["abs"] = site => Choose(site, 1, Integer1((t, a) => (ulong)Math.Abs(t.SignExtend(a)))),
        ["rcp"] = site => FloatArithmetic.Decode(site, site.TakeType(), 1),
        ["sqrt"] = site => FloatArithmetic.Decode(site, site.TakeType(), 1),
        ["rsqrt"] = site => FloatArithmetic.Decode(site, site.TakeType(), 1),
        ["lg2"] = site => FloatArithmetic.Decode(site, site.TakeType(), 1),
        ["ex2"] = site => FloatArithmetic.Decode(site, site.TakeType(), 1),
    };

    private static bool Less(DataType type, ulong a, ulong b) => type.IsSigned ? type.SignExtend(a) < type.SignExtend(b) : a < b;

    private static Execute Choose(Site site, int inputs, Func<Site, DataType, Execute> integer)
    {
        var type = site.TakeType();
        return type.IsFloat ? FloatArithmetic.Decode(site, type, inputs) : integer(site, type);
    }

    private static Func<Site, DataType, Execute> Integer1(Func<DataType, ulong, ulong> f) => (site, type) =>
    {
        site.Count(2);
        return LaneLoops.Map(site.Out(0, type), site.In(1, type), a => f(type, a) & type.Mask);
    };

    private static Func<Site, DataType, Execute> Integer2(Func<DataType, ulong, ulong, ulong> f) => (site, type) =>
    {
        site.Count(3);
        return LaneLoops.Map(site.Out(0, type), site.In(1, type), site.In(2, type), (a, b) => f(type, a, b) & type.Mask);
    };

    private static Execute IntegerAdd(Site site, DataType type) => Add(site, type, subtract: false);

    private static Execute IntegerSubtract(Site site, DataType type) => Add(site, type, subtract: true);

    private static Execute Add(Site site, DataType type, bool subtract)
    {
        if (site.Left.IndexOf("cc") >= 0)
        {
            throw site.Error($"{site.Root}.cc is not supported yet.");
        }

        if (site.Take("sat"))
        {
            return Integer2((t, a, b) =>
            {
                var (x, y) = (t.SignExtend(a), t.SignExtend(b));
                return (ulong)Math.Clamp(subtract ? x - y : x + y, int.MinValue, int.MaxValue);
            })(site, type);
        }

        return subtract ? Integer2((t, a, b) => a - b)(site, type) : Integer2((t, a, b) => a + b)(site, type);
    }

    private static Execute Multiply(Site site, DataType type)
    {
        var part = site.TakeOne("lo", "hi", "wide");
        var wide = DataType.TryFind($"{type.Name[0]}{type.Bits * 2}", out var twice) && part == "wide" ? twice : type;
        var saturates = site.Take("sat");
        var sum = site.Root == "mad";
        site.Count(sum ? 4 : 3);

        ulong Product(ulong a, ulong b)
        {
            var product = type.IsSigned
                ? (UInt128)((Int128)type.SignExtend(a) * type.SignExtend(b))
                : (UInt128)a * b;
            return (ulong)(part == "hi" ? product >> type.Bits : product);
        }

        ulong Total(ulong a, ulong b, ulong c) => saturates
            ? (ulong)Math.Clamp(type.SignExtend(Product(a, b) & type.Mask) + type.SignExtend(c), int.MinValue, int.MaxValue) & type.Mask
            : (Product(a, b) + c) & wide.Mask;

        var (d, x, y) = (site.Out(0, wide), site.In(1, type), site.In(2, type));
        return sum
            ? LaneLoops.Map(d, x, y, site.In(3, wide), Total)
            : LaneLoops.Map(d, x, y, (a, b) => Product(a, b) & wide.Mask);
    }

    /// <summary>Division by zero gives all ones, as the hardware does; the ISA leaves it open.</summary>
    private static Execute Divide(Site site, DataType type)
    {
        var remainder = site.Root == "rem";
        return Integer2((t, a, b) =>
        {
            if (b == 0)
            {
                return remainder ? a : ulong.MaxValue;
            }

            if (!t.IsSigned)
            {
                return remainder ? a % b : a / b;
            }

            var (x, y) = ((Int128)t.SignExtend(a), (Int128)t.SignExtend(b));
            return (ulong)(long)(remainder ? x % y : x / y);
        })(site, type);
    }
}
