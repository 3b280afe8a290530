using Sinter.Devices.Cuda.Instructions;

namespace Sinter.Devices.Cuda.Kernels;

/// <summary>A type of the factors. Registers and shared memory hold the same bytes for both; only the product differs.</summary>
public interface IElement
{
    /// <summary>Whether sums over 128 in depth are multiplied by scales before they are added (DeepSeek-V3 report, 3.3.2).</summary>
    bool Scaled { get; }

    Sums Multiply(Words a, uint b0, uint b1, Sums c);

    /// <summary>A piece of 128 bytes in depth of a warpgroup's product of 64 by 128: added to <paramref name="sums"/>, or where sums are scaled from zero.</summary>
    WideSums Multiply(long a, long w, WideSums sums);
}

/// <summary>16 by 16 times 16 by 8.</summary>
public struct BF16 : IElement
{
    public readonly bool Scaled => false;

    public readonly Sums Multiply(Words a, uint b0, uint b1, Sums c)
        => TensorCore.MultiplyBF16(a.X, a.Y, a.Z, a.W, b0, b1, c.X, c.Y, c.Z, c.W);

    public readonly WideSums Multiply(long a, long w, WideSums sums) => Warpgroup.MultiplyBF16(a, w, sums);
}

/// <summary>16 by 32 times 32 by 8.</summary>
public struct E4M3 : IElement
{
    public readonly bool Scaled => true;

    public readonly Sums Multiply(Words a, uint b0, uint b1, Sums c)
        => TensorCore.MultiplyE4M3(a.X, a.Y, a.Z, a.W, b0, b1, c.X, c.Y, c.Z, c.W);

    public readonly WideSums Multiply(long a, long w, WideSums sums) => Warpgroup.MultiplyE4M3(a, w);
}
