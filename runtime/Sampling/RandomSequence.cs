using System;
using System.Security.Cryptography;

namespace Sinter.Runtime.Sampling;

/// <summary>
/// SplitMix64 (Steele, Lea and Flood, 2014): a counter in steps of the golden ratio, mixed. Small, fast and the same on
/// every machine and version, which <see cref="Random"/> does not promise.
/// </summary>
public struct RandomSequence
{
    private ulong _state;

    public RandomSequence(ulong seed) => _state = seed;

    /// <summary>A sequence that cannot be foretold.</summary>
    public static RandomSequence Unpredictable()
    {
        Span<byte> seed = stackalloc byte[sizeof(ulong)];
        RandomNumberGenerator.Fill(seed);
        return new RandomSequence(BitConverter.ToUInt64(seed));
    }

    public ulong NextBits()
    {
        ulong z = _state += 0x9E3779B97F4A7C15;
        z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9;
        z = (z ^ z >> 27) * 0x94D049BB133111EB;
        return z ^ z >> 31;
    }

    /// <summary>A number from 0 up to, not including, 1: the upper 53 bits.</summary>
    public double NextDouble() => (NextBits() >> 11) * (1.0 / (1UL << 53));
}
