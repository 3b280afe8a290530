using ILGPU;
using ILGPU.Runtime;
using Sinter.Devices.Cuda.Instructions;
using Sinter.Devices.Cuda.Kernels;

namespace Sinter.Cuda.Kernels;

/// <summary>
/// result[m, n] = Σ_k a[m, k] · w[e(m), n, k] on tensor cores: the rows of a are sorted by expert, and a list of tiles says
/// which rows a block takes with whose weights. One expert makes it a plain product.
/// </summary>
/// <remarks>
/// Factors come in pieces of 128 bytes in depth through a ring in shared memory, which cp.async fills ahead. Chunk c of 16
/// bytes of row r lies at c ^ (r % 8), so that neither the copies nor ldmatrix meet in a bank. For E4M3 such a piece is one
/// block of scales: its sums are made on the tensor cores, scaled, and added in float32 (DeepSeek-V3 report, 3.3.2).
/// </remarks>
public static class Gemm
{
    /// <summary>The bytes in depth of a piece.</summary>
    public const int Piece = 128;

    /// <summary>Rows and columns of a warp.</summary>
    public const int WarpRows = 64;

    /// <inheritdoc cref="WarpRows"/>
    public const int WarpColumns = 32;

    /// <summary>The kernel. Grid: (⌈columns / tile's columns⌉, tiles). Block: 32 threads a warp.</summary>
    /// <param name="a">Rows of <paramref name="depth"/> bytes.</param>
    /// <param name="w">Experts of <paramref name="columns"/> rows of <paramref name="depth"/> bytes.</param>
    /// <param name="aScales">For E4M3: [row, piece]; else empty.</param>
    /// <param name="wScales">For E4M3: [expert, ⌈columns / 128⌉, piece]; else empty.</param>
    /// <param name="tiles">For each tile: its first row, its rows (0 to the tile's), its expert.</param>
    /// <param name="result">[row, column].</param>
    /// <param name="columns">Of the result.</param>
    /// <param name="depth">Bytes in depth, a multiple of 16.</param>
    public static void Run<TElement, TTile>(
        ArrayView<byte> a, ArrayView<byte> w, ArrayView<float> aScales, ArrayView<float> wScales, ArrayView<int> tiles, ArrayView<float> result, int columns, int depth)
        where TElement : struct, IElement
        where TTile : struct, ITile
    {
        var tile = default(TTile);
        var entry = Grid.IdxY * 3;
        var (firstRow, rows, expert) = (tiles[entry], tiles[entry + 1], tiles[entry + 2]);
        if (rows == 0)
        {
            return;
        }

        var (warp, lane) = (Group.IdxX / 32, Group.IdxX % 32);
        var (warpRow, warpColumn) = (warp / tile.WarpColumns * WarpRows, warp % tile.WarpColumns * WarpColumns);
        var firstColumn = Grid.IdxX * tile.WarpColumns * WarpColumns;
        var sums = Multiply<TElement, TTile, PlainColumns>(a, w, aScales, wScales, firstRow, rows, expert, firstColumn, columns, depth);
        var (row, column) = (warpRow + (lane / 4), firstColumn + warpColumn + (lane % 4 * 2));
        Store(result, firstRow, rows, columns, row, column, sums.C0);
        Store(result, firstRow, rows, columns, row + 16, column, sums.C1);
        Store(result, firstRow, rows, columns, row + 32, column, sums.C2);
        Store(result, firstRow, rows, columns, row + 48, column, sums.C3);
    }

    /// <summary>A warp's sums of 64 rows by 32 columns of a block's tile, 16 rows to each field.</summary>
    internal static WideSums Multiply<TElement, TTile, TColumns>(
        ArrayView<byte> a, ArrayView<byte> w, ArrayView<float> aScales, ArrayView<float> wScales, int firstRow, int rows, int expert, int firstColumn, int columns, int depth)
        where TElement : struct, IElement
        where TTile : struct, ITile
        where TColumns : struct, IColumns
    {
        var (tile, order) = (default(TTile), default(TColumns));
        var (tileRows, tileColumns) = (tile.WarpRows * WarpRows, tile.WarpColumns * WarpColumns);
        var stageBytes = (tileRows + tileColumns) * Piece;
        var (warp, lane) = (Group.IdxX / 32, Group.IdxX % 32);
        var (warpRow, warpColumn) = (warp / tile.WarpColumns * WarpRows, warp % tile.WarpColumns * WarpColumns);
        var memory = SharedMemory.GetDynamic<byte>();
        var shared = AsyncCopy.Shared(ref memory[0]);
        var aGlobal = AsyncCopy.Global(ref a[0]) + ((long)firstRow * depth);
        var wGlobal = AsyncCopy.Global(ref w[0]) + ((((long)expert * order.Products * columns) + firstColumn) * depth);
        var pieces = (depth + Piece - 1) / Piece;

        for (var piece = 0; piece < tile.Stages - 1; piece++)
        {
            if (piece < pieces)
            {
                var to = shared + (piece * stageBytes);
                Fetch<TTile>(to, aGlobal, tileRows, rows, piece * Piece, depth);
                order.Fetch<TTile>(to + (tileRows * Piece), wGlobal, columns - firstColumn, columns, piece * Piece, depth);
            }

            AsyncCopy.Commit();
        }

        // Where a lane's row of ldmatrix starts, and which chunk of 16 bytes it takes at each of the four steps.
        var aRow = shared + ((warpRow + (lane % 16)) * Piece);
        var wRow = shared + ((tileRows + warpColumn + (lane / 16 * 8) + (lane % 8)) * Piece);
        var (aHalf, wHalf, turn) = (lane / 16, lane / 8 % 2, lane % 8);

        var scaleRow = (firstRow + warpRow + (lane / 4)) * pieces;
        var lastScaleRow = (firstRow + rows - 1) * pieces;
        var blocks = (columns + 127) / 128;
        var wScale = ((expert * order.Products * blocks) + ((firstColumn + (warpColumn / order.Products)) / 128)) * pieces;
        Strip r0 = default, r1 = default, r2 = default, r3 = default;
        var (readStage, writeStage) = (0, (tile.Stages - 1) * stageBytes);
        for (var piece = 0; piece < pieces; piece++)
        {
            AsyncCopy.WaitAllBut(tile.Stages - 2);
            // Everyone's copies are there, and everyone is done with the stage that is filled next.
            Group.Barrier();
            var ahead = piece + tile.Stages - 1;
            if (ahead < pieces)
            {
                var to = shared + writeStage;
                Fetch<TTile>(to, aGlobal, tileRows, rows, ahead * Piece, depth);
                order.Fetch<TTile>(to + (tileRows * Piece), wGlobal, columns - firstColumn, columns, ahead * Piece, depth);
            }

            AsyncCopy.Commit();
            var (aStage, wStage) = (aRow + readStage, wRow + readStage);
            var (a0, a1, a2, a3) = (aHalf ^ turn, (2 + aHalf) ^ turn, (4 + aHalf) ^ turn, (6 + aHalf) ^ turn);
            var left0 = TensorCore.LoadMatrices(wStage + ((wHalf ^ turn) * 16));
            var left1 = TensorCore.LoadMatrices(wStage + (((2 + wHalf) ^ turn) * 16));
            var left2 = TensorCore.LoadMatrices(wStage + (((4 + wHalf) ^ turn) * 16));
            var left3 = TensorCore.LoadMatrices(wStage + (((6 + wHalf) ^ turn) * 16));
            wStage += 16 * Piece;
            var right0 = TensorCore.LoadMatrices(wStage + ((wHalf ^ turn) * 16));
            var right1 = TensorCore.LoadMatrices(wStage + (((2 + wHalf) ^ turn) * 16));
            var right2 = TensorCore.LoadMatrices(wStage + (((4 + wHalf) ^ turn) * 16));
            var right3 = TensorCore.LoadMatrices(wStage + (((6 + wHalf) ^ turn) * 16));

            var scale = default(TElement).Scaled ? wScales[wScale + piece] : 1f;
            // The second product's weights have scales of their own.
            var second = default(TElement).Scaled && order.Products == 2 ? wScales[wScale + (blocks * pieces) + piece] : scale;
            var r = scaleRow + piece;
            var last = lastScaleRow + piece;
            var strip = 16 * pieces;
            r0 = Deepen<TElement, TColumns>(r0, aStage, a0, a1, a2, a3, left0, left1, left2, left3, right0, right1, right2, right3, aScales, r, pieces, last, scale, second);
            r1 = Deepen<TElement, TColumns>(r1, aStage + (16 * Piece), a0, a1, a2, a3, left0, left1, left2, left3, right0, right1, right2, right3, aScales, r + strip, pieces, last, scale, second);
            r2 = Deepen<TElement, TColumns>(r2, aStage + (32 * Piece), a0, a1, a2, a3, left0, left1, left2, left3, right0, right1, right2, right3, aScales, r + (2 * strip), pieces, last, scale, second);
            r3 = Deepen<TElement, TColumns>(r3, aStage + (48 * Piece), a0, a1, a2, a3, left0, left1, left2, left3, right0, right1, right2, right3, aScales, r + (3 * strip), pieces, last, scale, second);
            readStage = readStage == (tile.Stages - 1) * stageBytes ? 0 : readStage + stageBytes;
            writeStage = writeStage == (tile.Stages - 1) * stageBytes ? 0 : writeStage + stageBytes;
        }

        WideSums sums;
        sums.C0 = r0;
        sums.C1 = r1;
        sums.C2 = r2;
        sums.C3 = r3;
        return sums;
    }

    /// <summary>One piece of 16 rows by 32 columns: four steps, and for E4M3 the scales.</summary>
    private static Strip Deepen<TElement, TColumns>(
        Strip sums, long row, int a0, int a1, int a2, int a3, Words left0, Words left1, Words left2, Words left3, Words right0, Words right1, Words right2, Words right3,
        ArrayView<float> scales, int upper, int eightRows, int last, float scale, float second)
        where TElement : struct, IElement
        where TColumns : struct, IColumns
    {
        var part = Strips.Deepen<TElement>(
            default(TElement).Scaled ? default : sums, row, a0, a1, a2, a3, left0, left1, left2, left3, right0, right1, right2, right3);
        if (!default(TElement).Scaled)
        {
            return part;
        }

        // Rows past the tile's last are not stored; their scale is any.
        var lower = upper + (8 * eightRows);
        var (upperScale, lowerScale) = (scales[IntrinsicMath.Min(upper, last)], scales[IntrinsicMath.Min(lower, last)]);
        return default(TColumns).Products == 2
            ? Strips.Promote(sums, part, upperScale * scale, lowerScale * scale, upperScale * second, lowerScale * second)
            : Strips.Promote(sums, part, upperScale * scale, lowerScale * scale);
    }

    /// <summary>Asks for a piece of some rows; zeroes where there are none, so that what is past an edge adds nothing.</summary>
    internal static void Fetch<TTile>(long to, long from, int rows, int existing, int depthStart, int depth)
        where TTile : struct, ITile
    {
        var tile = default(TTile);
        var threads = tile.WarpRows * tile.WarpColumns * 32;
        // A thread's rows are threads / 8 apart, which is a multiple of 8: its chunk and its place in the row stay the same.
        var (row, chunk) = (Group.IdxX / 8, Group.IdxX % 8);
        var place = depthStart + (chunk * 16);
        var (target, source) = (to + (row * Piece) + ((chunk ^ (row % 8)) * 16), from + ((long)row * depth) + place);
        var step = (long)(threads / 8) * depth;
        // A count that ptxas sees, so that it unrolls.
        for (var i = 0; i < rows / (threads / 8); i++)
        {
            AsyncCopy.Copy(target, source, row < existing && place < depth ? 16 : 0);
            row += threads / 8;
            target += threads / 8 * Piece;
            source += step;
        }
    }

    /// <summary>Stores the sums of 16 rows by 32 columns that lie inside the tile and the result.</summary>
    internal static void Store(ArrayView<float> result, int firstRow, int rows, int columns, int row, int column, Strip sums)
    {
        Store(result, firstRow, rows, columns, row, column, sums.C0);
        Store(result, firstRow, rows, columns, row, column + 8, sums.C1);
        Store(result, firstRow, rows, columns, row, column + 16, sums.C2);
        Store(result, firstRow, rows, columns, row, column + 24, sums.C3);
    }

    private static void Store(ArrayView<float> result, int firstRow, int rows, int columns, int row, int column, Sums sums)
    {
        Put(result, firstRow, rows, columns, row, column, sums.X);
        Put(result, firstRow, rows, columns, row, column + 1, sums.Y);
        Put(result, firstRow, rows, columns, row + 8, column, sums.Z);
        Put(result, firstRow, rows, columns, row + 8, column + 1, sums.W);
    }

    private static void Put(ArrayView<float> result, int firstRow, int rows, int columns, int row, int column, float value)
    {
        if (row < rows && column < columns)
        {
            result[((long)(firstRow + row) * columns) + column] = value;
        }
    }
}
