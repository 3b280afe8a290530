using ILGPU;

namespace Sinter.Devices.Cuda.Kernels;

/// <summary>
/// What sums are multiplied by to be carried from the units of one block's scale to those of the next in depth, and at last to plain
/// numbers: for each of a warp's four times eight columns. Eight that are neighbours share their scales.
/// </summary>
internal struct UnitChanges
{
    /// <summary>Eight columns each, in a block of threads.</summary>
    private const int Parts = TensorProduct.Columns / 8;

    public float C0;
    public float C1;
    public float C2;
    public float C3;

    /// <summary>Numbers of shared memory for a depth.</summary>
    public static int Size(int depth) => Parts * (Blocks(depth) + 1);

    /// <summary>Blocks of scales in a depth.</summary>
    public static int Blocks(int depth) => (depth + DeviceWeight.ScaleBlock - 1) / DeviceWeight.ScaleBlock;

    /// <summary>Those of a warp at a block's beginning; the last are the change to plain numbers.</summary>
    public static UnitChanges At(ArrayView<float> changes, int block, int warp)
    {
        int at = (block * Parts) + (warp * 4);
        UnitChanges result;
        result.C0 = changes[at];
        result.C1 = changes[at + 1];
        result.C2 = changes[at + 2];
        result.C3 = changes[at + 3];
        return result;
    }

    /// <summary>The thread's share of all: it has eight columns, and every eighth block. A barrier must follow.</summary>
    public static void Put<TProduct>(ArrayView<float> changes, TProduct product, DeviceWeight weight, DeviceWeight second, int column)
        where TProduct : struct, ITensorProduct
    {
        int part = Group.IdxX % Parts, warp = part / 4, eight = part % 4, blocks = Blocks(product.Depth);
        ArrayView<float> scales = weight.Scales;
        if (product.Products == 2)
        {
            if (eight >= 2) scales = second.Scales;
            eight %= 2;
        }

        column = IntrinsicMath.Min(column + (warp * (32 / product.Products)) + (eight * 8), product.Columns - 1);
        int line = weight.Line(product.Line(column)).Scale;
        for (int block = Group.IdxX / Parts; block <= blocks; block += TensorProduct.Threads / Parts)
        {
            float before = scales[line + IntrinsicMath.Max(block - 1, 0)];
            changes[(block * Parts) + part] = block == blocks ? before : before / scales[line + block];
        }
    }
}
