using ILGPU;
using Sinter.Devices.Cuda.Instructions;

namespace Sinter.Devices.Cuda.Kernels;

/// <summary>
/// <see cref="WarpgroupProduct"/> with weights in E4M3 and a scale to each block of 128 × 128: wgmma takes no codes beside BF16, so
/// each thread widens those that it fetched itself, which is exact, while the piece before is multiplied.
/// </summary>
/// <remarks>The units of sums and the order of numbers in depth are those of <see cref="BlockScaledProduct"/>.</remarks>
public struct WarpgroupBlockScaledProduct : ITensorLoop
{
    internal const int SharedBytes = (2 * (RowBytes + ColumnBytes)) + (Stages * CodeBytes);

    private const int Piece = 64;
    private const int LineBytes = 2 * Piece;

    /// <summary>Of a stage: all rows' numbers, all columns', and the codes of all columns.</summary>
    private const int RowBytes = WarpgroupProduct.BlockRows * LineBytes;
    private const int ColumnBytes = WarpgroupProduct.BlockColumns * LineBytes;
    private const int CodeBytes = WarpgroupProduct.BlockColumns * Piece;

    private const int Stages = 4;

    /// <summary>Lines that the threads stage together, four to each.</summary>
    private const int Together = WarpgroupProduct.Threads / 4;

    public readonly int Rows => WarpgroupProduct.BlockRows;

    public readonly int Columns => WarpgroupProduct.BlockColumns;

    /// <inheritdoc/>
    public readonly void Run<TProduct>(TProduct product, ArrayView<float> x, DeviceWeight weight, DeviceWeight secondWeight, int first, int end, int block)
        where TProduct : struct, ITensorProduct
    {
        if (first >= end) return;
        end = IntrinsicMath.Min(end, first + WarpgroupProduct.BlockRows);
        ArrayView<float> changes = SharedMemory.Allocate<float>(UnitChanges.Size(product.Depth, WarpgroupProduct.BlockColumns));
        long shared = AsyncCopy.Shared(ref SharedMemory.GetDynamic<byte>()[0]), weights = shared + (2 * RowBytes);

        // Of activations a thread stages every 64th row, 16 numbers as two chunks; of codes every 64th, a chunk that no other reads.
        int line = Group.IdxX / 4, part = Group.IdxX % 4;
        int place = (line * LineBytes) + (((2 * part) ^ (line % 8)) * 16);
        long codes = weights + (2 * ColumnBytes) + (line * Piece) + (part * 16);
        long from = AsyncCopy.Global(ref x.Cast<byte>()[0]);
        long row0 = from + (product.Row(IntrinsicMath.Min(first + line, end - 1)) * 4);
        long row1 = from + (product.Row(IntrinsicMath.Min(first + line + Together, end - 1)) * 4);
        int column = block * (WarpgroupProduct.BlockColumns / product.Products);
        SpreadLines<TProduct> lines = SpreadLines<TProduct>.Of(product, weight, secondWeight, column, line, Together);
        // Two to each block of scales; what is past the depth is zero.
        int blocks = UnitChanges.Blocks(product.Depth), pieces = 2 * blocks;
        for (int piece = 0; piece < Stages; piece++)
        {
            if (piece < pieces) lines.FetchFour(product, codes + (piece * CodeBytes), Together * Piece, (piece * Piece) + (part * 16), 1);
            AsyncCopy.Commit();
        }

        UnitChanges.Put(changes, product, weight, secondWeight, column, WarpgroupProduct.BlockColumns, WarpgroupProduct.Threads);
        long start = BlockScaledProduct.RowStart(product, part * 16);
        BlockScaledProduct.Put(shared + place, WideAccess.Load(row0 + start), WideAccess.Load(row0 + start + 16), WideAccess.Load(row0 + start + 32), WideAccess.Load(row0 + start + 48));
        BlockScaledProduct.Put(
            shared + place + (Together * LineBytes),
            WideAccess.Load(row1 + start), WideAccess.Load(row1 + start + 16), WideAccess.Load(row1 + start + 32), WideAccess.Load(row1 + start + 48));
        AsyncCopy.WaitAllBut(Stages - 1);
        Widen(codes, weights + place);
        Group.Barrier();

        BroadSums sums = default;
        for (int scales = 0; scales < blocks; scales++)
        {
            sums = Times(sums, changes, scales);
            sums = Deepen(product, lines, row0, row1, shared, place, codes, part, 2 * scales, 0, sums);
            sums = Deepen(product, lines, row0, row1, shared, place, codes, part, (2 * scales) + 1, 1, sums);
        }

        sums = Times(sums, changes, blocks);
        WarpgroupProduct.Store(product, first, end, block, sums);
    }

    /// <summary>A piece added, and the next one made ready in the other stage.</summary>
    private static BroadSums Deepen<TProduct>(
        TProduct product, SpreadLines<TProduct> lines, long row0, long row1, long shared, int place, long codes, int part, int piece, int stage, BroadSums sums)
        where TProduct : struct, ITensorProduct
    {
        // In the last round numbers are taken once more that nobody reads.
        long start = BlockScaledProduct.RowStart(product, ((piece + 1) * Piece) + (part * 16));
        Sums x00 = WideAccess.Load(row0 + start), x01 = WideAccess.Load(row0 + start + 16);
        Sums x02 = WideAccess.Load(row0 + start + 32), x03 = WideAccess.Load(row0 + start + 48);
        Sums x10 = WideAccess.Load(row1 + start), x11 = WideAccess.Load(row1 + start + 16);
        Sums x12 = WideAccess.Load(row1 + start + 32), x13 = WideAccess.Load(row1 + start + 48);
        Warpgroup.Publish();
        // Everyone's piece is there, and what was multiplied before is free.
        Group.Barrier();
        long weights = shared + (2 * RowBytes);
        sums = Warpgroup.BeginBF16(shared + (stage * RowBytes) + (Group.IdxX / 128 * Warpgroup.Rows * LineBytes), weights + (stage * ColumnBytes), sums);

        int other = 1 - stage, next = piece + 1, ahead = piece + Stages, pieces = 2 * UnitChanges.Blocks(product.Depth);
        AsyncCopy.WaitAllBut(Stages - 2);
        if (next < pieces) Widen(codes + (next % Stages * CodeBytes), weights + (other * ColumnBytes) + place);
        if (ahead < pieces) lines.FetchFour(product, codes + (ahead % Stages * CodeBytes), Together * Piece, (ahead * Piece) + (part * 16), 1);
        AsyncCopy.Commit();
        long to = shared + (other * RowBytes) + place;
        BlockScaledProduct.Put(to, x00, x01, x02, x03);
        BlockScaledProduct.Put(to + (Together * LineBytes), x10, x11, x12, x13);
        return Warpgroup.Wait(sums);
    }

    /// <summary>The thread's codes of a piece as BF16.</summary>
    private static void Widen(long codes, long to)
    {
        BlockScaledProduct.PutWidened(to, WideAccess.LoadShared(codes));
        BlockScaledProduct.PutWidened(to + (Together * LineBytes), WideAccess.LoadShared(codes + (Together * Piece)));
        BlockScaledProduct.PutWidened(to + (2 * Together * LineBytes), WideAccess.LoadShared(codes + (2 * Together * Piece)));
        BlockScaledProduct.PutWidened(to + (3 * Together * LineBytes), WideAccess.LoadShared(codes + (3 * Together * Piece)));
    }

    private static BroadSums Times(BroadSums sums, ArrayView<float> changes, int block)
    {
        sums.Left = Times(sums.Left, changes, block, 0);
        sums.Right = Times(sums.Right, changes, block, 4);
        return sums;
    }

    private static WideSums Times(WideSums sums, ArrayView<float> changes, int block, int strip)
    {
        sums.C0 = UnitChanges.At(changes, block, strip, WarpgroupProduct.BlockColumns).Times(sums.C0);
        sums.C1 = UnitChanges.At(changes, block, strip + 1, WarpgroupProduct.BlockColumns).Times(sums.C1);
        sums.C2 = UnitChanges.At(changes, block, strip + 2, WarpgroupProduct.BlockColumns).Times(sums.C2);
        sums.C3 = UnitChanges.At(changes, block, strip + 3, WarpgroupProduct.BlockColumns).Times(sums.C3);
        return sums;
    }
}
