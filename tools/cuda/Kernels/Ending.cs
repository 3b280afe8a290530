using ILGPU;
using ILGPU.Runtime;
using Sinter.Devices.Cuda.Instructions;

namespace Sinter.Cuda.Kernels;

/// <summary>The type in which a kernel leaves its results: that of the next product's factors.</summary>
public interface IEnding
{
    /// <summary>Whether each 128 of a row share a scale (DeepSeek-V3 report, 3.3.2).</summary>
    bool Scaled { get; }

    /// <summary>Stores two numbers that are neighbours in a row.</summary>
    /// <param name="result">What it holds depends on the type.</param>
    /// <param name="place">The first one's number in all rows, even.</param>
    /// <param name="x">The first.</param>
    /// <param name="y">The second.</param>
    void Put(ArrayView<ushort> result, long place, float x, float y);
}

/// <summary>A number to each entry.</summary>
public struct EndsInBF16 : IEnding
{
    public readonly bool Scaled => false;

    public readonly void Put(ArrayView<ushort> result, long place, float x, float y) => result.Cast<uint>()[place >> 1] = Narrowing.ToBF16(y, x);
}

/// <summary>Two codes to each entry, the first in the lower byte; numbers come divided by their scale.</summary>
public struct EndsInE4M3 : IEnding
{
    public readonly bool Scaled => true;

    public readonly void Put(ArrayView<ushort> result, long place, float x, float y) => result[place >> 1] = Narrowing.ToE4M3(y, x);
}
