using System;

namespace Sinter.Ptx.Numerics;

internal enum Rounding
{
    /// <summary>.rn: to the nearest, ties to even.</summary>
    Nearest,

    /// <summary>.rna: to the nearest, ties away from zero.</summary>
    NearestAway,

    /// <summary>.rz: toward zero.</summary>
    Zero,

    /// <summary>.rm: toward minus infinity.</summary>
    Down,

    /// <summary>.rp: toward plus infinity.</summary>
    Up,
}

/// <summary>
/// A binary floating-point format of at most 32 bits, with exact rounding from double. A double made by
/// <see cref="ExactArithmetic"/> carries a sticky last bit, so one more rounding to a narrower format is right.
/// </summary>
internal sealed class FloatFormat
{
    private readonly int _mantissa;
    private readonly int _bias;
    private readonly int _shift;
    private readonly uint _largest;
    private readonly uint _infinity;
    private readonly uint _nan;

    private FloatFormat(int bits, int mantissa, int bias, uint largest, uint infinity, uint nan, int shift = 0)
    {
        Bits = bits;
        _mantissa = mantissa;
        _bias = bias;
        _largest = largest;
        _infinity = infinity;
        _nan = nan;
        _shift = shift;
    }

    public static FloatFormat Single { get; } = new(32, 23, 127, 0x7F7F_FFFF, 0x7F80_0000, 0x7FFF_FFFF);

    public static FloatFormat Half { get; } = new(16, 10, 15, 0x7BFF, 0x7C00, 0x7FFF);

    public static FloatFormat BFloat16 { get; } = new(16, 7, 127, 0x7F7F, 0x7F80, 0x7FFF);

    /// <summary>TF32: f32 with 10 bits of mantissa, held in the upper 19 bits.</summary>
    public static FloatFormat TensorFloat { get; } = new(32, 10, 127, 0x7F7F_FFFF >> 13, 0x7F80_0000 >> 13, 0x7FFF_FFFF >> 13, 13);

    /// <summary>FP8 E4M3: no infinities, largest 448.</summary>
    public static FloatFormat E4M3 { get; } = new(8, 3, 7, 0x7E, 0x7F, 0x7F);

    /// <summary>FP8 E5M2: largest 57344.</summary>
    public static FloatFormat E5M2 { get; } = new(8, 2, 15, 0x7B, 0x7C, 0x7F);

    public int Bits { get; }

    /// <summary>The bits of a value. With <paramref name="finite"/>, what is too large becomes the largest number.</summary>
    public uint Encode(double value, Rounding rounding = Rounding.Nearest, bool finite = false)
    {
        if (double.IsNaN(value))
        {
            return _nan << _shift;
        }

        var negative = double.IsNegative(value);
        var sign = negative ? 1U << (Bits - 1) : 0;
        var magnitude = Math.Abs(value);
        if (magnitude == 0)
        {
            return sign;
        }

        var bits = double.IsInfinity(magnitude) ? finite ? _largest : _infinity : Round(magnitude, negative, rounding);
        if (bits > _largest && double.IsFinite(value))
        {
            var stays = finite
                || rounding == Rounding.Zero
                || (rounding == Rounding.Down && !negative)
                || (rounding == Rounding.Up && negative);
            bits = stays ? _largest : _infinity;
        }

        return sign | (bits << _shift);
    }

    /// <summary>The value of the bits; NaN and infinities included.</summary>
    public double Decode(uint encoded)
    {
        var bits = (encoded & ((1UL << (Bits - 1)) - 1)) >> _shift;
        var negative = (encoded >> (Bits - 1) & 1) != 0;
        double magnitude;
        if (bits == _infinity && _infinity != _nan)
        {
            magnitude = double.PositiveInfinity;
        }
        else if (bits > _largest)
        {
            return double.NaN;
        }
        else
        {
            var exponent = (int)(bits >> _mantissa);
            var fraction = (double)(bits & ((1U << _mantissa) - 1));
            magnitude = exponent == 0
                ? Math.ScaleB(fraction, 1 - _bias - _mantissa)
                : Math.ScaleB(fraction + (1U << _mantissa), exponent - _bias - _mantissa);
        }

        return negative ? -magnitude : magnitude;
    }

    private uint Round(double magnitude, bool negative, Rounding rounding)
    {
        var lowest = 1 - _bias;
        var exponent = Math.Max(Math.ILogB(magnitude), lowest);
        if (exponent > _bias + 1)
        {
            return _largest + 1;
        }

        var scaled = Math.ScaleB(magnitude, _mantissa - exponent);
        var whole = Math.Floor(scaled);
        var rest = scaled - whole;
        var number = (uint)whole;
        var up = rounding switch
        {
            Rounding.Nearest => rest > 0.5 || (rest == 0.5 && (number & 1) == 1),
            Rounding.NearestAway => rest >= 0.5,
            Rounding.Down => negative && rest > 0,
            Rounding.Up => !negative && rest > 0,
            _ => false,
        };

        // The hidden bit in `number` carries into the exponent field by itself.
        return ((uint)(exponent - lowest) << _mantissa) + number + (up ? 1U : 0U);
    }
}
