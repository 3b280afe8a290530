using System;
using System.Runtime.CompilerServices;

namespace Sinter.Runtime.Numerics;

/// <summary>The two products inside attention's online loop, over a tile of rows (queries, or heads that share their keys) and keys.</summary>
public static unsafe class AttentionTile
{
    /// <summary>scores[row, key] += queries[row] · keys[key].</summary>
    /// <param name="turned">Whether the keys are turned into panels, so that lanes run along them: worth it for many rows. Sums are rounded otherwise then.</param>
    /// <param name="panel">Room for [depth, 2·V.Count] numbers.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void AddScores<V>(
        float** queries, int rows, int depth, float* keys, int keyStride, int count, float* scores, int stride, bool turned, float* panel)
        where V : struct, ILanes<V>
    {
        if (!turned)
        {
            AddDots<V>(queries, rows, depth, keys, keyStride, count, scores, stride);
            return;
        }

        // The rows of scores have room for whole panels; what stands past the last key is never read.
        for (int key = 0; key < count; key += 2 * V.Count)
        {
            Turn<V>(keys + (long)key * keyStride, keyStride, Math.Min(2 * V.Count, count - key), depth, panel);
            Panel.Add<V>(queries, rows, 0, depth, panel, scores + key, stride);
        }
    }

    /// <summary>panel[d, key] = keys[key, d]; keys past <paramref name="count"/> become zero.</summary>
    [SkipLocalsInit]
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Turn<V>(float* keys, int keyStride, int count, int depth, float* panel)
        where V : struct, ILanes<V>
    {
        int width = 2 * V.Count, whole = depth - depth % V.Count;
        for (int first = 0; first < width; first += V.Count)
        {
            if (first + V.Count > count)
            {
                for (int d = 0; d < depth; d++)
                    for (int i = first; i < first + V.Count; i++) panel[d * width + i] = i < count ? keys[(long)i * keyStride + d] : 0;
                continue;
            }

            float* from = keys + (long)first * keyStride;
            for (int d = 0; d < whole; d += V.Count) V.Transpose(from + d, keyStride, panel + d * width + first, width);
            for (int d = whole; d < depth; d++)
                for (int i = 0; i < V.Count; i++) panel[d * width + first + i] = from[(long)i * keyStride + d];
        }
    }

    /// <summary>scores[row, key] += queries[row] · keys[key], lanes along the depth.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void AddDots<V>(
        float** queries, int rows, int depth, float* keys, int keyStride, int count, float* scores, int stride)
        where V : struct, ILanes<V>
    {
        for (int key = 0; key < count; key += 4)
        {
            float* k0 = keys + (long)key * keyStride;
            int lastKey = Math.Min(4, count - key) - 1;
            float* k1 = k0 + (long)Math.Min(1, lastKey) * keyStride;
            float* k2 = k0 + (long)Math.Min(2, lastKey) * keyStride, k3 = k0 + (long)Math.Min(3, lastKey) * keyStride;
            int row = 0;
            for (; row + 1 < rows; row += 4)
            {
                int last = Math.Min(4, rows - row) - 1;
                Score4<V>(
                    queries[row], queries[row + Math.Min(1, last)], queries[row + Math.Min(2, last)], queries[row + Math.Min(3, last)],
                    k0, k1, k2, k3, depth, scores + row * stride + key, stride, last, lastKey);
            }

            if (row < rows) Score1<V>(queries[row], k0, k1, k2, k3, depth, scores + row * stride + key, lastKey);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Score1<V>(float* q, float* k0, float* k1, float* k2, float* k3, int depth, float* scores, int lastKey)
        where V : struct, ILanes<V>
    {
        V a0 = V.Zero, a1 = V.Zero, a2 = V.Zero, a3 = V.Zero;
        int d = 0;
        for (; d <= depth - V.Count; d += V.Count)
        {
            V x = V.Load(q + d);
            a0 = V.Fma(x, V.Load(k0 + d), a0);
            a1 = V.Fma(x, V.Load(k1 + d), a1);
            a2 = V.Fma(x, V.Load(k2 + d), a2);
            a3 = V.Fma(x, V.Load(k3 + d), a3);
        }

        if (d < depth)
        {
            int lanes = depth - d;
            V x = V.Load(q + d, lanes);
            a0 = V.Fma(x, V.Load(k0 + d, lanes), a0);
            a1 = V.Fma(x, V.Load(k1 + d, lanes), a1);
            a2 = V.Fma(x, V.Load(k2 + d, lanes), a2);
            a3 = V.Fma(x, V.Load(k3 + d, lanes), a3);
        }

        AddSums(a0, a1, a2, a3, scores, lastKey);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Score4<V>(
        float* q0, float* q1, float* q2, float* q3, float* k0, float* k1, float* k2, float* k3,
        int depth, float* scores, int stride, int last, int lastKey)
        where V : struct, ILanes<V>
    {
        V a00 = V.Zero, a01 = V.Zero, a02 = V.Zero, a03 = V.Zero, a10 = V.Zero, a11 = V.Zero, a12 = V.Zero, a13 = V.Zero;
        V a20 = V.Zero, a21 = V.Zero, a22 = V.Zero, a23 = V.Zero, a30 = V.Zero, a31 = V.Zero, a32 = V.Zero, a33 = V.Zero;
        int d = 0;
        for (; d <= depth - V.Count; d += V.Count)
        {
            V y0 = V.Load(k0 + d), y1 = V.Load(k1 + d), y2 = V.Load(k2 + d), y3 = V.Load(k3 + d);
            V x = V.Load(q0 + d);
            a00 = V.Fma(x, y0, a00);
            a01 = V.Fma(x, y1, a01);
            a02 = V.Fma(x, y2, a02);
            a03 = V.Fma(x, y3, a03);
            x = V.Load(q1 + d);
            a10 = V.Fma(x, y0, a10);
            a11 = V.Fma(x, y1, a11);
            a12 = V.Fma(x, y2, a12);
            a13 = V.Fma(x, y3, a13);
            x = V.Load(q2 + d);
            a20 = V.Fma(x, y0, a20);
            a21 = V.Fma(x, y1, a21);
            a22 = V.Fma(x, y2, a22);
            a23 = V.Fma(x, y3, a23);
            x = V.Load(q3 + d);
            a30 = V.Fma(x, y0, a30);
            a31 = V.Fma(x, y1, a31);
            a32 = V.Fma(x, y2, a32);
            a33 = V.Fma(x, y3, a33);
        }

        if (d < depth)
        {
            int lanes = depth - d;
            V y0 = V.Load(k0 + d, lanes), y1 = V.Load(k1 + d, lanes), y2 = V.Load(k2 + d, lanes), y3 = V.Load(k3 + d, lanes);
            V x = V.Load(q0 + d, lanes);
            a00 = V.Fma(x, y0, a00);
            a01 = V.Fma(x, y1, a01);
            a02 = V.Fma(x, y2, a02);
            a03 = V.Fma(x, y3, a03);
            x = V.Load(q1 + d, lanes);
            a10 = V.Fma(x, y0, a10);
            a11 = V.Fma(x, y1, a11);
            a12 = V.Fma(x, y2, a12);
            a13 = V.Fma(x, y3, a13);
            x = V.Load(q2 + d, lanes);
            a20 = V.Fma(x, y0, a20);
            a21 = V.Fma(x, y1, a21);
            a22 = V.Fma(x, y2, a22);
            a23 = V.Fma(x, y3, a23);
            x = V.Load(q3 + d, lanes);
            a30 = V.Fma(x, y0, a30);
            a31 = V.Fma(x, y1, a31);
            a32 = V.Fma(x, y2, a32);
            a33 = V.Fma(x, y3, a33);
        }

        AddSums(a00, a01, a02, a03, scores, lastKey);
        if (last > 0) AddSums(a10, a11, a12, a13, scores + stride, lastKey);
        if (last > 1) AddSums(a20, a21, a22, a23, scores + 2 * stride, lastKey);
        if (last > 2) AddSums(a30, a31, a32, a33, scores + 3 * stride, lastKey);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void AddSums<V>(V a0, V a1, V a2, V a3, float* scores, int lastKey)
        where V : struct, ILanes<V>
    {
        scores[0] += V.Sum(a0);
        if (lastKey > 0) scores[1] += V.Sum(a1);
        if (lastKey > 1) scores[2] += V.Sum(a2);
        if (lastKey > 2) scores[3] += V.Sum(a3);
    }

    /// <summary>outputs[row] = outputs[row] · factors[row] + Σ over keys of weights[row, key] · values[key], lanes along the width.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void AddValues<V>(
        float* weights, int stride, float* factors, int rows, float* values, int valueStride, int count, float** outputs, int width)
        where V : struct, ILanes<V>
    {
        // Two vectors of columns at a time, which stay in the first-level cache while all rows pass.
        for (int column = 0; column < width; column += 2 * V.Count)
        {
            bool whole = column + 2 * V.Count <= width;
            int taken;
            for (int row = 0; row < rows; row += taken)
            {
                // Six rows at once, or four where that leaves fewer places of a tile empty.
                int left = rows - row;
                bool four = left <= 4 || left is 7 or 8 || !whole;
                taken = Math.Min(four ? 4 : Panel.Rows, left);
                float* w = weights + row * stride;
                if (four) Value4<V>(w, stride, factors + row, taken - 1, values + column, valueStride, count, outputs + row, column, width - column);
                else ValuePanel<V>(w, stride, factors + row, taken - 1, values + column, valueStride, count, outputs + row, column);
            }
        }
    }

    /// <summary>Two vectors of columns for up to six rows, in the register tile of <see cref="Panel"/>.</summary>
    [SkipLocalsInit]
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void ValuePanel<V>(
        float* weights, int stride, float* factors, int last, float* values, int valueStride, int count, float** outputs, int column)
        where V : struct, ILanes<V>
    {
        float* sums = stackalloc float[Panel.Rows * 2 * V.Count];
        for (int i = 0; i < 2 * Panel.Rows; i++) V.Zero.Store(sums + i * V.Count);
        Panel.Tile<V>(
            weights, weights + Math.Min(1, last) * stride, weights + Math.Min(2, last) * stride, weights + Math.Min(3, last) * stride,
            weights + Math.Min(4, last) * stride, weights + Math.Min(5, last) * stride, count, values, valueStride, sums, 2 * V.Count, last);
        for (int i = 0; i <= last; i++)
        {
            float* output = outputs[i] + column, sum = sums + i * 2 * V.Count;
            V factor = V.All(factors[i]);
            V.Fma(V.Load(output), factor, V.Load(sum)).Store(output);
            V.Fma(V.Load(output + V.Count), factor, V.Load(sum + V.Count)).Store(output + V.Count);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Value4<V>(
        float* weights, int stride, float* factors, int last, float* values, int valueStride, int count, float** outputs, int column, int lanes)
        where V : struct, ILanes<V>
    {
        float* w0 = weights, w1 = weights + Math.Min(1, last) * stride;
        float* w2 = weights + Math.Min(2, last) * stride, w3 = weights + Math.Min(3, last) * stride;
        V a00 = V.Zero, a01 = V.Zero, a10 = V.Zero, a11 = V.Zero, a20 = V.Zero, a21 = V.Zero, a30 = V.Zero, a31 = V.Zero;
        int more = Math.Max(0, lanes - V.Count);
        if (more >= V.Count)
        {
            for (long key = 0; key < count; key++, values += valueStride)
            {
                AddKey(
                    V.Load(values), V.Load(values + V.Count), w0[key], w1[key], w2[key], w3[key], ref a00, ref a01, ref a10, ref a11, ref a20, ref a21, ref a30, ref a31);
            }
        }
        else
        {
            for (long key = 0; key < count; key++, values += valueStride)
            {
                AddKey(
                    V.Load(values, lanes), V.Load(values + V.Count, more), w0[key], w1[key], w2[key], w3[key],
                    ref a00, ref a01, ref a10, ref a11, ref a20, ref a21, ref a30, ref a31);
            }
        }

        Rescale(outputs[0] + column, factors[0], a00, a01, lanes, more);
        if (last > 0) Rescale(outputs[1] + column, factors[1], a10, a11, lanes, more);
        if (last > 1) Rescale(outputs[2] + column, factors[2], a20, a21, lanes, more);
        if (last > 2) Rescale(outputs[3] + column, factors[3], a30, a31, lanes, more);
    }

    /// <summary>One key's value, for four rows.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void AddKey<V>(
        V v0, V v1, float w0, float w1, float w2, float w3, ref V a00, ref V a01, ref V a10, ref V a11, ref V a20, ref V a21, ref V a30, ref V a31)
        where V : struct, ILanes<V>
    {
        V w = V.All(w0);
        a00 = V.Fma(w, v0, a00);
        a01 = V.Fma(w, v1, a01);
        w = V.All(w1);
        a10 = V.Fma(w, v0, a10);
        a11 = V.Fma(w, v1, a11);
        w = V.All(w2);
        a20 = V.Fma(w, v0, a20);
        a21 = V.Fma(w, v1, a21);
        w = V.All(w3);
        a30 = V.Fma(w, v0, a30);
        a31 = V.Fma(w, v1, a31);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Rescale<V>(float* output, float factor, V first, V second, int lanes, int more)
        where V : struct, ILanes<V>
    {
        V.Fma(V.Load(output, lanes), V.All(factor), first).Store(output, lanes);
        if (more > 0) V.Fma(V.Load(output + V.Count, more), V.All(factor), second).Store(output + V.Count, more);
    }
}
