using System;
using System.Collections.Generic;
using System.Numerics;
using Sinter.Ptx.Decoding;
using Sinter.Ptx.Execution;
using Sinter.Ptx.Numerics;

namespace Sinter.Ptx.Operations;

/// <summary>Conversions (PTX ISA, section 9.7.9.21, "cvt").</summary>
internal static class Conversions
{
    public static Dictionary<string, Decode> Table { get; } = new() { ["cvt"] = Convert };

    private static Execute Convert(Site site)
    {
        var toInteger = site.TakeAny("rni", "rzi", "rmi", "rpi");
        var rounding = FloatArithmetic.TakeRounding(site);
        var flush = site.Take("ftz");
        var relu = site.Take("relu");
        var finite = site.Take("satfinite");
        var saturates = site.Take("sat");
        var to = site.TakeType();
        var from = site.TakeType();
        if (to.Lanes == 2 && from.Lanes == 1)
        {
            // The first source goes to the upper half.
            var one = Single(to, from, null, rounding, flush, relu, finite, saturates);
            return LaneLoops.Map(site.Out(0, to), site.In(1, from), site.In(2, from), (a, b) => (one(a) << to.Format!.Bits) | one(b));
        }

        var convert = Single(to, from, toInteger, rounding, flush, relu, finite, saturates);
        var (d, x) = (site.Out(0, to), site.In(1, from));
        if (to.Lanes == 2)
        {
            var (half, full) = (from.Format!.Bits, to.Format!.Bits);
            return LaneLoops.Map(d, x, a => (convert(a >> half) << full) | convert(a & ((1UL << half) - 1)));
        }

        // A source register may be wider than its type.
        return LaneLoops.Map(d, x, a => convert(a & from.Mask));
    }

    private static Func<ulong, ulong> Single(
        DataType to, DataType from, string? toInteger, Rounding rounding, bool flush, bool relu, bool finite, bool saturates)
    {
        if (!from.IsFloat && !to.IsFloat)
        {
            return a => Integer(from.IsSigned ? from.SignExtend(a) : (Int128)a, to, saturates);
        }

        if (!from.IsFloat)
        {
            return a =>
            {
                var value = from.IsSigned ? from.SignExtend(a) : (Int128)a;
                return EncodeInteger(value, to, rounding);
            };
        }

        double Value(ulong a)
        {
            a = flush && from == DataType.F32 ? FloatArithmetic.FlushSingle(a) : a;
            return from.Format is { } format ? format.Decode((uint)a) : BitConverter.UInt64BitsToDouble(a);
        }

        if (!to.IsFloat)
        {
            return a => FromFloat(Whole(Value(a), toInteger ?? "rzi"), to);
        }

        return a =>
        {
            var value = toInteger is null ? Value(a) : Whole(Value(a), toInteger);
            value = relu && value < 0 ? 0 : value;
            value = saturates ? double.IsNaN(value) ? 0 : Math.Clamp(value, 0, 1) : value;
            if (to.Format is not { } format)
            {
                return BitConverter.DoubleToUInt64Bits(value);
            }

            var bits = (ulong)format.Encode(value, rounding, finite);
            return flush && to == DataType.F32 ? FloatArithmetic.FlushSingle(bits) : bits;
        };
    }

    private static double Whole(double value, string mode) => mode switch
    {
        "rni" => Math.Round(value, MidpointRounding.ToEven),
        "rmi" => Math.Floor(value),
        "rpi" => Math.Ceiling(value),
        _ => Math.Truncate(value),
    };

    private static ulong Integer(Int128 value, DataType to, bool saturates)
    {
        if (saturates)
        {
            value = Int128.Clamp(value, Least(to), Most(to));
        }

        return (ulong)value & to.Mask;
    }

    /// <summary>Floating point to integer always clamps; NaN gives 0, or for 64 bits the top bit (section 9.7.9.21).</summary>
    private static ulong FromFloat(double value, DataType to)
    {
        if (double.IsNaN(value))
        {
            return to.Bits == 64 ? 0x8000_0000_0000_0000 : 0;
        }

        if (value >= Math.ScaleB(1, 64))
        {
            return (ulong)Most(to) & to.Mask;
        }

        return value <= -Math.ScaleB(1, 64) ? (ulong)Least(to) & to.Mask : Integer((Int128)value, to, saturates: true);
    }

    private static Int128 Least(DataType type) => type.IsSigned ? -((Int128)1 << (type.Bits - 1)) : 0;

    private static Int128 Most(DataType type) => ((Int128)1 << (type.IsSigned ? type.Bits - 1 : type.Bits)) - 1;

    /// <summary>A 64-bit integer does not always fit a double; its low bits become a sticky one first.</summary>
    private static ulong EncodeInteger(Int128 value, DataType to, Rounding rounding)
    {
        if (to.Format is { } format)
        {
            var magnitude = (ulong)(value < 0 ? -value : value);
            var odd = magnitude;
            var spare = 64 - BitOperations.LeadingZeroCount(magnitude) - 53;
            if (spare > 0)
            {
                var rest = magnitude & ((1UL << spare) - 1);
                odd = (magnitude - rest) | (rest != 0 ? 1UL << spare : 0);
            }

            return format.Encode(value < 0 ? -(double)odd : odd, rounding);
        }

        var near = (double)value;
        return BitConverter.DoubleToUInt64Bits(ExactArithmetic.Direct(near, (double)(value - (Int128)near), rounding));
    }
}
