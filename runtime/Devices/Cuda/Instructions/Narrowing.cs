using ILGPU.IR.Intrinsics;

namespace Sinter.Devices.Cuda.Instructions;

/// <summary>Pairs of narrow numbers from two of 32 bits, rounded to the nearest, ties to even.</summary>
public static class Narrowing
{
    /// <summary>cvt.rn.bf16x2.f32.</summary>
    [IntrinsicImplementation]
    public static uint ToBF16(float upper, float lower) => (NarrowFloats.ToBF16(upper) << 16) | NarrowFloats.ToBF16(lower);

    /// <summary>cvt.rn.satfinite.e4m3x2.f32: beyond 448 the result is 448.</summary>
    [IntrinsicImplementation]
    public static ushort ToE4M3(float upper, float lower) => (ushort)((NarrowFloats.ToE4M3(upper) << 8) | NarrowFloats.ToE4M3(lower));
}
