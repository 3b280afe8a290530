using System;
using System.Runtime.CompilerServices;
using Sinter.Runtime.Weights;

namespace Sinter.Runtime.Numerics;

/// <summary>
/// Products of few rows with a matrix that is stored [depth, column], as absorbed attention reads the latents' expansion:
/// lanes run along the stored rows, and every depth adds a multiple of one.
/// </summary>
internal static unsafe class FewRowsAcross
{
    /// <summary>How many stored rows ahead the matrix is asked for.</summary>
    private const int RowsAhead = 16;

    /// <summary>sums[row, column] += Σ over depth of row · matrix, for <paramref name="columns"/> columns from <paramref name="column"/> on.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Add<V, W>(float* x, int count, int depth, in MatrixView matrix, int column, int columns, float* sums, int stride)
        where V : struct, ILanes<V>
        where W : struct, IWeightFormat
    {
        int lanes;
        for (int c = 0; c < columns; c += lanes)
        {
            if (count == 1 && c + 4 * V.Count <= columns && matrix.IsEven(column + c, 4 * V.Count))
            {
                lanes = 4 * V.Count;
                AddOne<V, W>(x, depth, matrix, matrix.Element(column + c), sums + c);
                continue;
            }

            if (c + 2 * V.Count <= columns && matrix.IsEven(column + c, 2 * V.Count))
            {
                lanes = 2 * V.Count;
                for (int row = 0; row < count; row += 2)
                    AddPair<V, W>(x + (long)row * depth, Math.Min(2, count - row), depth, matrix, matrix.Element(column + c), sums + row * stride + c, stride);
                continue;
            }

            lanes = Math.Min(V.Count, columns - c);
            while (!matrix.IsEven(column + c, lanes)) lanes--;
            for (int row = 0; row < count; row++)
                AddPart<V, W>(x + (long)row * depth, depth, matrix, matrix.Element(column + c), lanes, sums + row * stride + c);
        }
    }

    /// <summary>One row, four vectors of columns; the same numbers as <see cref="AddPair"/> makes.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void AddOne<V, W>(float* x, int depth, in MatrixView matrix, long element, float* sums)
        where V : struct, ILanes<V>
        where W : struct, IWeightFormat
    {
        StoredWeight* weight = matrix.Weight;
        V total0 = V.Zero, total1 = V.Zero, total2 = V.Zero, total3 = V.Zero;
        int end;
        for (int start = 0; start < depth; start = end)
        {
            end = BlockEnd<W>(matrix, element, start, depth);
            long first = element + (long)start * matrix.DepthStride, step = (long)matrix.DepthStride * W.Bytes;
            byte* place = weight->Data + first * W.Bytes;
            V a0 = V.Zero, a1 = V.Zero, a2 = V.Zero, a3 = V.Zero, b0 = V.Zero, b1 = V.Zero, b2 = V.Zero, b3 = V.Zero;
            int k = start;
            for (; k + 1 < end; k += 2, place += 2 * step)
            {
                Tiles.Prefetch(place + RowsAhead * step, 4 * V.Count * W.Bytes);
                Tiles.Prefetch(place + (RowsAhead + 1) * step, 4 * V.Count * W.Bytes);
                V number = V.All(x[k]);
                a0 = V.Fma(number, W.Load<V>(place), a0);
                a1 = V.Fma(number, W.Load<V>(place + V.Count * W.Bytes), a1);
                a2 = V.Fma(number, W.Load<V>(place + 2 * V.Count * W.Bytes), a2);
                a3 = V.Fma(number, W.Load<V>(place + 3 * V.Count * W.Bytes), a3);
                number = V.All(x[k + 1]);
                b0 = V.Fma(number, W.Load<V>(place + step), b0);
                b1 = V.Fma(number, W.Load<V>(place + step + V.Count * W.Bytes), b1);
                b2 = V.Fma(number, W.Load<V>(place + step + 2 * V.Count * W.Bytes), b2);
                b3 = V.Fma(number, W.Load<V>(place + step + 3 * V.Count * W.Bytes), b3);
            }

            if (k < end)
            {
                V number = V.All(x[k]);
                a0 = V.Fma(number, W.Load<V>(place), a0);
                a1 = V.Fma(number, W.Load<V>(place + V.Count * W.Bytes), a1);
                a2 = V.Fma(number, W.Load<V>(place + 2 * V.Count * W.Bytes), a2);
                a3 = V.Fma(number, W.Load<V>(place + 3 * V.Count * W.Bytes), a3);
            }

            total0 = V.Fma(a0 + b0, Scale<V, W>(weight, first, V.Count), total0);
            total1 = V.Fma(a1 + b1, Scale<V, W>(weight, first + V.Count, V.Count), total1);
            total2 = V.Fma(a2 + b2, Scale<V, W>(weight, first + 2 * V.Count, V.Count), total2);
            total3 = V.Fma(a3 + b3, Scale<V, W>(weight, first + 3 * V.Count, V.Count), total3);
        }

        (V.Load(sums) + total0).Store(sums);
        (V.Load(sums + V.Count) + total1).Store(sums + V.Count);
        (V.Load(sums + 2 * V.Count) + total2).Store(sums + 2 * V.Count);
        (V.Load(sums + 3 * V.Count) + total3).Store(sums + 3 * V.Count);
    }

    /// <summary>One or two rows, two vectors of columns; even and odd depths have sums of their own, so that twice as many products are under way.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void AddPair<V, W>(float* x, int rows, int depth, in MatrixView matrix, long element, float* sums, int stride)
        where V : struct, ILanes<V>
        where W : struct, IWeightFormat
    {
        StoredWeight* weight = matrix.Weight;
        float* y = rows > 1 ? x + depth : x;
        V totalX0 = V.Zero, totalX1 = V.Zero, totalY0 = V.Zero, totalY1 = V.Zero;
        int end;
        for (int start = 0; start < depth; start = end)
        {
            end = BlockEnd<W>(matrix, element, start, depth);
            long first = element + (long)start * matrix.DepthStride, step = (long)matrix.DepthStride * W.Bytes;
            byte* place = weight->Data + first * W.Bytes;
            V x0 = V.Zero, x1 = V.Zero, y0 = V.Zero, y1 = V.Zero, oddX0 = V.Zero, oddX1 = V.Zero, oddY0 = V.Zero, oddY1 = V.Zero;
            int k = start;
            for (; k + 1 < end; k += 2, place += 2 * step)
            {
                Tiles.Prefetch(place + RowsAhead * step, 2 * V.Count * W.Bytes);
                Tiles.Prefetch(place + (RowsAhead + 1) * step, 2 * V.Count * W.Bytes);
                V w0 = W.Load<V>(place), w1 = W.Load<V>(place + V.Count * W.Bytes);
                V number = V.All(x[k]);
                x0 = V.Fma(number, w0, x0);
                x1 = V.Fma(number, w1, x1);
                number = V.All(y[k]);
                y0 = V.Fma(number, w0, y0);
                y1 = V.Fma(number, w1, y1);
                w0 = W.Load<V>(place + step);
                w1 = W.Load<V>(place + step + V.Count * W.Bytes);
                number = V.All(x[k + 1]);
                oddX0 = V.Fma(number, w0, oddX0);
                oddX1 = V.Fma(number, w1, oddX1);
                number = V.All(y[k + 1]);
                oddY0 = V.Fma(number, w0, oddY0);
                oddY1 = V.Fma(number, w1, oddY1);
            }

            if (k < end)
            {
                V w0 = W.Load<V>(place), w1 = W.Load<V>(place + V.Count * W.Bytes);
                x0 = V.Fma(V.All(x[k]), w0, x0);
                x1 = V.Fma(V.All(x[k]), w1, x1);
                y0 = V.Fma(V.All(y[k]), w0, y0);
                y1 = V.Fma(V.All(y[k]), w1, y1);
            }

            V scale0 = Scale<V, W>(weight, first, V.Count), scale1 = Scale<V, W>(weight, first + V.Count, V.Count);
            totalX0 = V.Fma(x0 + oddX0, scale0, totalX0);
            totalX1 = V.Fma(x1 + oddX1, scale1, totalX1);
            totalY0 = V.Fma(y0 + oddY0, scale0, totalY0);
            totalY1 = V.Fma(y1 + oddY1, scale1, totalY1);
        }

        (V.Load(sums) + totalX0).Store(sums);
        (V.Load(sums + V.Count) + totalX1).Store(sums + V.Count);
        if (rows == 1) return;
        sums += stride;
        (V.Load(sums) + totalY0).Store(sums);
        (V.Load(sums + V.Count) + totalY1).Store(sums + V.Count);
    }

    /// <summary>One row, a vector of columns or less.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void AddPart<V, W>(float* x, int depth, in MatrixView matrix, long element, int lanes, float* sums)
        where V : struct, ILanes<V>
        where W : struct, IWeightFormat
    {
        StoredWeight* weight = matrix.Weight;
        V total = V.Zero;
        int end;
        for (int start = 0; start < depth; start = end)
        {
            end = BlockEnd<W>(matrix, element, start, depth);
            long first = element + (long)start * matrix.DepthStride;
            V even = V.Zero, odd = V.Zero;
            for (int k = start; k < end; k++)
            {
                V w = MatrixView.Widen<V, W>(weight->Data + (first + (long)(k - start) * matrix.DepthStride) * W.Bytes, lanes);
                if (((k - start) & 1) == 0) even = V.Fma(V.All(x[k]), w, even);
                else odd = V.Fma(V.All(x[k]), w, odd);
            }

            total = V.Fma(even + odd, Scale<V, W>(weight, first, lanes), total);
        }

        (V.Load(sums, lanes) + total).Store(sums, lanes);
    }

    /// <summary>The end of the depths from <paramref name="start"/> on that share their scales: stored rows of one block.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static int BlockEnd<W>(in MatrixView matrix, long element, int start, int depth)
        where W : struct, IWeightFormat
    {
        if (!W.IsBlockScaled) return depth;
        if (matrix.DepthStride != matrix.Weight->Columns) return start + 1;
        long row = (element + (long)start * matrix.DepthStride) / matrix.Weight->Columns;
        return (int)Math.Min(depth, start + MatrixView.ScaleBlock - row % MatrixView.ScaleBlock);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static V Scale<V, W>(StoredWeight* weight, long element, int lanes)
        where V : struct, ILanes<V>
        where W : struct, IWeightFormat => W.IsBlockScaled ? MatrixView.Scales<V>(weight, element, lanes) : V.All(1);
}
