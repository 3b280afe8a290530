using ILGPU;
using Sinter.Devices.Cuda.Instructions;

namespace Sinter.Devices.Cuda.Kernels;

/// <summary>
/// The stored rows of E4M3 codes that a thread of <see cref="BlockScaledProduct"/> fetches chunks of: every 32nd of the block's 128.
/// Where there are two products, those of a warp are 16 of the first and the same 16 of the second.
/// </summary>
internal struct CodeLines<TProduct>
    where TProduct : struct, ITensorProduct
{
    private long _from;
    private int _column;
    private int _l0;
    private int _l1;
    private int _l2;
    private int _l3;

    /// <param name="line">The thread's first, 0 to 31.</param>
    public static CodeLines<TProduct> Of(TProduct product, DeviceWeight weight, DeviceWeight second, int block, int line)
    {
        int column = block * (TensorProduct.Columns / product.Products);
        CodeLines<TProduct> lines;
        lines._from = AsyncCopy.Global(ref weight.Data[0]);
        if (product.Products == 2)
        {
            if (line >= 16) lines._from = AsyncCopy.Global(ref second.Data[0]);
            line %= 16;
        }

        lines._column = column + line;
        lines._l0 = Start(product, lines._column, 0);
        lines._l1 = Start(product, lines._column, 1);
        lines._l2 = Start(product, lines._column, 2);
        lines._l3 = Start(product, lines._column, 3);
        return lines;
    }

    /// <summary>Asks for a chunk of each; zeroes past the last column and the depth, so that what is there adds nothing.</summary>
    /// <param name="to">The first one's place in shared memory.</param>
    /// <param name="number">The chunk's first, in depth.</param>
    public readonly void Fetch(TProduct product, long to, int number)
    {
        Fetch(product, to, _l0, 0, number);
        Fetch(product, to, _l1, 1, number);
        Fetch(product, to, _l2, 2, number);
        Fetch(product, to, _l3, 3, number);
    }

    private readonly void Fetch(TProduct product, long to, int start, int index, int number)
    {
        int bytes = _column + Further(product, index) < product.Columns && number < product.Depth ? 16 : 0;
        AsyncCopy.Copy(to + (index * 32 * BlockScaledProduct.CodeBytes), _from + start + number, bytes);
    }

    private static int Start(TProduct product, int column, int index) => product.Line(IntrinsicMath.Min(column + Further(product, index), product.Columns - 1));

    private static int Further(TProduct product, int index) => index * (32 / product.Products);
}
