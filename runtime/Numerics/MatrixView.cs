using System;
using System.Runtime.CompilerServices;
using Sinter.Runtime.Weights;

namespace Sinter.Runtime.Numerics;

/// <summary>
/// A stored matrix seen as [column, depth]: number (column, depth) is element offset + (column / block)·blockStride +
/// (column % block)·columnStride + depth·depthStride, and one of the last two strides is 1.
/// </summary>
public readonly unsafe struct MatrixView(
    StoredWeight* weight,
    long offset,
    int columnStride,
    int depthStride,
    int block = int.MaxValue,
    int blockStride = 0)
{
    /// <summary>The most columns that share a scale in any format.</summary>
    public const int ScaleBlock = 128;

    public readonly StoredWeight* Weight = weight;
    public readonly int ColumnStride = columnStride;
    public readonly int DepthStride = depthStride;
    private readonly long _offset = offset;
    private readonly int _block = block;
    private readonly int _blockStride = blockStride;

    /// <summary>The element at depth zero.</summary>
    public long Element(int column) =>
        column < _block
            ? _offset + (long)column * ColumnStride
            : _offset + (long)(column / _block) * _blockStride + (long)(column % _block) * ColumnStride;

    /// <summary>Where a column begins; past the last column some place that is not to be read.</summary>
    public byte* Place<W>(int column)
        where W : struct, IWeightFormat => Weight->Data + Element(column) * W.Bytes;

    /// <summary>Whether <paramref name="count"/> columns from this one on stand at equal distances.</summary>
    public bool IsEven(int column, int count) => column % _block + count <= _block;

    /// <summary>The end of the stretch from <paramref name="start"/> on that has one scale; all of the depth where there are none.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int BlockEnd<W>(int start, int depth, int at)
        where W : struct, IWeightFormat =>
        W.IsBlockScaled ? Math.Min(depth, start + W.ScaleColumns - (at + start) % W.ScaleColumns) : depth;

    /// <summary>Where the scale of an element's block stands.</summary>
    public static float* Scale(StoredWeight* weight, long element)
    {
        (ulong row, ulong column) = Math.DivRem((ulong)element, (ulong)weight->Columns);
        return weight->Scales + row / (ulong)ScaleBlocks.Rows(weight->Format) * (ulong)weight->ScaleColumns + column / (ulong)ScaleBlocks.Columns(weight->Format);
    }

    /// <summary>The first <paramref name="count"/> numbers from an element on within one stored row, widened and scaled; other lanes are zero.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Load<V, W>(StoredWeight* weight, long element, int count)
        where V : struct, ILanes<V>
        where W : struct, IWeightFormat
    {
        V numbers = Widen<V, W>(weight->Data + element * W.Bytes, count);
        return W.IsBlockScaled ? numbers * Scales<V>(weight, element, count) : numbers;
    }

    /// <summary>The first <paramref name="count"/> numbers at a place, without their scales; other lanes are zero.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Widen<V, W>(byte* place, int count)
        where V : struct, ILanes<V>
        where W : struct, IWeightFormat => count >= V.Count ? W.Load<V>(place) : WidenPart<V, W>(place, count);

    [MethodImpl(MethodImplOptions.NoInlining | MethodImplOptions.AggressiveOptimization)]
    private static V WidenPart<V, W>(byte* place, int count)
        where V : struct, ILanes<V>
        where W : struct, IWeightFormat
    {
        // Cleared: a dot product takes the other lanes in, and what lies on the stack may be no number.
        byte* numbers = stackalloc byte[V.Count * W.Bytes];
        Unsafe.CopyBlockUnaligned(numbers, place, (uint)(count * W.Bytes));
        return W.Load<V>(numbers);
    }

    /// <summary>The scales of <paramref name="count"/> elements of one stored row.</summary>
    public static V Scales<V>(StoredWeight* weight, long element, int count)
        where V : struct, ILanes<V>
    {
        float* scale = Scale(weight, element);
        int block = ScaleBlocks.Columns(weight->Format), left = block - (int)(element % weight->Columns % block);
        return left >= count ? V.All(scale[0]) : V.First(V.All(scale[0]), left, V.All(scale[1]));
    }
}
