using System;
using ILGPU.IR.Intrinsics;

namespace Sinter.Devices.Cuda.Instructions;

/// <summary>Powers of two.</summary>
public static class Exponential
{
    /// <summary>
    /// ex2.approx.ftz.f32: 2 to the power of x, to two units of the last place; below the least normal number zero, for which
    /// the machine has one instruction instead of four.
    /// </summary>
    [IntrinsicImplementation]
    public static float OfTwo(float x) => x < -126 ? 0 : (float)Math.Pow(2, x);
}
