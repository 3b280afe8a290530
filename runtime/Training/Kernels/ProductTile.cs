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
        for (int i = 0; i <= last; i++) Tiles.Prefetch((byte*)(result + places[i]), 2 * V.Count * sizeof(float));
        RegisterTile.Sum(
            rows[0], rows[Math.Min(1, last)], rows[Math.Min(2, last)], rows[Math.Min(3, last)], rows[Math.Min(4, last)], rows[Math.Min(5, last)], depth, panel, 2 * V.Count,
            out V a00, out V a01, out V a10, out V a11, out V a20, out V a21, out V a30, out V a31, out V a40, out V a41, out V a50, out V a51);
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
