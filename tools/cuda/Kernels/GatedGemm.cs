using ILGPU;
using ILGPU.Runtime;
using Sinter.Devices.Cuda.Instructions;
using Sinter.Devices.Cuda.Kernels;

namespace Sinter.Cuda.Kernels;

/// <summary>
/// result[m, n] = silu(Σ_k a[m, k] · gate[e(m), n, k]) · Σ_k a[m, k] · up[e(m), n, k]: both products of <see cref="Gemm"/> in one block, so
/// that neither goes to memory, and the result as the down projection takes it (DeepSeek-V3 report, 3.3.2).
/// </summary>
public static class GatedGemm
{
    /// <summary>Threads of a block; <see cref="PairedColumns"/> stands on it.</summary>
    public const int Threads = 256;

    private const float Log2E = 1.44269504f;

    /// <summary>Columns of the result that a block computes, which for E4M3 share a row's scale.</summary>
    public static int Columns<TTile>()
        where TTile : struct, ITile => default(TTile).WarpColumns * Gemm.WarpColumns / 2;

    /// <summary>Dynamic shared memory: the stages, and for each row its warps' maxima and its scale's inverse.</summary>
    public static int SharedBytes<TTile>()
        where TTile : struct, ITile => MostStart<TTile>() + (default(TTile).WarpRows * Gemm.WarpRows * (default(TTile).WarpColumns + 1) * 4);

    /// <summary>The kernel. Grid: (⌈columns / 128⌉, tiles). Block: 256.</summary>
    /// <param name="a">Rows of <paramref name="depth"/> bytes.</param>
    /// <param name="w">Experts of twice <paramref name="columns"/> rows of <paramref name="depth"/> bytes: gate, then up.</param>
    /// <param name="aScales">For E4M3: [row, piece]; else empty.</param>
    /// <param name="wScales">For E4M3: [expert, gate and up, ⌈columns / 128⌉, piece]; else empty.</param>
    /// <param name="tiles">For each tile: its first row, its rows (0 to the tile's), its expert.</param>
    /// <param name="result">[row, column], BF16 or E4M3.</param>
    /// <param name="scales">For a result in E4M3: [row, ⌈columns / 128⌉]; else empty.</param>
    /// <param name="columns">Of the result, even.</param>
    /// <param name="depth">Bytes in depth, a multiple of 16.</param>
    /// <param name="powers">Of the result's scales: 1: powers of two; 0: any.</param>
    public static void Run<TElement, TTile, TEnding>(
        ArrayView<byte> a, ArrayView<byte> w, ArrayView<float> aScales, ArrayView<float> wScales, ArrayView<int> tiles, ArrayView<ushort> result, ArrayView<float> scales,
        int columns, int depth, int powers)
        where TElement : struct, IElement
        where TTile : struct, ITile
        where TEnding : struct, IEnding
    {
        var tile = default(TTile);
        var entry = Grid.IdxY * 3;
        var (firstRow, rows, expert) = (tiles[entry], tiles[entry + 1], tiles[entry + 2]);
        if (rows == 0)
        {
            return;
        }

        var firstColumn = Grid.IdxX * Columns<TTile>();
        var sums = Gemm.Multiply<TElement, TTile, PairedColumns>(a, w, aScales, wScales, firstRow, rows, expert, firstColumn, columns, depth);
        sums.C0 = Gate(sums.C0);
        sums.C1 = Gate(sums.C1);
        sums.C2 = Gate(sums.C2);
        sums.C3 = Gate(sums.C3);
        var (warp, lane) = (Group.IdxX >> 5, Group.IdxX & 31);
        var (warpRow, warpColumn) = (warp / tile.WarpColumns * Gemm.WarpRows, warp % tile.WarpColumns);
        var row = warpRow + (lane >> 2);
        if (default(TEnding).Scaled)
        {
            var most = SharedMemory.GetDynamic<byte>().SubView(MostStart<TTile>(), SharedBytes<TTile>() - MostStart<TTile>()).Cast<float>();
            var inverses = tile.WarpRows * Gemm.WarpRows * tile.WarpColumns;
            NoteMost(most, (row * tile.WarpColumns) + warpColumn, 8 * tile.WarpColumns, lane, sums.C0);
            NoteMost(most, ((row + 16) * tile.WarpColumns) + warpColumn, 8 * tile.WarpColumns, lane, sums.C1);
            NoteMost(most, ((row + 32) * tile.WarpColumns) + warpColumn, 8 * tile.WarpColumns, lane, sums.C2);
            NoteMost(most, ((row + 48) * tile.WarpColumns) + warpColumn, 8 * tile.WarpColumns, lane, sums.C3);
            Group.Barrier();
            if (Group.IdxX < tile.WarpRows * Gemm.WarpRows)
            {
                var own = Group.IdxX * tile.WarpColumns;
                var greatest = most[own];
                for (var i = 1; i < tile.WarpColumns; i++)
                {
                    greatest = IntrinsicMath.Max(greatest, most[own + i]);
                }

                var scale = E4M3Scale.Of(greatest, powers);
                most[inverses + Group.IdxX] = 1 / scale;
                if (Group.IdxX < rows)
                {
                    scales[((long)(firstRow + Group.IdxX) * Grid.DimX) + Grid.IdxX] = scale;
                }
            }

            Group.Barrier();
            sums.C0 = Strips.Scale(sums.C0, most[inverses + row], most[inverses + row + 8]);
            sums.C1 = Strips.Scale(sums.C1, most[inverses + row + 16], most[inverses + row + 24]);
            sums.C2 = Strips.Scale(sums.C2, most[inverses + row + 32], most[inverses + row + 40]);
            sums.C3 = Strips.Scale(sums.C3, most[inverses + row + 48], most[inverses + row + 56]);
        }

        var column = firstColumn + (warpColumn * 16) + ((lane & 3) * 2);
        Put<TEnding>(result, firstRow, rows, columns, row, column, sums.C0);
        Put<TEnding>(result, firstRow, rows, columns, row + 16, column, sums.C1);
        Put<TEnding>(result, firstRow, rows, columns, row + 32, column, sums.C2);
        Put<TEnding>(result, firstRow, rows, columns, row + 48, column, sums.C3);
    }

    /// <summary>Where the rows' maxima lie.</summary>
    private static int MostStart<TTile>()
        where TTile : struct, ITile => default(TTile).Stages * ((default(TTile).WarpRows * Gemm.WarpRows) + (default(TTile).WarpColumns * Gemm.WarpColumns)) * Gemm.Piece;

    /// <summary>16 columns of the gate and the same of up become 16 of the result, on the left; nothing reads the right.</summary>
    private static Strip Gate(Strip sums)
    {
        sums.C0 = Gate(sums.C0, sums.C2);
        sums.C1 = Gate(sums.C1, sums.C3);
        return sums;
    }

    private static Sums Gate(Sums gate, Sums up)
    {
        Sums result;
        result.X = Silu(gate.X) * up.X;
        result.Y = Silu(gate.Y) * up.Y;
        result.Z = Silu(gate.Z) * up.Z;
        result.W = Silu(gate.W) * up.W;
        return result;
    }

    private static float Silu(float x) => x / (1 + Exponential.OfTwo(-x * Log2E));

    /// <summary>A warp's greatest magnitude of each of 16 rows.</summary>
    private static void NoteMost(ArrayView<float> most, int place, int eightRows, int lane, Strip results)
    {
        var upper = Quads.Maximum(IntrinsicMath.Max(Strips.Most(results.C0.X, results.C0.Y), Strips.Most(results.C1.X, results.C1.Y)));
        var lower = Quads.Maximum(IntrinsicMath.Max(Strips.Most(results.C0.Z, results.C0.W), Strips.Most(results.C1.Z, results.C1.W)));
        if ((lane & 3) == 0)
        {
            most[place] = upper;
            most[place + eightRows] = lower;
        }
    }

    private static void Put<TEnding>(ArrayView<ushort> result, int firstRow, int rows, int columns, int row, int column, Strip results)
        where TEnding : struct, IEnding
    {
        Put<TEnding>(result, firstRow, rows, columns, row, column, results.C0);
        Put<TEnding>(result, firstRow, rows, columns, row, column + 8, results.C1);
    }

    private static void Put<TEnding>(ArrayView<ushort> result, int firstRow, int rows, int columns, int row, int column, Sums results)
        where TEnding : struct, IEnding
    {
        var place = ((long)(firstRow + row) * columns) + column;
        if (row < rows && column < columns)
        {
            default(TEnding).Put(result, place, results.X, results.Y);
        }

        if (row + 8 < rows && column < columns)
        {
            default(TEnding).Put(result, place + (8L * columns), results.Z, results.W);
        }
    }
}
