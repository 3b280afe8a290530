using ILGPU;
using ILGPU.Algorithms;

namespace Sinter.Devices;

/// <summary>Functions that kernels use and devices do not have by themselves.</summary>
public static class DeviceMath
{
    public static float Sigmoid(float x) => 1 / (1 + XMath.Exp(-x));

    public static float Silu(float x) => x / (1 + XMath.Exp(-x));

    public static float Relu(float x) => x > 0 ? x : 0;

    /// <summary>1 above zero, else 0; by its bits, since ILGPU takes a choice between the constants 1 and 0 for a truth value.</summary>
    public static float Step(float x) => Interop.IntAsFloat(x > 0 ? 0x3f800000u : 0u);
}
