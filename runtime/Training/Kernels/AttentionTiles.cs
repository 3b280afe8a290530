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
        float* x1 = left + stride, x2 = x1 + stride, x3 = x2 + stride, x4 = x3 + stride, x5 = x4 + stride;
        RegisterTile.Sum(
            left, x1, x2, x3, x4, x5, depth, panel, 2 * V.Count,
            out V a00, out V a01, out V a10, out V a11, out V a20, out V a21, out V a30, out V a31, out V a40, out V a41, out V a50, out V a51);
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
        RegisterTile.SumTwelve(left, stride, depth, panel, out V a0, out V a1, out V a2, out V a3, out V a4, out V a5, out V a6, out V a7, out V a8, out V a9, out V a10, out V a11);
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
        int k = 0;
        for (; k <= depth - RegisterTile.Depths; k += RegisterTile.Depths)
        {
            RegisterTile.Add(left, left + 1, left + 2, left + 3, left + 4, left + 5, panel, ref a00, ref a01, ref a10, ref a11, ref a20, ref a21, ref a30, ref a31, ref a40, ref a41, ref a50, ref a51);
            left += stride;
            panel += 2 * V.Count;
            RegisterTile.Add(left, left + 1, left + 2, left + 3, left + 4, left + 5, panel, ref a00, ref a01, ref a10, ref a11, ref a20, ref a21, ref a30, ref a31, ref a40, ref a41, ref a50, ref a51);
            left += stride;
            panel += 2 * V.Count;
            RegisterTile.Add(left, left + 1, left + 2, left + 3, left + 4, left + 5, panel, ref a00, ref a01, ref a10, ref a11, ref a20, ref a21, ref a30, ref a31, ref a40, ref a41, ref a50, ref a51);
            left += stride;
            panel += 2 * V.Count;
            RegisterTile.Add(left, left + 1, left + 2, left + 3, left + 4, left + 5, panel, ref a00, ref a01, ref a10, ref a11, ref a20, ref a21, ref a30, ref a31, ref a40, ref a41, ref a50, ref a51);
            left += stride;
            panel += 2 * V.Count;
        }

        for (; k < depth; k++, left += stride, panel += 2 * V.Count)
            RegisterTile.Add(left, left + 1, left + 2, left + 3, left + 4, left + 5, panel, ref a00, ref a01, ref a10, ref a11, ref a20, ref a21, ref a30, ref a31, ref a40, ref a41, ref a50, ref a51);

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
            RegisterTile.AddTwelve(left, left + 3, left + 6, left + 9, 1, 2, V.Load(panel), ref a0, ref a1, ref a2, ref a3, ref a4, ref a5, ref a6, ref a7, ref a8, ref a9, ref a10, ref a11);

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
