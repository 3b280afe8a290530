using ILGPU;

namespace Sinter.Cuda.Kernels;

/// <summary>By what numbers are divided before they become E4M3 (DeepSeek-V3 report, 3.3.2).</summary>
public static class E4M3Scale
{
    /// <summary>The scale of a block.</summary>
    /// <param name="most">The greatest magnitude in it. Nothing but zeroes must not divide by zero; DeepSeek's kernel takes the same bound.</param>
    /// <param name="powers">1: a power of two, rounded up (UE8M0, as from V3.1 on); 0: any.</param>
    public static float Of(float most, int powers)
    {
        var scale = IntrinsicMath.Max(most, 1e-4f) / 448f;
        return powers != 0 ? Interop.IntAsFloat((Interop.FloatAsInt(scale) + 0x7FFFFF) & 0x7F800000u) : scale;
    }
}
