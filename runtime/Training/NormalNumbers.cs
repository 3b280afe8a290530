using System;
using Sinter.Runtime.Sampling;

namespace Sinter.Runtime.Training;

/// <summary>Normally distributed numbers that are the same on every machine.</summary>
public static class NormalNumbers
{
    private const ulong FnvOffset = 0xCBF29CE484222325, FnvPrime = 0x100000001B3;

    /// <summary>Fills a tensor from normal(0, <paramref name="deviation"/>), by seed and name: tensors do not depend on each other.</summary>
    public static void Fill(Span<float> numbers, ulong seed, string name, double deviation)
    {
        // FNV-1a over the name's characters: string.GetHashCode differs from run to run.
        ulong hash = FnvOffset;
        foreach (char c in name) hash = (hash ^ c) * FnvPrime;
        var random = new RandomSequence(new RandomSequence(seed).NextBits() ^ hash);
        for (int i = 0; i < numbers.Length; i += 2)
        {
            // Box and Muller (1958): two uniform numbers make two normal ones. The first is above zero.
            double radius = deviation * Math.Sqrt(-2 * Math.Log(1 - random.NextDouble()));
            (double sine, double cosine) = Math.SinCos(2 * Math.PI * random.NextDouble());
            numbers[i] = (float)(radius * cosine);
            if (i + 1 < numbers.Length) numbers[i + 1] = (float)(radius * sine);
        }
    }
}
