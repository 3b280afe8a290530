using System;

namespace Sinter.Devices.Cuda.Instructions;

/// <summary>BF16 and E4M3 as the instructions read and write them.</summary>
public static class NarrowFloats
{
    /// <summary>The value of the low 16 bits as BF16.</summary>
    public static float FromBF16(uint bits) => BitConverter.UInt32BitsToSingle(bits << 16);

    /// <summary>The nearest BF16, ties to even; a NaN becomes 0x7FFF.</summary>
    public static uint ToBF16(float value)
    {
        if (float.IsNaN(value))
        {
            return 0x7FFF;
        }

        var bits = BitConverter.SingleToUInt32Bits(value);
        return (bits + 0x7FFF + ((bits >> 16) & 1)) >> 16;
    }

    /// <summary>The value of the low 8 bits as E4M3: bias 7, no infinities, 0x7F and 0xFF are NaN.</summary>
    public static float FromE4M3(uint bits)
    {
        var (exponent, fraction) = ((int)(bits >> 3) & 15, (int)bits & 7);
        if (exponent == 15 && fraction == 7)
        {
            return float.NaN;
        }

        var magnitude = exponent == 0 ? MathF.ScaleB(fraction, -9) : MathF.ScaleB(8 + fraction, exponent - 10);
        return (bits & 0x80) != 0 ? -magnitude : magnitude;
    }

    /// <summary>The nearest E4M3, ties to even; what is too large becomes 448 of its sign, a NaN 0x7F.</summary>
    public static uint ToE4M3(float value)
    {
        if (float.IsNaN(value))
        {
            return 0x7F;
        }

        var sign = BitConverter.SingleToUInt32Bits(value) >> 31 << 7;
        var magnitude = Math.Min(Math.Abs(value), 448f);
        var exponent = magnitude < 0.015625f ? -6 : Math.ILogB(magnitude);
        // Units of the last place: three fraction bits below the exponent.
        var units = (uint)MathF.Round(MathF.ScaleB(magnitude, 3 - exponent), MidpointRounding.ToEven);
        return exponent == -6 ? sign | units : Math.Min(sign | (uint)((exponent + 6) << 3) + units, sign | 0x7E);
    }
}
