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

    /// <summary>Copies rows into [count, depth], in the order in which <see cref="Add"/> wants them.</summary>
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
                end = BlockEnd<W>(start, depth, at);
                int whole = end - (end - start) % (4 * V.Count), i = start;
                for (; i < whole; i += 4 * V.Count) W.Arrange<V>(from + i, to + i);
                for (; i < end; i++) to[i] = from[i] * (1f / W.QuadFactor);
            }
        }
    }

    /// <summary>sums[row, column] += Σ over depth of row · matrix, for <paramref name="columns"/> columns from <paramref name="column"/> on.</summary>
    public static void Add<V, W>(
        float* arranged, int count, int depth, in MatrixView matrix, int column, int columns, float* sums, int stride)
        where V : struct, ILanes<V>
        where W : struct, IWeightFormat
    {
        if (matrix.DepthStride != 1)
        {
            AddAlongColumns<V, W>(arranged, count, depth, matrix, column, columns, sums, stride);
            return;
        }

        long* elements = stackalloc long[Columns];
        for (int first = 0; first < columns; first += Columns)
        {
            int width = Math.Min(Columns, columns - first);
            for (int i = 0; i < Columns; i++) elements[i] = matrix.Element(column + first + Math.Min(i, width - 1));
            if (count == 1)
            {
                Dot1<V, W>(arranged, depth, matrix.Weight, elements, width, sums + first);
                continue;
            }

            for (int row = 0; row < count; row += 4)
                Dot4<V, W>(arranged + (long)row * depth, Math.Min(4, count - row), depth, matrix.Weight, elements, width, sums + row * stride + first, stride);
        }
    }

    /// <summary>The end of the stretch from <paramref name="start"/> on that has one scale; all of the depth where there are none.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static int BlockEnd<W>(int start, int depth, int at)
        where W : struct, IWeightFormat =>
        W.IsBlockScaled ? Math.Min(depth, start + MatrixView.ScaleBlock - (at + start) % MatrixView.ScaleBlock) : depth;

    /// <summary>One row, four columns.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Dot1<V, W>(float* x, int depth, StoredWeight* weight, long* elements, int width, float* sums)
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
            end = BlockEnd<W>(start, depth, at);
            int whole = end - (end - start) % (4 * V.Count), k = start;
            V a0 = V.Zero, a1 = V.Zero, a2 = V.Zero, a3 = V.Zero, b0 = V.Zero, b1 = V.Zero, b2 = V.Zero, b3 = V.Zero;
            for (; k < whole; k += 4 * V.Count)
            {
                V x0 = V.Load(x + k), x1 = V.Load(x + k + V.Count), x2 = V.Load(x + k + 2 * V.Count), x3 = V.Load(x + k + 3 * V.Count);
                byte* p0 = w0 + (long)k * W.Bytes, p1 = w1 + (long)k * W.Bytes, p2 = w2 + (long)k * W.Bytes, p3 = w3 + (long)k * W.Bytes;
                W.LoadQuad(p0, out V first, out V second, out V third, out V fourth);
                a0 = V.Fma(x2, third, V.Fma(x0, first, a0));
                b0 = V.Fma(x3, fourth, V.Fma(x1, second, b0));
                W.LoadQuad(p1, out first, out second, out third, out fourth);
                a1 = V.Fma(x2, third, V.Fma(x0, first, a1));
                b1 = V.Fma(x3, fourth, V.Fma(x1, second, b1));
                W.LoadQuad(p2, out first, out second, out third, out fourth);
                a2 = V.Fma(x2, third, V.Fma(x0, first, a2));
                b2 = V.Fma(x3, fourth, V.Fma(x1, second, b2));
                W.LoadQuad(p3, out first, out second, out third, out fourth);
                a3 = V.Fma(x2, third, V.Fma(x0, first, a3));
                b3 = V.Fma(x3, fourth, V.Fma(x1, second, b3));
                marks0 = W.Mark(p0, marks0);
                marks1 = W.Mark(p1, marks1);
                marks2 = W.Mark(p2, marks2);
                marks3 = W.Mark(p3, marks3);
            }

            for (; k < end; k += V.Count)
            {
                int lanes = Math.Min(V.Count, end - k);
                V tail = V.Load(x + k, lanes);
                a0 = V.Fma(tail, MatrixView.Widen<V, W>(w0 + (long)k * W.Bytes, lanes), a0);
                a1 = V.Fma(tail, MatrixView.Widen<V, W>(w1 + (long)k * W.Bytes, lanes), a1);
                a2 = V.Fma(tail, MatrixView.Widen<V, W>(w2 + (long)k * W.Bytes, lanes), a2);
                a3 = V.Fma(tail, MatrixView.Widen<V, W>(w3 + (long)k * W.Bytes, lanes), a3);
            }

            total0 = Join<V, W>(a0 + b0, s0, block, total0);
            total1 = Join<V, W>(a1 + b1, s1, block, total1);
            total2 = Join<V, W>(a2 + b2, s2, block, total2);
            total3 = Join<V, W>(a3 + b3, s3, block, total3);
        }

        sums[0] += Finish<V, W>(total0, marks0);
        if (width > 1) sums[1] += Finish<V, W>(total1, marks1);
        if (width > 2) sums[2] += Finish<V, W>(total2, marks2);
        if (width > 3) sums[3] += Finish<V, W>(total3, marks3);
    }

    /// <summary>Up to four rows, four columns.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Dot4<V, W>(
        float* x, int rows, int depth, StoredWeight* weight, long* elements, int width, float* sums, int stride)
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
                end = BlockEnd<W>(start, depth, at);
                int whole = end - (end - start) % (4 * V.Count), k = start;
                V a00 = V.Zero, a10 = V.Zero, a20 = V.Zero, a30 = V.Zero, a01 = V.Zero, a11 = V.Zero, a21 = V.Zero, a31 = V.Zero;
                for (; k < whole; k += 4 * V.Count)
                {
                    byte* p0 = w0 + (long)k * W.Bytes, p1 = w1 + (long)k * W.Bytes;
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

                for (; k < end; k += V.Count)
                {
                    int lanes = Math.Min(V.Count, end - k);
                    V u0 = MatrixView.Widen<V, W>(w0 + (long)k * W.Bytes, lanes), u1 = MatrixView.Widen<V, W>(w1 + (long)k * W.Bytes, lanes);
                    V tail = V.Load(x0 + k, lanes);
                    a00 = V.Fma(tail, u0, a00);
                    a01 = V.Fma(tail, u1, a01);
                    tail = V.Load(x1 + k, lanes);
                    a10 = V.Fma(tail, u0, a10);
                    a11 = V.Fma(tail, u1, a11);
                    tail = V.Load(x2 + k, lanes);
                    a20 = V.Fma(tail, u0, a20);
                    a21 = V.Fma(tail, u1, a21);
                    tail = V.Load(x3 + k, lanes);
                    a30 = V.Fma(tail, u0, a30);
                    a31 = V.Fma(tail, u1, a31);
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

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static V Quad<V>(float* x, V first, V second, V third, V fourth, V sum)
        where V : struct, ILanes<V>
    {
        sum = V.Fma(V.Load(x), first, sum);
        sum = V.Fma(V.Load(x + V.Count), second, sum);
        sum = V.Fma(V.Load(x + 2 * V.Count), third, sum);
        return V.Fma(V.Load(x + 3 * V.Count), fourth, sum);
    }

    /// <summary>Adds a block's sum, times its scale, to the total.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static V Join<V, W>(V sum, float* scales, int block, V total)
        where V : struct, ILanes<V>
        where W : struct, IWeightFormat => W.IsBlockScaled ? V.Fma(sum, V.All(scales[block]), total) : sum;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static float Finish<V, W>(V total, V marks)
        where V : struct, ILanes<V>
        where W : struct, IWeightFormat => W.IsMarked(marks) ? float.NaN : V.Sum(total) * W.QuadFactor;

    /// <summary>The stored matrix is [depth, column]: lanes run along its rows.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void AddAlongColumns<V, W>(
        float* x, int count, int depth, in MatrixView matrix, int column, int columns, float* sums, int stride)
        where V : struct, ILanes<V>
        where W : struct, IWeightFormat
    {
        StoredWeight* weight = matrix.Weight;
        int lanes;
        for (int c = 0; c < columns; c += lanes)
        {
            lanes = Math.Min(V.Count, columns - c);
            while (!matrix.IsEven(column + c, lanes)) lanes--;
            long element = matrix.Element(column + c);
            for (int row = 0; row < count; row += 4)
            {
                int last = count - 1 - row;
                float* x0 = x + (long)row * depth, x1 = x0 + (long)Math.Min(1, last) * depth;
                float* x2 = x0 + (long)Math.Min(2, last) * depth, x3 = x0 + (long)Math.Min(3, last) * depth;
                V a0 = V.Zero, a1 = V.Zero, a2 = V.Zero, a3 = V.Zero;
                for (int k = 0; k < depth; k++)
                {
                    V w = MatrixView.Load<V, W>(weight, element + (long)k * matrix.DepthStride, lanes);
                    a0 = V.Fma(V.All(x0[k]), w, a0);
                    a1 = V.Fma(V.All(x1[k]), w, a1);
                    a2 = V.Fma(V.All(x2[k]), w, a2);
                    a3 = V.Fma(V.All(x3[k]), w, a3);
                }

                float* sum = sums + row * stride + c;
                (V.Load(sum, lanes) + a0).Store(sum, lanes);
                if (last > 0) (V.Load(sum + stride, lanes) + a1).Store(sum + stride, lanes);
                if (last > 1) (V.Load(sum + 2 * stride, lanes) + a2).Store(sum + 2 * stride, lanes);
                if (last > 2) (V.Load(sum + 3 * stride, lanes) + a3).Store(sum + 3 * stride, lanes);
            }
        }
    }
}
