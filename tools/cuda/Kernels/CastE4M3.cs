using ILGPU;
using ILGPU.Runtime;
using Sinter.Devices.Cuda.Instructions;

namespace Sinter.Cuda.Kernels;

/// <summary>Activations as E4M3 with a scale for each 128 of a row (DeepSeek-V3 report, 3.3.2): a warp to 128 numbers.</summary>
public static class CastE4M3
{
    /// <summary>Rows of a block.</summary>
    public const int Rows = 4;

    /// <summary>The kernel. Grid: (⌈depth / 128⌉, ⌈rows / 4⌉). Block: 128.</summary>
    /// <param name="x">[row, depth].</param>
    /// <param name="codes">[row, depth / 2]: two codes, the first in the lower byte.</param>
    /// <param name="scales">[row, ⌈depth / 128⌉]: x is about code · scale.</param>
    /// <param name="rows">How many.</param>
    /// <param name="depth">A multiple of 4.</param>
    /// <param name="powers">1: scales are powers of two, rounded up (UE8M0, as from V3.1 on); 0: any.</param>
    public static void Run(ArrayView<float> x, ArrayView<ushort> codes, ArrayView<float> scales, int rows, int depth, int powers)
    {
        var (row, lane) = ((Grid.IdxY * Rows) + (Group.IdxX / 32), Group.IdxX % 32);
        if (row >= rows)
        {
            return;
        }

        var column = (Grid.IdxX * 128) + (lane * 4);
        var place = ((long)row * depth) + column;
        float x0 = 0, x1 = 0, x2 = 0, x3 = 0;
        if (column < depth)
        {
            x0 = x[place];
            x1 = x[place + 1];
            x2 = x[place + 2];
            x3 = x[place + 3];
        }

        var most = IntrinsicMath.Max(IntrinsicMath.Max(IntrinsicMath.Abs(x0), IntrinsicMath.Abs(x1)), IntrinsicMath.Max(IntrinsicMath.Abs(x2), IntrinsicMath.Abs(x3)));
        most = IntrinsicMath.Max(most, Warp.ShuffleXor(most, 16));
        most = IntrinsicMath.Max(most, Warp.ShuffleXor(most, 8));
        most = IntrinsicMath.Max(most, Warp.ShuffleXor(most, 4));
        most = IntrinsicMath.Max(most, Warp.ShuffleXor(most, 2));
        most = IntrinsicMath.Max(most, Warp.ShuffleXor(most, 1));

        var scale = E4M3Scale.Of(most, powers);
        if (column < depth)
        {
            codes[place / 2] = Narrowing.ToE4M3(x1 / scale, x0 / scale);
            codes[(place / 2) + 1] = Narrowing.ToE4M3(x3 / scale, x2 / scale);
        }

        if (lane == 0)
        {
            scales[(row * ((depth + 127) / 128)) + Grid.IdxX] = scale;
        }
    }
}
