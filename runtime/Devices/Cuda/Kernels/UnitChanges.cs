using ILGPU;
using Sinter.Devices.Cuda.Instructions;

namespace Sinter.Devices.Cuda.Kernels;

/// <summary>
/// What sums are multiplied by to be carried from the units of one block's scale to those of the next in depth, and at last to plain
/// numbers: for each of a strip's four times eight columns. Eight that are neighbours share their scales.
/// </summary>
internal struct UnitChanges
{
    /// <summary>Columns that share a change.</summary>
    private const int Eight = 8;

    public float C0;
    public float C1;
    public float C2;
    public float C3;

    /// <summary>Numbers of shared memory for a depth, and columns of a block of threads.</summary>
    public static int Size(int depth, int columns) => columns / Eight * (Blocks(depth) + 1);

    /// <summary>Blocks of scales in a depth.</summary>
    public static int Blocks(int depth) => (depth + DeviceWeight.ScaleBlock - 1) / DeviceWeight.ScaleBlock;

    /// <summary>Those of a strip at a block's beginning; the last are the change to plain numbers.</summary>
    /// <param name="columns">Of the block of threads, whose strips have 32 each.</param>
    public static UnitChanges At(ArrayView<float> changes, int block, int strip, int columns)
    {
        int at = (block * (columns / Eight)) + (strip * 4);
        UnitChanges result;
        result.C0 = changes[at];
        result.C1 = changes[at + 1];
        result.C2 = changes[at + 2];
        result.C3 = changes[at + 3];
        return result;
    }

    /// <summary>The thread's share of all: it has eight columns, and some blocks. A barrier must follow.</summary>
    /// <param name="column">The block of threads' first.</param>
    /// <param name="columns">How many it has.</param>
    /// <param name="threads">Of the block.</param>
    public static void Put<TProduct>(ArrayView<float> changes, TProduct product, DeviceWeight weight, DeviceWeight second, int column, int columns, int threads)
        where TProduct : struct, ITensorProduct
    {
        int parts = columns / Eight, part = Group.IdxX % parts, strip = part / 4, eight = part % 4, blocks = Blocks(product.Depth);
        ArrayView<float> scales = weight.Scales;
        if (product.Products == 2)
        {
            if (eight >= 2) scales = second.Scales;
            eight %= 2;
        }

        column = IntrinsicMath.Min(column + (strip * (32 / product.Products)) + (eight * Eight), product.Columns - 1);
        int line = weight.Line(product.Line(column)).Scale;
        for (int block = Group.IdxX / parts; block <= blocks; block += threads / parts)
        {
            float before = scales[line + IntrinsicMath.Max(block - 1, 0)];
            changes[(block * parts) + part] = block == blocks ? before : before / scales[line + block];
        }
    }

    /// <summary>A strip's sums in the next units.</summary>
    public readonly Strip Times(Strip sums)
    {
        Strip result;
        result.C0 = Strips.Scale(sums.C0, C0, C0);
        result.C1 = Strips.Scale(sums.C1, C1, C1);
        result.C2 = Strips.Scale(sums.C2, C2, C2);
        result.C3 = Strips.Scale(sums.C3, C3, C3);
        return result;
    }
}
