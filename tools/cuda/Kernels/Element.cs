using Sinter.Cuda.Instructions;

namespace Sinter.Cuda.Kernels;

/// <summary>A type of the factors. Registers and shared memory hold the same bytes for both; only the product differs.</summary>
public interface IElement
{
    /// <summary>Whether sums over 128 in depth are multiplied by scales before they are added (DeepSeek-V3 report, 3.3.2).</summary>
    bool Scaled { get; }

    Sums Multiply(Words a, uint b0, uint b1, Sums c);
}

/// <summary>16 by 16 times 16 by 8.</summary>
public struct BF16 : IElement
{
    public readonly bool Scaled => false;

    public readonly Sums Multiply(Words a, uint b0, uint b1, Sums c)
        => TensorCore.MultiplyBF16(a.X, a.Y, a.Z, a.W, b0, b1, c.X, c.Y, c.Z, c.W);
}

/// <summary>16 by 32 times 32 by 8.</summary>
public struct E4M3 : IElement
{
    public readonly bool Scaled => true;

    public readonly Sums Multiply(Words a, uint b0, uint b1, Sums c)
        => TensorCore.MultiplyE4M3(a.X, a.Y, a.Z, a.W, b0, b1, c.X, c.Y, c.Z, c.W);
}
