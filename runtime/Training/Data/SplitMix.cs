using Sinter.Runtime.Sampling;

namespace Sinter.Runtime.Training.Data;

/// <summary>A number becomes a random one, the same everywhere and for ever: the first of the <see cref="RandomSequence"/> that it starts.</summary>
internal static class SplitMix
{
    public static ulong Mix(ulong number) => new RandomSequence(number).NextBits();

    /// <summary>One number out of several.</summary>
    public static ulong Mix(ulong first, ulong second, ulong third) => Mix(Mix(Mix(first) ^ second) ^ third);

    /// <summary>From 0 to 1, without 1.</summary>
    public static double Fraction(ulong bits) => (bits >> 11) * (1.0 / (1UL << 53));
}
