using System;
using System.Collections.Generic;
using Sinter.Ptx.Decoding;
using Sinter.Ptx.Execution;
using Sinter.Ptx.Numerics;

namespace Sinter.Ptx.Operations;

/// <summary>
/// Floating-point arithmetic (PTX ISA, sections 9.7.3 and 9.7.4). Types of at most 32 bits go through doubles rounded
/// to odd, so every rounding mode is exact; approximate functions give the correctly rounded result, which lies within
/// the error that the ISA allows.
/// </summary>
internal static class FloatArithmetic
{
    private static readonly Dictionary<string, Func<double, double, double, double>> s_odd = new()
    {
        ["add"] = (a, b, _) => ExactArithmetic.Add(a, b),
        ["sub"] = (a, b, _) => ExactArithmetic.Add(a, -b),
        ["mul"] = (a, b, _) => a * b,
        ["fma"] = ExactArithmetic.MultiplyAdd,
        ["mad"] = ExactArithmetic.MultiplyAdd,
        ["div"] = (a, b, _) => ExactArithmetic.Divide(a, b),
        ["rcp"] = (a, _, _) => ExactArithmetic.Divide(1, a),
        ["sqrt"] = (a, _, _) => ExactArithmetic.SquareRoot(a),
        ["rsqrt"] = (a, _, _) => 1 / Math.Sqrt(a),
        ["sin"] = (a, _, _) => Math.Sin(a),
        ["cos"] = (a, _, _) => Math.Cos(a),
        ["lg2"] = (a, _, _) => Math.Log2(a),
        ["ex2"] = (a, _, _) => Math.Pow(2, a),
        ["tanh"] = (a, _, _) => Math.Tanh(a),
        ["neg"] = (a, _, _) => -a,
        ["abs"] = (a, _, _) => Math.Abs(a),
        ["min"] = (a, b, _) => double.IsNaN(a) ? b : double.IsNaN(b) ? a : Math.Min(a, b),
        ["max"] = (a, b, _) => double.IsNaN(a) ? b : double.IsNaN(b) ? a : Math.Max(a, b),
    };

    /// <summary>f64: the rounded result and the sign of its error.</summary>
    private static readonly Dictionary<string, Func<double, double, double, (double Result, double Error)>> s_double = new()
    {
        ["add"] = (a, b, _) => (a + b, ExactArithmetic.SumError(a, b, a + b)),
        ["sub"] = (a, b, _) => (a - b, ExactArithmetic.SumError(a, -b, a - b)),
        ["mul"] = (a, b, _) => (a * b, Math.FusedMultiplyAdd(a, b, -(a * b))),
        ["fma"] = Fused,
        ["mad"] = Fused,
        ["div"] = (a, b, _) => (a / b, Math.FusedMultiplyAdd(-(a / b), b, a) * Math.Sign(b)),
        ["rcp"] = (a, _, _) => (1 / a, Math.FusedMultiplyAdd(-(1 / a), a, 1) * (double.IsNaN(a) ? 1 : Math.Sign(a))),
        ["sqrt"] = (a, _, _) => (Math.Sqrt(a), Math.FusedMultiplyAdd(-Math.Sqrt(a), Math.Sqrt(a), a)),
    };

    public static Execute Decode(Site site, DataType type, int inputs)
    {
        site.Count(inputs + 1);
        var f = Function(site, type);
        var d = site.Out(0, type);
        return inputs switch
        {
            1 => LaneLoops.Map(d, site.In(1, type), a => f(a, 0, 0)),
            2 => LaneLoops.Map(d, site.In(1, type), site.In(2, type), (a, b) => f(a, b, 0)),
            _ => LaneLoops.Map(d, site.In(1, type), site.In(2, type), site.In(3, type), f),
        };
    }

    public static Rounding TakeRounding(Site site) => site.TakeAny("rn", "rna", "rz", "rm", "rp") switch
    {
        "rna" => Rounding.NearestAway,
        "rz" => Rounding.Zero,
        "rm" => Rounding.Down,
        "rp" => Rounding.Up,
        _ => Rounding.Nearest,
    };

    public static ulong FlushSingle(ulong bits) => (bits & 0x7F80_0000) == 0 ? bits & 0x8000_0000 : bits;

    private static (double Result, double Error) Fused(double a, double b, double c)
    {
        var result = Math.FusedMultiplyAdd(a, b, c);
        var product = a * b;
        var low = Math.FusedMultiplyAdd(a, b, -product);
        var sum = product + c;
        return (result, sum - result + (ExactArithmetic.SumError(product, c, sum) + low));
    }

    private static Func<ulong, ulong, ulong, ulong> Function(Site site, DataType type)
    {
        var name = site.Root;
        site.TakeAny("approx", "full");
        site.Take("noftz");
        var flush = site.Take("ftz");
        var saturates = site.Take("sat");
        var relu = site.Take("relu");
        var keepsNan = site.Take("NaN");
        var rounding = TakeRounding(site);
        if (name is "neg" or "abs" && !flush)
        {
            return SignOperation(name, type);
        }

        if (type.Bits == 64)
        {
            return Double(site, name, rounding);
        }

        var odd = s_odd[name];
        var format = type.Format!;
        if (keepsNan)
        {
            var inner = odd;
            odd = (a, b, c) => double.IsNaN(a) || double.IsNaN(b) ? double.NaN : inner(a, b, c);
        }

        if (saturates)
        {
            var inner = odd;
            odd = (a, b, c) => inner(a, b, c) is var x && double.IsNaN(x) ? 0 : Math.Clamp(x, 0, 1);
        }

        if (relu)
        {
            var inner = odd;
            odd = (a, b, c) => inner(a, b, c) is var x && x < 0 ? 0 : x;
        }

        if (type == DataType.F32 && rounding == Rounding.Nearest && !flush && !saturates && Fast(name) is { } fast)
        {
            return fast;
        }

        ulong One(ulong a, ulong b, ulong c) => format.Encode(odd(format.Decode((uint)a), format.Decode((uint)b), format.Decode((uint)c)), rounding);
        if (type.Lanes == 2)
        {
            return (a, b, c) => One(a & 0xFFFF, b & 0xFFFF, c & 0xFFFF) | (One(a >> 16, b >> 16, c >> 16) << 16);
        }

        return flush && type == DataType.F32
            ? (a, b, c) => FlushSingle(One(FlushSingle(a), FlushSingle(b), FlushSingle(c)))
            : One;
    }

    private static Func<ulong, ulong, ulong, ulong> SignOperation(string name, DataType type)
    {
        var sign = type.Lanes == 2 ? 0x8000_8000UL : 1UL << (type.Bits - 1);
        return name == "neg" ? (a, _, _) => a ^ sign : (a, _, _) => a & ~sign;
    }

    /// <summary>.NET's single-precision operations round to nearest, as .rn does.</summary>
    private static Func<ulong, ulong, ulong, ulong>? Fast(string name) => name switch
    {
        "add" => (a, b, _) => Bits(Single(a) + Single(b)),
        "sub" => (a, b, _) => Bits(Single(a) - Single(b)),
        "mul" => (a, b, _) => Bits(Single(a) * Single(b)),
        "fma" or "mad" => (a, b, c) => Bits(MathF.FusedMultiplyAdd(Single(a), Single(b), Single(c))),
        _ => null,
    };

    private static float Single(ulong bits) => BitConverter.UInt32BitsToSingle((uint)bits);

    private static ulong Bits(float value) => float.IsNaN(value) ? 0x7FFF_FFFF : BitConverter.SingleToUInt32Bits(value);

    private static Func<ulong, ulong, ulong, ulong> Double(Site site, string name, Rounding rounding)
    {
        static double Value(ulong bits) => BitConverter.UInt64BitsToDouble(bits);
        if (s_double.TryGetValue(name, out var exact))
        {
            return (a, b, c) =>
            {
                var (result, error) = exact(Value(a), Value(b), Value(c));
                return BitConverter.DoubleToUInt64Bits(ExactArithmetic.Direct(result, error, rounding));
            };
        }

        var f = s_odd.TryGetValue(name, out var odd) ? odd : throw site.Error($"{name} has no .f64 form.");
        return (a, b, c) => BitConverter.DoubleToUInt64Bits(f(Value(a), Value(b), Value(c)));
    }
}
