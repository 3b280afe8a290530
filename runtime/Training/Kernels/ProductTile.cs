using System;
using System.Runtime.CompilerServices;
using Sinter.Runtime.Numerics;

namespace Sinter.Runtime.Training.Kernels;

/// <summary>The register tile of a product whose result lies in rows: six rows × two vectors of columns, stored at once.</summary>
internal static unsafe class ProductTile
{
    /// <param name="rows">[6] rows whose depth lies side by side.</param>
    /// <param name="last">The last of the rows that counts.</param>
    /// <param name="panel">[depth, 2 vectors].</param>
    /// <param name="places">[6] where each row's result stands in <paramref name="result"/>.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Run<V>(float** rows, int last, int depth, float* panel, float* result, long* places, bool adds)
        where V : struct, ILanes<V>
    {
        float* x0 = rows[0], x1 = rows[Math.Min(1, last)], x2 = rows[Math.Min(2, last)];
        float* x3 = rows[Math.Min(3, last)], x4 = rows[Math.Min(4, last)], x5 = rows[Math.Min(5, last)];
        V a00 = V.Zero, a01 = V.Zero, a10 = V.Zero, a11 = V.Zero, a20 = V.Zero, a21 = V.Zero;
        V a30 = V.Zero, a31 = V.Zero, a40 = V.Zero, a41 = V.Zero, a50 = V.Zero, a51 = V.Zero;
        for (int i = 0; i <= last; i++) Tiles.Prefetch((byte*)(result + places[i]), 2 * V.Count * sizeof(float));
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

        Store(result + places[0], a00, a01, adds);
        if (last > 0) Store(result + places[1], a10, a11, adds);
        if (last > 1) Store(result + places[2], a20, a21, adds);
        if (last > 2) Store(result + places[3], a30, a31, adds);
        if (last > 3) Store(result + places[4], a40, a41, adds);
        if (last > 4) Store(result + places[5], a50, a51, adds);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Store<V>(float* place, V first, V second, bool adds)
        where V : struct, ILanes<V>
    {
        (adds ? V.Load(place) + first : first).Store(place);
        (adds ? V.Load(place + V.Count) + second : second).Store(place + V.Count);
    }
}
