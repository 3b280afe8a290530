using ILGPU;
using ILGPU.Runtime;
using Sinter.Devices.Cuda.Instructions;
using Sinter.Devices.Cuda.Kernels;

namespace Sinter.Cuda.Kernels;

/// <summary>The grouped product of <see cref="Gemm"/> for Hopper: wgmma on what the tensor memory accelerator fetches.</summary>
/// <remarks>
/// One warp fetches pieces of 128 bytes in depth through a ring in shared memory, as far ahead as the ring reaches; warpgroups
/// multiply them. For each stage one barrier says that its bytes are there, and another that all warps are done with it.
/// For E4M3 a piece is one block of scales: its sums start from zero, are scaled, and added in float32 (DeepSeek-V3 report, 3.3.2).
/// </remarks>
public static class WarpgroupGemm
{
    /// <summary>Bytes of a stage.</summary>
    public static int StageBytes<TTile>()
        where TTile : struct, IWarpgroupTile => ((default(TTile).Groups * Warpgroup.Rows) + Warpgroup.Columns) * Gemm.Piece;

    /// <summary>The kernel. Grid: (⌈columns / 128⌉, tiles). Block: 128 threads a warpgroup, and 32.</summary>
    /// <param name="maps">Two tensor maps over bytes, swizzled by 128: of the rows (box: 128 by the tile's rows), and 128 bytes on of the
    /// experts' rows one after the other (box: 128 by 128).</param>
    /// <param name="aScales">For E4M3: [row, piece]; else empty.</param>
    /// <param name="wScales">For E4M3: [expert, ⌈columns / 128⌉, piece]; else empty.</param>
    /// <param name="tiles">For each tile: its first row, its rows (0 to the tile's), its expert.</param>
    /// <param name="result">[row, column].</param>
    /// <param name="columns">Of the result.</param>
    /// <param name="depth">Bytes in depth, a multiple of 16.</param>
    public static void Run<TElement, TTile>(
        ArrayView<byte> maps, ArrayView<float> aScales, ArrayView<float> wScales, ArrayView<int> tiles, ArrayView<float> result, int columns, int depth)
        where TElement : struct, IElement
        where TTile : struct, IWarpgroupTile
    {
        var tile = default(TTile);
        var entry = Grid.IdxY * 3;
        var (firstRow, rows, expert) = (tiles[entry], tiles[entry + 1], tiles[entry + 2]);
        if (rows == 0)
        {
            return;
        }

        var stageBytes = StageBytes<TTile>();
        var (warp, lane) = (Group.IdxX / 32, Group.IdxX % 32);
        var firstColumn = Grid.IdxX * Warpgroup.Columns;
        var shared = AsyncCopy.Shared(ref SharedMemory.GetDynamic<byte>()[0]);
        var barriers = shared + (tile.Stages * stageBytes);
        var pieces = (depth + Gemm.Piece - 1) / Gemm.Piece;
        if (Group.IdxX == 0)
        {
            for (var stage = 0; stage < tile.Stages; stage++)
            {
                Mbarrier.Initialise(Full(barriers, stage), 1);
                Mbarrier.Initialise(Empty(barriers, stage), tile.Groups * 4);
            }

            Mbarrier.Publish();
        }

        Group.Barrier();
        if (warp == tile.Groups * 4)
        {
            if (lane == 0)
            {
                Fetch<TTile>(AsyncCopy.Global(ref maps[0]), shared, barriers, pieces, firstRow, (expert * columns) + firstColumn);
            }

            return;
        }

        var (group, warpRow) = (warp / 4, warp * 16);
        var scaleRow = (firstRow + warpRow + (lane / 4)) * pieces;
        var lastScaleRow = (firstRow + rows - 1) * pieces;
        var wScale = ((expert * ((columns + 127) / 128)) + Grid.IdxX) * pieces;
        WideSums sums = default;
        var (at, parity) = (0, 0);
        for (var piece = 0; piece < pieces; piece++)
        {
            float upper = 1, lower = 1;
            if (default(TElement).Scaled)
            {
                // Rows past the tile's last are not stored; their scale is any.
                var scale = wScales[wScale + piece];
                upper = aScales[IntrinsicMath.Min(scaleRow, lastScaleRow) + piece] * scale;
                lower = aScales[IntrinsicMath.Min(scaleRow + (8 * pieces), lastScaleRow) + piece] * scale;
            }

            Mbarrier.Wait(Full(barriers, at), parity);
            var stage = shared + (at * stageBytes);
            var part = default(TElement).Multiply(stage + (group * Warpgroup.Rows * Gemm.Piece), stage + (tile.Groups * Warpgroup.Rows * Gemm.Piece), sums);
            if (lane == 0)
            {
                Mbarrier.Arrive(Empty(barriers, at));
            }

            sums = default(TElement).Scaled ? Strips.Promote(sums, part, upper, lower) : part;
            at++;
            if (at == tile.Stages)
            {
                (at, parity) = (0, parity ^ 1);
            }
        }

        var (row, column) = (warpRow + (lane / 4), firstColumn + (lane % 4 * 2));
        Gemm.Store(result, firstRow, rows, columns, row, column, sums.C0);
        Gemm.Store(result, firstRow, rows, columns, row, column + 32, sums.C1);
        Gemm.Store(result, firstRow, rows, columns, row, column + 64, sums.C2);
        Gemm.Store(result, firstRow, rows, columns, row, column + 96, sums.C3);
    }

    /// <summary>One thread's work: each stage is asked for as soon as all warps are done with what it held.</summary>
    private static void Fetch<TTile>(long maps, long shared, long barriers, int pieces, int aRow, int wRow)
        where TTile : struct, IWarpgroupTile
    {
        var tile = default(TTile);
        var stageBytes = StageBytes<TTile>();
        var (at, parity) = (0, 1);
        for (var piece = 0; piece < pieces; piece++)
        {
            Mbarrier.Wait(Empty(barriers, at), parity);
            Mbarrier.ArriveExpecting(Full(barriers, at), stageBytes);
            var stage = shared + (at * stageBytes);
            TensorCopy.Fetch(stage, maps, piece * Gemm.Piece, aRow, Full(barriers, at));
            TensorCopy.Fetch(stage + (tile.Groups * Warpgroup.Rows * Gemm.Piece), maps + 128, piece * Gemm.Piece, wRow, Full(barriers, at));
            at++;
            if (at == tile.Stages)
            {
                (at, parity) = (0, parity ^ 1);
            }
        }
    }

    private static long Full(long barriers, int stage) => barriers + (stage * 16);

    private static long Empty(long barriers, int stage) => barriers + (stage * 16) + 8;
}
