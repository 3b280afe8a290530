using System;
using System.Runtime.CompilerServices;

namespace Sinter.Runtime.Numerics;

/// <summary>
/// Products of many rows with a stored matrix: two vectors of columns are widened into a panel [depth, 2·V.Count], which
/// stays in the cache while all rows pass through register tiles of <see cref="Rows"/> × 2 vectors.
/// </summary>
[SkipLocalsInit]
public static unsafe class Panel
{
    /// <summary>Rows of a register tile: with two vectors of columns, twelve sums keep both FMA units busy.</summary>
    public const int Rows = 6;

    /// <summary>Widens columns from <paramref name="column"/> on, at depths from <paramref name="start"/> on; columns past <paramref name="columns"/> become zero.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Pack<V, W>(in MatrixView matrix, int column, int columns, int start, int depth, float* panel)
        where V : struct, ILanes<V>
        where W : struct, IWeightFormat
    {
        if (matrix.DepthStride != 1) PackRows<V, W>(matrix, column, columns, start, depth, panel);
        else PackColumns<V, W>(matrix, column, columns, start, depth, panel);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void PackColumns<V, W>(in MatrixView matrix, int column, int columns, int start, int depth, float* panel)
        where V : struct, ILanes<V>
        where W : struct, IWeightFormat
    {
        float* square = stackalloc float[V.Count * V.Count];
        long* elements = stackalloc long[V.Count];
        for (int half = 0; half < 2 * V.Count; half += V.Count)
        {
            int used = Math.Clamp(columns - half, 0, V.Count);
            for (int i = 0; i < used; i++) Tiles.Prefetch(matrix.Place<W>(column + half + i + 2 * V.Count) + start * W.Bytes, depth * W.Bytes);
            for (int i = 0; i < used; i++) elements[i] = matrix.Element(column + half + i) + start;
            for (int i = used; i < V.Count; i++) V.Zero.Store(square + i * V.Count);
            int whole = 0;
            if (typeof(W) == typeof(BF16) && used == V.Count && matrix.ColumnStride % 2 == 0 && matrix.IsEven(column + half, V.Count))
            {
                whole = depth - depth % (2 * V.Count);
                PackPairs<V>(matrix.Weight->Data + elements[0] * sizeof(ushort), matrix.ColumnStride, whole, square, panel + half);
            }

            for (int k = whole; k < depth; k += V.Count)
            {
                int lanes = Math.Min(V.Count, depth - k);
                for (int i = 0; i < used; i++) MatrixView.Load<V, W>(matrix.Weight, elements[i] + k, lanes).Store(square + i * V.Count);
                float* to = panel + (long)k * 2 * V.Count + half;
                if (lanes == V.Count)
                {
                    V.Transpose(square, V.Count, to, 2 * V.Count);
                    continue;
                }

                for (int j = 0; j < lanes; j++)
                    for (int i = 0; i < V.Count; i++) to[j * 2 * V.Count + i] = square[i * V.Count + j];
            }
        }
    }

    /// <summary>
    /// Two neighbours in depth are moved as one 32-bit number and taken apart at the end: half the work of moving them
    /// widened.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void PackPairs<V>(byte* data, int columnStride, int depth, float* square, float* panel)
        where V : struct, ILanes<V>
    {
        for (int k = 0; k < depth; k += 2 * V.Count, data += 2 * V.Count * sizeof(ushort))
        {
            V.Transpose((float*)data, columnStride / 2, square, V.Count);
            for (int j = 0; j < V.Count; j++, panel += 4 * V.Count)
            {
                V.LoadBF16Pairs((ushort*)(square + j * V.Count), out V even, out V odd);
                even.Store(panel);
                odd.Store(panel + 2 * V.Count);
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void PackRows<V, W>(in MatrixView matrix, int column, int columns, int start, int depth, float* panel)
        where V : struct, ILanes<V>
        where W : struct, IWeightFormat
    {
        int lanes;
        for (int c = 0; c < 2 * V.Count; c += lanes)
        {
            int used = columns - c;
            lanes = Math.Min(V.Count, 2 * V.Count - c);
            if (used > 0)
            {
                lanes = Math.Min(lanes, used);
                while (!matrix.IsEven(column + c, lanes)) lanes--;
            }

            long element = matrix.Element(column + Math.Min(c, columns - 1)) + (long)start * matrix.DepthStride;
            for (int k = 0; k < depth; k++, element += matrix.DepthStride)
            {
                V numbers = used > 0 ? MatrixView.Load<V, W>(matrix.Weight, element, lanes) : V.Zero;
                numbers.Store(panel + (long)k * 2 * V.Count + c, lanes);
            }
        }
    }

    /// <summary>sums[row, 0 .. 2·V.Count] += Σ over depth of rows[row][start + depth] · panel[depth].</summary>
    public static void Add<V>(float** rows, int count, int start, int depth, float* panel, float* sums)
        where V : struct, ILanes<V> => Add<V>(rows, count, start, depth, panel, sums, 2 * V.Count);

    /// <summary>As the other, with <paramref name="stride"/> numbers from one row's sums to the next's.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Add<V>(float** rows, int count, int start, int depth, float* panel, float* sums, int stride)
        where V : struct, ILanes<V>
    {
        for (int row = 0; row < count; row += Rows)
        {
            int last = Math.Min(Rows, count - row) - 1;
            Tile<V>(
                rows[row] + start,
                rows[row + Math.Min(1, last)] + start,
                rows[row + Math.Min(2, last)] + start,
                rows[row + Math.Min(3, last)] + start,
                rows[row + Math.Min(4, last)] + start,
                rows[row + Math.Min(5, last)] + start,
                depth,
                panel,
                2 * V.Count,
                sums + (long)row * stride,
                stride,
                last);
        }
    }

    /// <summary>
    /// Six rows times two vectors of columns that stand <paramref name="panelStride"/> numbers apart from depth to depth.
    /// Rows past the last one repeat it and are not stored.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    internal static void Tile<V>(
        float* x0, float* x1, float* x2, float* x3, float* x4, float* x5, int depth, float* panel, int panelStride, float* sums, int stride, int last)
        where V : struct, ILanes<V>
    {
        RegisterTile.Sum(
            x0, x1, x2, x3, x4, x5, depth, panel, panelStride,
            out V a00, out V a01, out V a10, out V a11, out V a20, out V a21, out V a30, out V a31, out V a40, out V a41, out V a50, out V a51);
        Accumulate(sums, a00, a01);
        if (last > 0) Accumulate(sums + stride, a10, a11);
        if (last > 1) Accumulate(sums + 2 * stride, a20, a21);
        if (last > 2) Accumulate(sums + 3 * stride, a30, a31);
        if (last > 3) Accumulate(sums + 4 * stride, a40, a41);
        if (last > 4) Accumulate(sums + 5 * stride, a50, a51);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Accumulate<V>(float* sums, V first, V second)
        where V : struct, ILanes<V>
    {
        (V.Load(sums) + first).Store(sums);
        (V.Load(sums + V.Count) + second).Store(sums + V.Count);
    }
}
