using System;
using System.Runtime.CompilerServices;

namespace Sinter.Runtime.Numerics;

/// <summary>
/// One number at a time between f32 and the narrow formats. Encoding takes the nearest value, ties to even, and keeps a
/// NaN a NaN. This is the truth that vector code and other devices are tested against.
/// </summary>
public static class ElementCasts
{
    /// <summary>The largest finite E4M3 value: block scales are amax / 448.</summary>
    public const float LargestE4M3 = 448f;

    private const float SmallestNormalE4M3 = 1f / 64;
    private const float TwoTo120 = 1329227995784915872903807060280344576f;

    /// <summary>BF16: the upper half of a 32-bit float.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float DecodeBF16(ushort bits) => BitConverter.UInt32BitsToSingle((uint)bits << 16);

    /// <summary>Overflow rounds to infinity.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ushort EncodeBF16(float value)
    {
        uint bits = BitConverter.SingleToUInt32Bits(value);
        // Rounding could carry a NaN's bits into its sign: keep their upper half and make it quiet.
        if (float.IsNaN(value)) return (ushort)(bits >> 16 | 0x40);
        return (ushort)(bits + 0x7FFF + (bits >> 16 & 1) >> 16);
    }

    /// <summary>F16: IEEE half precision.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float DecodeF16(ushort bits) => (float)BitConverter.UInt16BitsToHalf(bits);

    /// <summary>Overflow rounds to infinity.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ushort EncodeF16(float value) => BitConverter.HalfToUInt16Bits((Half)value);

    /// <summary>
    /// FP8 E4M3 (the "fn" form): 4 bits of exponent with bias 7, 3 of mantissa, no infinities; 0x7F and 0xFF are NaN.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float DecodeE4M3(byte code)
    {
        uint sign = (uint)(code & 0x80) << 24;
        if ((code & 0x7F) == 0x7F) return BitConverter.UInt32BitsToSingle(sign | 0x7FC00000);
        // The 7 bits set 20 places up read as a float 2^120 times too small, subnormal codes included.
        return BitConverter.UInt32BitsToSingle(sign | (uint)(code & 0x7F) << 20) * TwoTo120;
    }

    /// <summary>What is too large, infinities too, becomes ±448.</summary>
    public static byte EncodeE4M3(float value)
    {
        uint bits = BitConverter.SingleToUInt32Bits(value);
        int sign = (int)(bits >> 24) & 0x80;
        float magnitude = MathF.Abs(value);
        if (float.IsNaN(value)) return (byte)(sign | 0x7F);
        if (magnitude >= LargestE4M3) return (byte)(sign | 0x7E);
        // Below the normal range codes are multiples of 2^-9, and code 8 is the smallest normal one.
        if (magnitude < SmallestNormalE4M3) return (byte)(sign | (int)MathF.Round(magnitude * 512f, MidpointRounding.ToEven));
        int rounded = (int)((bits & 0x7FFFFFFF) + 0x7FFFF + (bits >> 20 & 1) >> 20);
        return (byte)(sign | Math.Min(rounded - (120 << 3), 0x7E));
    }

    /// <summary>UE8M0, a scale that is a power of two: code c stands for 2^(c − 127), and 255 for NaN.</summary>
    public static float DecodeE8M0(byte code) => code switch
    {
        255 => float.NaN,
        0 => BitConverter.UInt32BitsToSingle(1u << 22), // 2^-127 is a subnormal float
        _ => BitConverter.UInt32BitsToSingle((uint)code << 23),
    };

    /// <summary>
    /// The smallest power of two that is not less than <paramref name="value"/>, so that a scaled block never overflows;
    /// a value up to 2^-127 gives code 0, and one that is negative or not finite gives 255.
    /// </summary>
    public static byte EncodeE8M0Up(float value)
    {
        if (!(value >= 0) || float.IsInfinity(value)) return 255;
        uint bits = BitConverter.SingleToUInt32Bits(value);
        uint exponent = bits >> 23, mantissa = bits & 0x7FFFFF;
        if (exponent == 0) return (byte)(mantissa > 1u << 22 ? 1 : 0);
        return (byte)Math.Min(exponent + (mantissa != 0 ? 1u : 0u), 254u);
    }
}
