using System.Runtime.CompilerServices;
using Sinter.Runtime.Numerics;

namespace Sinter.Runtime.Training.Kernels;

/// <summary>
/// The register tiles of attention: six rows × two vectors of columns, or twelve rows × one. All of a tile is stored; where rows or
/// columns end before it does, the memory goes on.
/// </summary>
internal static unsafe class AttentionTiles
{
    /// <summary>Rows of a tile with two vectors of columns.</summary>
    public const int PairRows = 6;

    /// <summary>Rows of a tile with one.</summary>
    public const int SingleRows = 12;

    /// <summary>result = left · panel; a row's depth lies side by side.</summary>
    /// <param name="stride">From one row of the left factor to the next.</param>
    /// <param name="panel">[depth, 2 vectors].</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Pair<V>(float* left, long stride, int depth, float* panel, float* result, long resultStride)
        where V : struct, ILanes<V>
    {
        float* x0 = left, x1 = left + stride, x2 = x1 + stride, x3 = x2 + stride, x4 = x3 + stride, x5 = x4 + stride;
        V a00 = V.Zero, a01 = V.Zero, a10 = V.Zero, a11 = V.Zero, a20 = V.Zero, a21 = V.Zero;
        V a30 = V.Zero, a31 = V.Zero, a40 = V.Zero, a41 = V.Zero, a50 = V.Zero, a51 = V.Zero;
        for (long k = 0; k < depth; k++)
        {
            V w0 = V.Load(panel), w1 = V.Load(panel + V.Count);
            panel += 2 * V.Count;
            V x = V.All(x0[k]);
            a00 = V.Fma(x, w0, a00);
            a01 = V.Fma(x, w1, a01);
            x = V.All(x1[k]);
            a10 = V.Fma(x, w0, a10);
            a11 = V.Fma(x, w1, a11);
            x = V.All(x2[k]);
            a20 = V.Fma(x, w0, a20);
            a21 = V.Fma(x, w1, a21);
            x = V.All(x3[k]);
            a30 = V.Fma(x, w0, a30);
            a31 = V.Fma(x, w1, a31);
            x = V.All(x4[k]);
            a40 = V.Fma(x, w0, a40);
            a41 = V.Fma(x, w1, a41);
            x = V.All(x5[k]);
            a50 = V.Fma(x, w0, a50);
            a51 = V.Fma(x, w1, a51);
        }

        a00.Store(result);
        a01.Store(result + V.Count);
        a10.Store(result += resultStride);
        a11.Store(result + V.Count);
        a20.Store(result += resultStride);
        a21.Store(result + V.Count);
        a30.Store(result += resultStride);
        a31.Store(result + V.Count);
        a40.Store(result += resultStride);
        a41.Store(result + V.Count);
        a50.Store(result += resultStride);
        a51.Store(result + V.Count);
    }

    /// <summary>The same with one vector of columns; twelve rows are reached from four of them.</summary>
    /// <param name="panel">[depth, 1 vector].</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Single<V>(float* left, long stride, int depth, float* panel, float* result, long resultStride)
        where V : struct, ILanes<V>
    {
        long twice = 2 * stride;
        float* x0 = left, x3 = x0 + 3 * stride, x6 = x3 + 3 * stride, x9 = x6 + 3 * stride;
        V a0 = V.Zero, a1 = V.Zero, a2 = V.Zero, a3 = V.Zero, a4 = V.Zero, a5 = V.Zero;
        V a6 = V.Zero, a7 = V.Zero, a8 = V.Zero, a9 = V.Zero, a10 = V.Zero, a11 = V.Zero;
        for (int k = 0; k < depth; k++, x0++, x3++, x6++, x9++, panel += V.Count)
        {
            V w = V.Load(panel);
            a0 = V.Fma(V.All(x0[0]), w, a0);
            a1 = V.Fma(V.All(x0[stride]), w, a1);
            a2 = V.Fma(V.All(x0[twice]), w, a2);
            a3 = V.Fma(V.All(x3[0]), w, a3);
            a4 = V.Fma(V.All(x3[stride]), w, a4);
            a5 = V.Fma(V.All(x3[twice]), w, a5);
            a6 = V.Fma(V.All(x6[0]), w, a6);
            a7 = V.Fma(V.All(x6[stride]), w, a7);
            a8 = V.Fma(V.All(x6[twice]), w, a8);
            a9 = V.Fma(V.All(x9[0]), w, a9);
            a10 = V.Fma(V.All(x9[stride]), w, a10);
            a11 = V.Fma(V.All(x9[twice]), w, a11);
        }

        a0.Store(result);
        a1.Store(result += resultStride);
        a2.Store(result += resultStride);
        a3.Store(result += resultStride);
        a4.Store(result += resultStride);
        a5.Store(result += resultStride);
        a6.Store(result += resultStride);
        a7.Store(result += resultStride);
        a8.Store(result += resultStride);
        a9.Store(result += resultStride);
        a10.Store(result += resultStride);
        a11.Store(result + resultStride);
    }

    /// <summary>result += left transposed · panel: rows of the result lie side by side in the left factor, from one depth to the next <paramref name="stride"/> numbers.</summary>
    /// <param name="panel">[depth, 2 vectors].</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void AddPairAcross<V>(float* left, long stride, int depth, float* panel, float* result, long resultStride)
        where V : struct, ILanes<V>
    {
        V a00 = V.Zero, a01 = V.Zero, a10 = V.Zero, a11 = V.Zero, a20 = V.Zero, a21 = V.Zero;
        V a30 = V.Zero, a31 = V.Zero, a40 = V.Zero, a41 = V.Zero, a50 = V.Zero, a51 = V.Zero;
        for (int k = 0; k < depth; k++, left += stride, panel += 2 * V.Count)
        {
            V w0 = V.Load(panel), w1 = V.Load(panel + V.Count);
            V x = V.All(left[0]);
            a00 = V.Fma(x, w0, a00);
            a01 = V.Fma(x, w1, a01);
            x = V.All(left[1]);
            a10 = V.Fma(x, w0, a10);
            a11 = V.Fma(x, w1, a11);
            x = V.All(left[2]);
            a20 = V.Fma(x, w0, a20);
            a21 = V.Fma(x, w1, a21);
            x = V.All(left[3]);
            a30 = V.Fma(x, w0, a30);
            a31 = V.Fma(x, w1, a31);
            x = V.All(left[4]);
            a40 = V.Fma(x, w0, a40);
            a41 = V.Fma(x, w1, a41);
            x = V.All(left[5]);
            a50 = V.Fma(x, w0, a50);
            a51 = V.Fma(x, w1, a51);
        }

        Add(result, a00, a01);
        Add(result += resultStride, a10, a11);
        Add(result += resultStride, a20, a21);
        Add(result += resultStride, a30, a31);
        Add(result += resultStride, a40, a41);
        Add(result + resultStride, a50, a51);
    }

    /// <summary>The same with one vector of columns and twelve rows.</summary>
    /// <param name="panel">[depth, 1 vector].</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void AddSingleAcross<V>(float* left, long stride, int depth, float* panel, float* result, long resultStride)
        where V : struct, ILanes<V>
    {
        V a0 = V.Zero, a1 = V.Zero, a2 = V.Zero, a3 = V.Zero, a4 = V.Zero, a5 = V.Zero;
        V a6 = V.Zero, a7 = V.Zero, a8 = V.Zero, a9 = V.Zero, a10 = V.Zero, a11 = V.Zero;
        for (int k = 0; k < depth; k++, left += stride, panel += V.Count)
        {
            V w = V.Load(panel);
            a0 = V.Fma(V.All(left[0]), w, a0);
            a1 = V.Fma(V.All(left[1]), w, a1);
            a2 = V.Fma(V.All(left[2]), w, a2);
            a3 = V.Fma(V.All(left[3]), w, a3);
            a4 = V.Fma(V.All(left[4]), w, a4);
            a5 = V.Fma(V.All(left[5]), w, a5);
            a6 = V.Fma(V.All(left[6]), w, a6);
            a7 = V.Fma(V.All(left[7]), w, a7);
            a8 = V.Fma(V.All(left[8]), w, a8);
            a9 = V.Fma(V.All(left[9]), w, a9);
            a10 = V.Fma(V.All(left[10]), w, a10);
            a11 = V.Fma(V.All(left[11]), w, a11);
        }

        Add(result, a0);
        Add(result += resultStride, a1);
        Add(result += resultStride, a2);
        Add(result += resultStride, a3);
        Add(result += resultStride, a4);
        Add(result += resultStride, a5);
        Add(result += resultStride, a6);
        Add(result += resultStride, a7);
        Add(result += resultStride, a8);
        Add(result += resultStride, a9);
        Add(result += resultStride, a10);
        Add(result + resultStride, a11);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Add<V>(float* place, V sum)
        where V : struct, ILanes<V> => (V.Load(place) + sum).Store(place);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Add<V>(float* place, V first, V second)
        where V : struct, ILanes<V>
    {
        Add(place, first);
        Add(place + V.Count, second);
    }
}
