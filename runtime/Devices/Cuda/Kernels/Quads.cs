using ILGPU;

namespace Sinter.Devices.Cuda.Kernels;

/// <summary>What the four lanes have together that hold a row of a product's sums.</summary>
public static class Quads
{
    /// <summary>The greatest of their numbers.</summary>
    public static float Maximum(float x)
    {
        x = IntrinsicMath.Max(x, Warp.ShuffleXor(x, 2));
        return IntrinsicMath.Max(x, Warp.ShuffleXor(x, 1));
    }

    /// <summary>The sum of their numbers.</summary>
    public static float Sum(float x)
    {
        x += Warp.ShuffleXor(x, 2);
        return x + Warp.ShuffleXor(x, 1);
    }
}
