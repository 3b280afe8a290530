using ILGPU.IR.Intrinsics;

namespace Sinter.Devices.Cuda.Instructions;

/// <summary>Pairs of BF16 from narrower numbers, exactly.</summary>
public static class Widening
{
    // 2¹²⁰: what lies between the exponents' biases, 127 and 7.
    private const uint BetweenBiases = 0x7B80_7B80;

    /// <summary>The second and fourth of four E4M3 codes. A NaN becomes 480 of its sign.</summary>
    public static uint OddE4M3(uint codes)
        // Sign on sign, exponent on the lower end of exponent; numbers below the normal range become such of BF16.
        => Multiply((codes & 0x8000_8000) | ((codes >> 4) & 0x07F0_07F0), BetweenBiases);

    /// <summary>The first and third.</summary>
    public static uint EvenE4M3(uint codes) => OddE4M3(codes << 8);

    /// <summary>fma.rn.bf16x2 that adds −0: the products of two pairs, rounded to the nearest, ties to even.</summary>
    [IntrinsicImplementation]
    public static uint Multiply(uint pair, uint other)
        => NarrowFloats.ToBF16(NarrowFloats.FromBF16(pair & 0xFFFF) * NarrowFloats.FromBF16(other & 0xFFFF))
            | (NarrowFloats.ToBF16(NarrowFloats.FromBF16(pair >> 16) * NarrowFloats.FromBF16(other >> 16)) << 16);
}
