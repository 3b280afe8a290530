using ILGPU;
using Sinter.Devices.Cuda.Instructions;

namespace Sinter.Devices.Cuda.Kernels;

/// <summary>
/// The stored rows that a thread fetches chunks of, some of the block's lines a constant distance apart, which is a multiple of 32.
/// Where there are two products, 32 lines are 16 of the first and the same 16 of the second; so a thread's are all of one.
/// </summary>
internal struct SpreadLines<TProduct>
    where TProduct : struct, ITensorProduct
{
    private long _from;
    private int _column;
    private int _distance;
    private int _l0;
    private int _l1;
    private int _l2;
    private int _l3;
    private int _l4;
    private int _l5;
    private int _l6;
    private int _l7;

    /// <param name="column">The block's first.</param>
    /// <param name="line">The thread's first, below the distance.</param>
    /// <param name="distance">In lines, a constant.</param>
    public static SpreadLines<TProduct> Of(TProduct product, DeviceWeight weight, DeviceWeight second, int column, int line, int distance)
    {
        SpreadLines<TProduct> lines = default;
        lines._from = AsyncCopy.Global(ref weight.Data[0]);
        if (product.Products == 2)
        {
            if (line % 32 >= 16) lines._from = AsyncCopy.Global(ref second.Data[0]);
            line = (line / 32 * 16) + (line % 16);
        }

        lines._column = column + line;
        lines._distance = distance / product.Products;
        lines._l0 = lines.Start(product, 0);
        lines._l1 = lines.Start(product, 1);
        lines._l2 = lines.Start(product, 2);
        lines._l3 = lines.Start(product, 3);
        lines._l4 = lines.Start(product, 4);
        lines._l5 = lines.Start(product, 5);
        lines._l6 = lines.Start(product, 6);
        lines._l7 = lines.Start(product, 7);
        return lines;
    }

    /// <summary>Asks for a chunk of each of four; zeroes past the last column and the depth, so that what is there adds nothing.</summary>
    /// <param name="to">The first one's place in shared memory.</param>
    /// <param name="apart">Bytes from there to the next one's.</param>
    /// <param name="number">The chunk's first, in depth.</param>
    /// <param name="bytes">Of a number.</param>
    public readonly void FetchFour(TProduct product, long to, int apart, int number, int bytes)
    {
        Fetch(product, to, _l0, 0, number, bytes);
        Fetch(product, to + apart, _l1, 1, number, bytes);
        Fetch(product, to + (2 * apart), _l2, 2, number, bytes);
        Fetch(product, to + (3 * apart), _l3, 3, number, bytes);
    }

    /// <summary>The same of eight.</summary>
    /// <inheritdoc cref="FetchFour"/>
    public readonly void FetchEight(TProduct product, long to, int apart, int number, int bytes)
    {
        FetchFour(product, to, apart, number, bytes);
        Fetch(product, to + (4 * apart), _l4, 4, number, bytes);
        Fetch(product, to + (5 * apart), _l5, 5, number, bytes);
        Fetch(product, to + (6 * apart), _l6, 6, number, bytes);
        Fetch(product, to + (7 * apart), _l7, 7, number, bytes);
    }

    private readonly void Fetch(TProduct product, long to, int start, int index, int number, int bytes)
    {
        int there = _column + (index * _distance) < product.Columns && number < product.Depth ? 16 : 0;
        AsyncCopy.Copy(to, _from + ((start + (long)number) * bytes), there);
    }

    private readonly int Start(TProduct product, int index) => product.Line(IntrinsicMath.Min(_column + (index * _distance), product.Columns - 1));
}
