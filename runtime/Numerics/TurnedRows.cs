using System;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics.X86;
using Sinter.Runtime.Weights;

namespace Sinter.Runtime.Numerics;

/// <summary>
/// Products of some rows with a stored matrix, as an expert has them in prefill. Lanes run along the rows, which are turned
/// once; the matrix is widened as it stands. To turn the matrix, as <see cref="Panel"/> does, costs more than the
/// products themselves where only a few dozen rows share it. The numbers are the same as Panel's.
/// </summary>
[SkipLocalsInit]
public static unsafe class TurnedRows
{
    /// <summary>Columns that are widened at once: two register tiles of six.</summary>
    private const int Strip = 2 * Panel.Rows;

    /// <summary>
    /// Numbers between the columns of a strip. Without them a depth of 1,024 puts all twelve into the same places of the first-level
    /// cache, which holds eight.
    /// </summary>
    public const int Gap = 16;

    /// <summary>Columns whose products are turned back together: a multiple of a strip's and of all lane counts.</summary>
    private const int BlockColumns = 48;

    /// <summary>Most rows.</summary>
    private const int MostRows = 96;

    private static readonly bool s_halvesAreAsFast = TakesHalves();

    /// <summary>Writes rows as groups, each [depth, rows of the group]; rows past the last one are zero.</summary>
    /// <param name="turned">Room for [rows rounded up to two vectors, depth].</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Turn<V>(float** rows, int count, int depth, float* turned)
        where V : struct, ILanes<V>
    {
        for (int row = 0; row < count;)
        {
            int width = GroupWidth<V>(count - row);
            for (int first = row; first < row + width; first += 8)
                TurnEight(rows + first, count - first, depth, turned + (first - row), width);
            turned += (long)width * depth;
            row += width;
        }
    }

    /// <summary>sums[row, column] += Σ over depth of row · matrix, for <paramref name="columns"/> columns from <paramref name="column"/> on.</summary>
    /// <param name="turned">What <see cref="Turn"/> wrote.</param>
    /// <param name="strips">Room for [12, depth + <see cref="Gap"/>].</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Add<V, W>(
        float* turned, int count, int depth, in MatrixView matrix, int column, int columns, float* strips, float* sums, int stride)
        where V : struct, ILanes<V>
        where W : struct, IWeightFormat
    {
        float* results = stackalloc float[BlockColumns * MostRows];
        for (int first = 0; first < columns; first += Strip)
        {
            int last = Math.Min(Strip, columns - first) - 1;
            for (int i = 0; i <= last; i++)
            {
                Widen<V, W>(matrix, column + first + i, depth, strips + (long)i * (depth + Gap));
                Tiles.Prefetch(matrix.Place<W>(column + first + i + Strip), depth * W.Bytes);
            }

            Multiply<V>(turned, count, depth, strips, depth + Gap, last, results + first * MostRows);
        }

        TurnBack(results, count, columns, sums, stride);
    }

    /// <summary>As <see cref="Add"/>, with f32 columns that stand anywhere, as the keys of attention do.</summary>
    /// <param name="columnStride">From one column to the next.</param>
    /// <param name="distance">How many columns on stands what the next call will read.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void AddPlain<V>(float* turned, int count, int depth, float* matrix, int columnStride, int columns, int distance, float* sums, int stride)
        where V : struct, ILanes<V>
    {
        float* results = stackalloc float[BlockColumns * MostRows];
        for (int block = 0; block < columns; block += BlockColumns)
        {
            int width = Math.Min(BlockColumns, columns - block);
            for (int first = 0; first < width; first += Strip)
            {
                float* strip = matrix + (long)(block + first) * columnStride;
                for (int i = 0; i < Math.Min(Strip, width - first); i++)
                    Tiles.Prefetch((byte*)(strip + (long)(distance + i) * columnStride), depth * sizeof(float));
                Multiply<V>(turned, count, depth, strip, columnStride, Math.Min(Strip, width - first) - 1, results + first * MostRows);
            }

            TurnBack(results, count, width, sums + block, stride);
        }
    }

    /// <summary>A strip of columns with all groups of rows. What stands past the last column is what was there before, and is not read.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Multiply<V>(float* turned, int count, int depth, float* strip, int columnStride, int last, float* result)
        where V : struct, ILanes<V>
    {
        for (int row = 0; row < count;)
        {
            int width = GroupWidth<V>(count - row);
            if (width == 2 * V.Count) Pair<V>(strip, columnStride, depth, turned, result, last);
            else if (width == 2 * Lanes256.Count && s_halvesAreAsFast) Pair<Lanes256>(strip, columnStride, depth, turned, result, last);
            else if (width == V.Count) Single<V>(strip, columnStride, depth, turned, result, last);
            else Single<Lanes256>(strip, columnStride, depth, turned, result, last);
            turned += (long)width * depth;
            result += width;
            row += width;
        }
    }

    /// <summary>Rows of the next group: two vectors, one, or half of one of 512 bits, so that few lanes stay idle.</summary>
    private static int GroupWidth<V>(int left)
        where V : struct, ILanes<V>
    {
        if (left > (V.Count == 16 && s_halvesAreAsFast ? 24 : V.Count)) return 2 * V.Count;
        return V.Count == 16 && left <= 8 ? 8 : V.Count;
    }

    /// <summary>Zen 4 takes a vector of 512 bits in two halves: two vectors of 256 bits cost no more, and share what is read of the columns.</summary>
    private static bool TakesHalves()
    {
        if (!Avx512F.IsSupported) return false;
        (int version, _, int _, int _) = X86Base.CpuId(1, 0);
        int family = ((version >> 8) & 0xf) + ((version >> 20) & 0xff);
        return family == 0x19;
    }

    private static void TurnEight(float** rows, int count, int depth, float* to, int width)
    {
        int whole = count < 8 ? 0 : depth - depth % 8;
        for (int k = 0; k < whole; k += 8) Lanes256.Transpose(rows, k, to + (long)k * width, width);
        for (int k = whole; k < depth; k++)
        {
            for (int i = 0; i < Math.Min(8, width); i++) to[(long)k * width + i] = i < count ? rows[i][k] : 0f;
        }
    }

    /// <summary>A column of the matrix as f32, scaled.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Widen<V, W>(in MatrixView matrix, int column, int depth, float* to)
        where V : struct, ILanes<V>
        where W : struct, IWeightFormat
    {
        long element = matrix.Element(column);
        byte* from = matrix.Weight->Data + element * W.Bytes;
        float* scales = W.IsBlockScaled ? MatrixView.Scale(matrix.Weight, element) : null;
        int at = W.IsBlockScaled ? (int)(element % matrix.Weight->Columns % MatrixView.ScaleBlock) : 0;
        int end, block = 0;
        for (int start = 0; start < depth; start = end, block++)
        {
            end = MatrixView.BlockEnd<W>(start, depth, at);
            V scale = W.IsBlockScaled ? V.All(scales[block]) : V.Zero;
            int k = start;
            for (; k <= end - V.Count; k += V.Count)
            {
                V numbers = W.Load<V>(from + (long)k * W.Bytes);
                (W.IsBlockScaled ? numbers * scale : numbers).Store(to + k);
            }

            for (; k < end; k++)
            {
                float number = W.Number(from + (long)k * W.Bytes);
                to[k] = W.IsBlockScaled ? number * scales[block] : number;
            }
        }
    }

    /// <summary>Up to twelve columns, six at a time, and two vectors of rows.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Pair<V>(float* strip, int columnStride, int depth, float* group, float* result, int last)
        where V : struct, ILanes<V>
    {
        for (; last >= 0; last -= Panel.Rows, strip += (long)Panel.Rows * columnStride, result += Panel.Rows * MostRows)
        {
            int end = Math.Min(last, Panel.Rows - 1);
            for (int i = 0; i <= end; i++)
            {
                V.Zero.Store(result + i * MostRows);
                V.Zero.Store(result + i * MostRows + V.Count);
            }

            Panel.Tile<V>(
                strip, Column(strip, columnStride, 1, end), Column(strip, columnStride, 2, end), Column(strip, columnStride, 3, end),
                Column(strip, columnStride, 4, end), Column(strip, columnStride, 5, end), depth, group, 2 * V.Count, result, MostRows, end);
        }
    }

    /// <summary>Up to twelve columns, one vector of rows.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Single<V>(float* strip, int columnStride, int depth, float* group, float* result, int last)
        where V : struct, ILanes<V>
    {
        if (last < Strip - 1)
        {
            for (int column = 0; column <= last; column += 4)
                Quad<V>(strip + (long)column * columnStride, columnStride, depth, group, result + column * MostRows, Math.Min(3, last - column));
            return;
        }

        RegisterTile.SumTwelve(strip, columnStride, depth, group, out V a0, out V a1, out V a2, out V a3, out V a4, out V a5, out V a6, out V a7, out V a8, out V a9, out V a10, out V a11);
        a0.Store(result);
        a1.Store(result + MostRows);
        a2.Store(result + 2 * MostRows);
        a3.Store(result + 3 * MostRows);
        a4.Store(result + 4 * MostRows);
        a5.Store(result + 5 * MostRows);
        a6.Store(result + 6 * MostRows);
        a7.Store(result + 7 * MostRows);
        a8.Store(result + 8 * MostRows);
        a9.Store(result + 9 * MostRows);
        a10.Store(result + 10 * MostRows);
        a11.Store(result + 11 * MostRows);
    }

    /// <summary>Up to four columns of a strip's end, one vector of rows; columns past the last one repeat it and are not stored.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Quad<V>(float* strip, int columnStride, int depth, float* group, float* result, int last)
        where V : struct, ILanes<V>
    {
        V a0 = V.Zero, a1 = V.Zero, a2 = V.Zero, a3 = V.Zero;
        float* w0 = strip, w1 = Column(strip, columnStride, 1, last), w2 = Column(strip, columnStride, 2, last), w3 = Column(strip, columnStride, 3, last);
        for (long k = 0; k < depth; k++, group += V.Count)
        {
            V x = V.Load(group);
            a0 = V.Fma(V.All(w0[k]), x, a0);
            a1 = V.Fma(V.All(w1[k]), x, a1);
            a2 = V.Fma(V.All(w2[k]), x, a2);
            a3 = V.Fma(V.All(w3[k]), x, a3);
        }

        a0.Store(result);
        if (last > 0) a1.Store(result + MostRows);
        if (last > 1) a2.Store(result + 2 * MostRows);
        if (last > 2) a3.Store(result + 3 * MostRows);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static float* Column(float* strip, int columnStride, int column, int last) => strip + (long)Math.Min(column, last) * columnStride;

    /// <summary>sums[row, column] += results[column, row].</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void TurnBack(float* results, int count, int columns, float* sums, int stride)
    {
        int whole = columns - columns % Lanes256.Count;
        for (int column = 0; column < whole; column += Lanes256.Count)
        {
            for (int row = 0; row < count; row += Lanes256.Count)
                Lanes256.AddTransposed(results + column * MostRows + row, MostRows, sums + (long)row * stride + column, stride, Math.Min(Lanes256.Count, count - row));
        }

        for (int row = 0; row < count; row++)
            for (int column = whole; column < columns; column++) sums[(long)row * stride + column] += results[column * MostRows + row];
    }
}
