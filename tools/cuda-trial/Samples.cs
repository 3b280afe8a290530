using System;
using System.Collections.Generic;
using System.Linq;
using System.Runtime.InteropServices;
using Sinter.Devices.Cuda.Instructions;

namespace Sinter.CudaTrial;

/// <summary>Random numbers in the stored formats, and which results to look at.</summary>
internal static class Samples
{
    /// <summary>Codes of all magnitudes from 2⁻⁶ to 4, or BF16 between -2 and 2.</summary>
    public static byte[] Codes(Random random, long count, bool e4m3)
    {
        if (e4m3)
        {
            var codes = new byte[count];
            random.NextBytes(codes);
            for (var i = 0; i < codes.Length; i++)
            {
                codes[i] = (byte)((codes[i] & 0x80) + 0x08 + ((codes[i] & 0x7F) / 2));
            }

            return codes;
        }

        var numbers = new ushort[count];
        for (var i = 0; i < numbers.Length; i++)
        {
            numbers[i] = (ushort)NarrowFloats.ToBF16((random.NextSingle() - 0.5f) * 4);
        }

        return MemoryMarshal.AsBytes<ushort>(numbers).ToArray();
    }

    public static double Value(byte[] codes, long index, bool e4m3)
        => e4m3 ? NarrowFloats.FromE4M3(codes[index]) : NarrowFloats.FromBF16(BitConverter.ToUInt16(codes, (int)(2 * index)));

    /// <summary>All of few; of many the first, the last and some in between.</summary>
    public static IEnumerable<long> Of(Random random, long count, int most)
        => count <= most ? Enumerable.Range(0, (int)count).Select(i => (long)i) : [0, count - 1, .. Enumerable.Range(0, most - 2).Select(_ => random.NextInt64(count))];

    /// <summary>The larger of two errors; what is no number counts as infinite.</summary>
    public static double Worse(double worst, double error) => double.IsNaN(error) ? double.PositiveInfinity : Math.Max(worst, error);
}
