using ILGPU;
using Sinter.Devices.Cuda.Instructions;

namespace Sinter.Devices.Cuda.Kernels;

/// <summary>
/// The stored rows that a thread of <see cref="TensorProduct"/> fetches chunks of: every 16th of the block's 128. Where there are
/// two products, those of a warp are 16 of the first and the same 16 of the second, so that a lane has both sums of a result.
/// </summary>
internal struct Lines<TProduct>
    where TProduct : struct, ITensorProduct
{
    private long _first;
    private long _second;
    private int _column;
    private int _l0;
    private int _l1;
    private int _l2;
    private int _l3;
    private int _l4;
    private int _l5;
    private int _l6;
    private int _l7;

    /// <param name="line">The thread's first, 0 to 15.</param>
    public static Lines<TProduct> Of(TProduct product, DeviceWeight weight, DeviceWeight second, int block, int line)
    {
        int column = (block * (TensorProduct.BlockColumns / product.Products)) + line;
        Lines<TProduct> lines;
        lines._first = AsyncCopy.Global(ref weight.Data[0]);
        lines._second = AsyncCopy.Global(ref second.Data[0]);
        lines._column = column;
        lines._l0 = Start(product, column, 0);
        lines._l1 = Start(product, column, 1);
        lines._l2 = Start(product, column, 2);
        lines._l3 = Start(product, column, 3);
        lines._l4 = Start(product, column, 4);
        lines._l5 = Start(product, column, 5);
        lines._l6 = Start(product, column, 6);
        lines._l7 = Start(product, column, 7);
        return lines;
    }

    /// <summary>Asks for a chunk of each; zeroes past the last column and the depth, so that what is there adds nothing.</summary>
    /// <param name="to">The first one's place in shared memory.</param>
    /// <param name="number">The chunk's first, in depth.</param>
    public readonly void Fetch(TProduct product, long to, int number)
    {
        Fetch(product, to, _first, _l0, 0, number);
        Fetch(product, to, _second, _l1, 1, number);
        Fetch(product, to, _first, _l2, 2, number);
        Fetch(product, to, _second, _l3, 3, number);
        Fetch(product, to, _first, _l4, 4, number);
        Fetch(product, to, _second, _l5, 5, number);
        Fetch(product, to, _first, _l6, 6, number);
        Fetch(product, to, _second, _l7, 7, number);
    }

    private readonly void Fetch(TProduct product, long to, long from, int start, int index, int number)
    {
        int bytes = _column + Further(product, index) < product.Columns && number < product.Depth ? 16 : 0;
        AsyncCopy.Copy(to + (index * 16 * 128), from + ((start + (long)number) * 2), bytes);
    }

    private static int Start(TProduct product, int column, int index) => product.Line(IntrinsicMath.Min(column + Further(product, index), product.Columns - 1));

    private static int Further(TProduct product, int index) => product.Products == 2 ? index / 2 * 16 : index * 16;
}
