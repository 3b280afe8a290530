using System;
using System.Runtime.CompilerServices;
using Sinter.Runtime.Weights;

namespace Sinter.Runtime.Numerics;

/// <summary>
/// Products of few rows with a stored matrix, as decoding has them: the matrix is streamed once, and its numbers are
/// widened in whatever order is fastest, since a dot product does not care.
/// </summary>
[SkipLocalsInit]
public static unsafe class FewRows
{
    /// <summary>Columns whose dot products run at once.</summary>
    private const int Columns = 4;

    /// <summary>
    /// How far ahead in memory the matrix is asked for. The machine's own prefetching starts anew with every page, and rows
    /// of these matrices are often shorter than one.
    /// </summary>
    private const int Ahead = 8192;

    /// <summary>Bytes of a stored row from which on it is read by itself: in shorter ones, which caches hold, the sums' ends would cost more.</summary>
    private const int LongRow = 768;

    /// <summary>Copies rows into [count, depth], in the order in which <see cref="Add"/> wants them.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Arrange<V, W>(float** rows, int count, int depth, in MatrixView matrix, float* arranged)
        where V : struct, ILanes<V>
        where W : struct, IWeightFormat
    {
        for (int row = 0; row < count; row++)
        {
            float* from = rows[row], to = arranged + (long)row * depth;
            if (matrix.DepthStride != 1)
            {
                new ReadOnlySpan<float>(from, depth).CopyTo(new Span<float>(to, depth));
                continue;
            }

            int end, at = W.IsBlockScaled ? (int)(matrix.Element(0) % matrix.Weight->Columns) : 0;
            for (int start = 0; start < depth; start = end)
            {
                end = MatrixView.BlockEnd<W>(start, depth, at);
                int whole = end - (end - start) % (4 * V.Count), i = start;
                for (; i < whole; i += 4 * V.Count) W.Arrange<V>(from + i, to + i);
                for (; i < end; i++) to[i] = from[i] * (1f / W.QuadFactor);
            }
        }
    }

    /// <summary>
    /// sums[row, column] += Σ over depth of row · matrix, for <paramref name="columns"/> columns from <paramref name="column"/> on.
    /// A row's sums are the same numbers whatever other rows there are.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Add<V, W>(
        float* arranged, int count, int depth, in MatrixView matrix, int column, int columns, float* sums, int stride)
        where V : struct, ILanes<V>
        where W : struct, IWeightFormat
    {
        if (matrix.DepthStride != 1)
        {
            FewRowsAcross.Add<V, W>(arranged, count, depth, matrix, column, columns, sums, stride);
            return;
        }

        // As many groups of columns ahead as make up that distance, wherever they stand; one at least.
        int groups = (int)Math.Max(1, Ahead / ((long)Columns * depth * W.Bytes));
        long* elements = stackalloc long[Columns];
        bool isWhole = IsWhole<V, W>(depth, matrix);
        for (int first = 0; first < columns; first += Columns)
        {
            int width = Math.Min(Columns, columns - first);
            for (int i = 0; i < Columns; i++) elements[i] = matrix.Element(column + first + Math.Min(i, width - 1));
            long ahead = (matrix.Element(column + first + groups * Columns) - elements[0]) * W.Bytes;
            for (int row = 0; row < count; row += 4)
            {
                float* x = arranged + (long)row * depth, place = sums + row * stride + first;
                int rows = Math.Min(4, count - row);
                if (rows == 1 && !W.IsBlockScaled && depth * W.Bytes >= LongRow) DotStream<V, W>(x, depth, matrix.Weight, elements, width, place);
                else if (rows == 1) Dot1<V, W>(x, depth, matrix.Weight, elements, width, ahead, place);
                else if (rows == 2) Dot2<V, W>(x, depth, matrix.Weight, elements, width, ahead, place, stride);
                else Dot4<V, W>(x, rows, depth, matrix.Weight, elements, width, ahead, place, stride);
                if (!isWhole)
                {
                    for (int i = 0; i < rows; i++) AddRest<V, W>(x + (long)i * depth, depth, matrix.Weight, elements, width, place + i * stride);
                }
            }
        }
    }

    /// <summary>Whether quads cover all of the depth.</summary>
    private static bool IsWhole<V, W>(int depth, in MatrixView matrix)
        where V : struct, ILanes<V>
        where W : struct, IWeightFormat =>
        depth % (4 * V.Count) == 0 && (!W.IsBlockScaled || matrix.Element(0) % matrix.Weight->Columns % MatrixView.ScaleBlock % (4 * V.Count) == 0);

    /// <summary>
    /// One row, columns one after the other, without scales: what is read is one stream through memory, which the machine fetches
    /// ahead by itself, and faster than four streams that ask for it.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void DotStream<V, W>(float* x, int depth, StoredWeight* weight, long* elements, int width, float* sums)
        where V : struct, ILanes<V>
        where W : struct, IWeightFormat
    {
        int whole = depth - depth % (4 * V.Count);
        for (int column = 0; column < width; column++)
        {
            byte* w = weight->Data + elements[column] * W.Bytes;
            V sum = V.Zero;
            for (long k = 0; k < whole; k += 4 * V.Count)
            {
                W.LoadQuad(w + k * W.Bytes, out V first, out V second, out V third, out V fourth);
                sum = Quad(x + k, first, second, third, fourth, sum);
            }

            sums[column] += Finish<V, W>(sum, V.Zero);
        }
    }

    /// <summary>One row, four columns.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Dot1<V, W>(float* x, int depth, StoredWeight* weight, long* elements, int width, long ahead, float* sums)
        where V : struct, ILanes<V>
        where W : struct, IWeightFormat
    {
        byte* w0 = weight->Data + elements[0] * W.Bytes, w1 = weight->Data + elements[1] * W.Bytes;
        byte* w2 = weight->Data + elements[2] * W.Bytes, w3 = weight->Data + elements[3] * W.Bytes;
        float* s0 = null, s1 = null, s2 = null, s3 = null;
        int at = 0;
        if (W.IsBlockScaled)
        {
            s0 = MatrixView.Scale(weight, elements[0]);
            s1 = MatrixView.Scale(weight, elements[1]);
            s2 = MatrixView.Scale(weight, elements[2]);
            s3 = MatrixView.Scale(weight, elements[3]);
            at = (int)(elements[0] % weight->Columns);
        }

        V total0 = V.Zero, total1 = V.Zero, total2 = V.Zero, total3 = V.Zero;
        V marks0 = V.Zero, marks1 = V.Zero, marks2 = V.Zero, marks3 = V.Zero;
        int end, block = 0;
        for (int start = 0; start < depth; start = end, block++)
        {
            end = MatrixView.BlockEnd<W>(start, depth, at);
            int whole = end - (end - start) % (4 * V.Count);
            V a0 = V.Zero, a1 = V.Zero, a2 = V.Zero, a3 = V.Zero;
            for (long k = start; k < whole; k += 4 * V.Count)
            {
                V x0 = V.Load(x + k), x1 = V.Load(x + k + V.Count), x2 = V.Load(x + k + 2 * V.Count), x3 = V.Load(x + k + 3 * V.Count);
                byte* p0 = w0 + k * W.Bytes, p1 = w1 + k * W.Bytes, p2 = w2 + k * W.Bytes, p3 = w3 + k * W.Bytes;
                Tiles.Prefetch(p0 + ahead, 4 * V.Count * W.Bytes);
                Tiles.Prefetch(p1 + ahead, 4 * V.Count * W.Bytes);
                Tiles.Prefetch(p2 + ahead, 4 * V.Count * W.Bytes);
                Tiles.Prefetch(p3 + ahead, 4 * V.Count * W.Bytes);
                W.LoadQuad(p0, out V first, out V second, out V third, out V fourth);
                a0 = Quad(x0, x1, x2, x3, first, second, third, fourth, a0);
                W.LoadQuad(p1, out first, out second, out third, out fourth);
                a1 = Quad(x0, x1, x2, x3, first, second, third, fourth, a1);
                W.LoadQuad(p2, out first, out second, out third, out fourth);
                a2 = Quad(x0, x1, x2, x3, first, second, third, fourth, a2);
                W.LoadQuad(p3, out first, out second, out third, out fourth);
                a3 = Quad(x0, x1, x2, x3, first, second, third, fourth, a3);
                marks0 = W.Mark(p0, marks0);
                marks1 = W.Mark(p1, marks1);
                marks2 = W.Mark(p2, marks2);
                marks3 = W.Mark(p3, marks3);
            }

            total0 = Join<V, W>(a0, s0, block, total0);
            total1 = Join<V, W>(a1, s1, block, total1);
            total2 = Join<V, W>(a2, s2, block, total2);
            total3 = Join<V, W>(a3, s3, block, total3);
        }

        sums[0] += Finish<V, W>(total0, marks0);
        if (width > 1) sums[1] += Finish<V, W>(total1, marks1);
        if (width > 2) sums[2] += Finish<V, W>(total2, marks2);
        if (width > 3) sums[3] += Finish<V, W>(total3, marks3);
    }

    /// <summary>Two rows, four columns: what the check of a drafted token has.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Dot2<V, W>(float* x, int depth, StoredWeight* weight, long* elements, int width, long ahead, float* sums, int stride)
        where V : struct, ILanes<V>
        where W : struct, IWeightFormat
    {
        // Two columns at a time, so that their sums and a quad of each fit into 16 vector registers.
        for (int pair = 0; pair < width; pair += 2)
        {
            byte* w0 = weight->Data + elements[pair] * W.Bytes, w1 = weight->Data + elements[pair + 1] * W.Bytes;
            float* s0 = W.IsBlockScaled ? MatrixView.Scale(weight, elements[pair]) : null;
            float* s1 = W.IsBlockScaled ? MatrixView.Scale(weight, elements[pair + 1]) : null;
            int at = W.IsBlockScaled ? (int)(elements[0] % weight->Columns) : 0;
            float* x0 = x, x1 = x + depth;
            V t00 = V.Zero, t10 = V.Zero, t01 = V.Zero, t11 = V.Zero, marks0 = V.Zero, marks1 = V.Zero;
            int end, block = 0;
            for (int start = 0; start < depth; start = end, block++)
            {
                end = MatrixView.BlockEnd<W>(start, depth, at);
                int whole = end - (end - start) % (4 * V.Count);
                V a00 = V.Zero, a10 = V.Zero, a01 = V.Zero, a11 = V.Zero;
                for (long k = start; k < whole; k += 4 * V.Count)
                {
                    byte* p0 = w0 + k * W.Bytes, p1 = w1 + k * W.Bytes;
                    Tiles.Prefetch(p0 + ahead, 4 * V.Count * W.Bytes);
                    Tiles.Prefetch(p1 + ahead, 4 * V.Count * W.Bytes);
                    W.LoadQuad(p0, out V first, out V second, out V third, out V fourth);
                    a00 = Quad(x0 + k, first, second, third, fourth, a00);
                    a10 = Quad(x1 + k, first, second, third, fourth, a10);
                    W.LoadQuad(p1, out first, out second, out third, out fourth);
                    a01 = Quad(x0 + k, first, second, third, fourth, a01);
                    a11 = Quad(x1 + k, first, second, third, fourth, a11);
                    marks0 = W.Mark(p0, marks0);
                    marks1 = W.Mark(p1, marks1);
                }

                t00 = Join<V, W>(a00, s0, block, t00);
                t10 = Join<V, W>(a10, s0, block, t10);
                t01 = Join<V, W>(a01, s1, block, t01);
                t11 = Join<V, W>(a11, s1, block, t11);
            }

            sums[pair] += Finish<V, W>(t00, marks0);
            sums[stride + pair] += Finish<V, W>(t10, marks0);
            if (pair + 1 == width) break;
            sums[pair + 1] += Finish<V, W>(t01, marks1);
            sums[stride + pair + 1] += Finish<V, W>(t11, marks1);
        }
    }

    /// <summary>Three or four rows, four columns.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Dot4<V, W>(
        float* x, int rows, int depth, StoredWeight* weight, long* elements, int width, long ahead, float* sums, int stride)
        where V : struct, ILanes<V>
        where W : struct, IWeightFormat
    {
        float* x0 = x, x1 = x + (long)Math.Min(1, rows - 1) * depth;
        float* x2 = x + (long)Math.Min(2, rows - 1) * depth, x3 = x + (long)Math.Min(3, rows - 1) * depth;
        float* results = stackalloc float[16];
        int at = W.IsBlockScaled ? (int)(elements[0] % weight->Columns) : 0;

        // Two columns at a time: with four, a machine of 16 vector registers would spill its sums.
        for (int pair = 0; pair < width; pair += 2)
        {
            byte* w0 = weight->Data + elements[pair] * W.Bytes, w1 = weight->Data + elements[pair + 1] * W.Bytes;
            float* s0 = W.IsBlockScaled ? MatrixView.Scale(weight, elements[pair]) : null;
            float* s1 = W.IsBlockScaled ? MatrixView.Scale(weight, elements[pair + 1]) : null;
            V t00 = V.Zero, t10 = V.Zero, t20 = V.Zero, t30 = V.Zero, t01 = V.Zero, t11 = V.Zero, t21 = V.Zero, t31 = V.Zero;
            V marks0 = V.Zero, marks1 = V.Zero;
            int end, block = 0;
            for (int start = 0; start < depth; start = end, block++)
            {
                end = MatrixView.BlockEnd<W>(start, depth, at);
                int whole = end - (end - start) % (4 * V.Count);
                V a00 = V.Zero, a10 = V.Zero, a20 = V.Zero, a30 = V.Zero, a01 = V.Zero, a11 = V.Zero, a21 = V.Zero, a31 = V.Zero;
                for (long k = start; k < whole; k += 4 * V.Count)
                {
                    byte* p0 = w0 + k * W.Bytes, p1 = w1 + k * W.Bytes;
                    Tiles.Prefetch(p0 + ahead, 4 * V.Count * W.Bytes);
                    Tiles.Prefetch(p1 + ahead, 4 * V.Count * W.Bytes);
                    W.LoadQuad(p0, out V first, out V second, out V third, out V fourth);
                    a00 = Quad(x0 + k, first, second, third, fourth, a00);
                    a10 = Quad(x1 + k, first, second, third, fourth, a10);
                    a20 = Quad(x2 + k, first, second, third, fourth, a20);
                    a30 = Quad(x3 + k, first, second, third, fourth, a30);
                    W.LoadQuad(p1, out first, out second, out third, out fourth);
                    a01 = Quad(x0 + k, first, second, third, fourth, a01);
                    a11 = Quad(x1 + k, first, second, third, fourth, a11);
                    a21 = Quad(x2 + k, first, second, third, fourth, a21);
                    a31 = Quad(x3 + k, first, second, third, fourth, a31);
                    marks0 = W.Mark(p0, marks0);
                    marks1 = W.Mark(p1, marks1);
                }

                t00 = Join<V, W>(a00, s0, block, t00);
                t10 = Join<V, W>(a10, s0, block, t10);
                t20 = Join<V, W>(a20, s0, block, t20);
                t30 = Join<V, W>(a30, s0, block, t30);
                t01 = Join<V, W>(a01, s1, block, t01);
                t11 = Join<V, W>(a11, s1, block, t11);
                t21 = Join<V, W>(a21, s1, block, t21);
                t31 = Join<V, W>(a31, s1, block, t31);
            }

            results[0] = Finish<V, W>(t00, marks0);
            results[1] = Finish<V, W>(t01, marks1);
            results[2] = Finish<V, W>(t10, marks0);
            results[3] = Finish<V, W>(t11, marks1);
            results[4] = Finish<V, W>(t20, marks0);
            results[5] = Finish<V, W>(t21, marks1);
            results[6] = Finish<V, W>(t30, marks0);
            results[7] = Finish<V, W>(t31, marks1);
            for (int row = 0; row < rows; row++)
            {
                sums[row * stride + pair] += results[2 * row];
                if (pair + 1 < width) sums[row * stride + pair + 1] += results[2 * row + 1];
            }
        }
    }

    /// <summary>What quads leave at the end of the depth, or of a block with one scale: one row, up to four columns.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void AddRest<V, W>(float* x, int depth, StoredWeight* weight, long* elements, int width, float* sums)
        where V : struct, ILanes<V>
        where W : struct, IWeightFormat
    {
        int at = W.IsBlockScaled ? (int)(elements[0] % weight->Columns) : 0;
        for (int column = 0; column < width; column++)
        {
            byte* w = weight->Data + elements[column] * W.Bytes;
            float* scales = W.IsBlockScaled ? MatrixView.Scale(weight, elements[column]) : null;
            V total = V.Zero;
            int end, block = 0;
            for (int start = 0; start < depth; start = end, block++)
            {
                end = MatrixView.BlockEnd<W>(start, depth, at);
                V sum = V.Zero;
                for (int k = end - (end - start) % (4 * V.Count); k < end; k += V.Count)
                    sum = V.Fma(V.Load(x + k, end - k), MatrixView.Widen<V, W>(w + (long)k * W.Bytes, end - k), sum);
                total = Join<V, W>(sum, scales, block, total);
            }

            sums[column] += V.Sum(total) * W.QuadFactor;
        }
    }

    /// <summary>A quad by itself, then added: the next one need not wait for four multiplications.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static V Quad<V>(V x0, V x1, V x2, V x3, V first, V second, V third, V fourth, V sum)
        where V : struct, ILanes<V> => sum + V.Fma(x3, fourth, V.Fma(x2, third, V.Fma(x1, second, x0 * first)));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static V Quad<V>(float* x, V first, V second, V third, V fourth, V sum)
        where V : struct, ILanes<V> =>
        Quad(V.Load(x), V.Load(x + V.Count), V.Load(x + 2 * V.Count), V.Load(x + 3 * V.Count), first, second, third, fourth, sum);

    /// <summary>Adds a block's sum, times its scale, to the total.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static V Join<V, W>(V sum, float* scales, int block, V total)
        where V : struct, ILanes<V>
        where W : struct, IWeightFormat => W.IsBlockScaled ? V.Fma(sum, V.All(scales[block]), total) : sum;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static float Finish<V, W>(V total, V marks)
        where V : struct, ILanes<V>
        where W : struct, IWeightFormat => W.IsMarked(marks) ? float.NaN : V.Sum(total) * W.QuadFactor;
}
