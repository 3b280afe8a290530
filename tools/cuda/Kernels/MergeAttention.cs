using ILGPU;
using ILGPU.Runtime;
using Sinter.Devices.Cuda.Instructions;

namespace Sinter.Cuda.Kernels;

/// <summary>Puts the parts of <see cref="LatentAttention"/> together: each has a maximum of its own.</summary>
public static class MergeAttention
{
    /// <summary>Threads of a block; each has four numbers of the result.</summary>
    public const int Threads = LatentAttention.Values / 4;

    /// <summary>The kernel. Grid: (heads, sequences). Block: 128.</summary>
    /// <param name="sums">[sequence, part, head, 512].</param>
    /// <param name="weights">[sequence, part, head, 2]: maximum and sum of powers. At least one part has a sum that is not zero.</param>
    /// <param name="result">[sequence, head, 512].</param>
    /// <param name="parts">How many.</param>
    public static void Run(ArrayView<float> sums, ArrayView<float> weights, ArrayView<float> result, int parts)
    {
        var heads = Grid.DimX;
        var first = ((long)Grid.IdxY * parts * heads) + Grid.IdxX;
        var maximum = weights[first * 2];
        for (var part = 1; part < parts; part++)
        {
            maximum = IntrinsicMath.Max(maximum, weights[(first + ((long)part * heads)) * 2]);
        }

        float total = 0, x = 0, y = 0, z = 0, w = 0;
        for (var part = 0; part < parts; part++)
        {
            var row = first + ((long)part * heads);
            var factor = Exponential.OfTwo(weights[row * 2] - maximum);
            total += weights[(row * 2) + 1] * factor;
            var place = (row * LatentAttention.Values) + Group.IdxX;
            x += sums[place] * factor;
            y += sums[place + Threads] * factor;
            z += sums[place + (2 * Threads)] * factor;
            w += sums[place + (3 * Threads)] * factor;
        }

        var to = ((((long)Grid.IdxY * heads) + Grid.IdxX) * LatentAttention.Values) + Group.IdxX;
        result[to] = x / total;
        result[to + Threads] = y / total;
        result[to + (2 * Threads)] = z / total;
        result[to + (3 * Threads)] = w / total;
    }
}
