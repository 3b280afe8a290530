using ILGPU;
using Sinter.Devices.Cuda.Instructions;

namespace Sinter.Devices.Cuda.Kernels;

/// <summary>
/// <see cref="TensorProduct"/> for Hopper: two warpgroups make 128 rows by 256 columns with wgmma, straight from shared memory.
/// Activations are read in float32, twice as many bytes as the weights', so the tile is broad: a row and a column cost the cache the same.
/// </summary>
/// <remarks>
/// Weights come by cp.async through a ring of four pieces of 64 in depth. While a piece is multiplied, the threads round the next one's
/// activations and put them into the other of two stages.
/// </remarks>
public struct WarpgroupProduct : IPlainTensorLoop
{
    internal const int Threads = 256;
    internal const int BlockRows = 128;
    internal const int BlockColumns = Warpgroup.BroadColumns;
    internal const int SharedBytes = (2 * RowBytes) + (Stages * ColumnBytes);

    private const int Piece = 64;
    private const int LineBytes = 2 * Piece;

    /// <summary>Of a stage: all rows' numbers, and all columns'.</summary>
    private const int RowBytes = BlockRows * LineBytes;
    private const int ColumnBytes = BlockColumns * LineBytes;

    private const int Stages = 4;
    private const int Ahead = Stages - 1;

    /// <summary>Sums of a row, and so many more that rows that are neighbours lie in other banks.</summary>
    private const int StagedWidth = BlockColumns + 8;

    /// <summary>Lines that the threads stage together, eight to each.</summary>
    private const int Together = Threads / 8;

    public readonly int Rows => BlockRows;

    public readonly int Columns => BlockColumns;

    /// <inheritdoc/>
    public readonly void Run<TProduct>(TProduct product, ArrayView<float> x, DeviceWeight weight, DeviceWeight secondWeight, int first, int end, int block)
        where TProduct : struct, ITensorProduct
    {
        // All of the block: launches may have more tiles than experts have.
        if (first >= end) return;
        end = IntrinsicMath.Min(end, first + BlockRows);
        long shared = AsyncCopy.Shared(ref SharedMemory.GetDynamic<byte>()[0]), weights = shared + (2 * RowBytes);

        // A thread stages a chunk of every 32nd row: its place in the row stays.
        int line = Group.IdxX / 8, chunk = Group.IdxX % 8;
        int place = (line * LineBytes) + ((chunk ^ (line % 8)) * 16);
        long from = AsyncCopy.Global(ref x.Cast<byte>()[0]);
        long row0 = from + (product.Row(IntrinsicMath.Min(first + line, end - 1)) * 4);
        long row1 = from + (product.Row(IntrinsicMath.Min(first + line + Together, end - 1)) * 4);
        long row2 = from + (product.Row(IntrinsicMath.Min(first + line + (2 * Together), end - 1)) * 4);
        long row3 = from + (product.Row(IntrinsicMath.Min(first + line + (3 * Together), end - 1)) * 4);
        SpreadLines<TProduct> lines = SpreadLines<TProduct>.Of(product, weight, secondWeight, block * (BlockColumns / product.Products), line, Together);
        int pieces = (product.Depth + Piece - 1) / Piece;
        for (int piece = 0; piece < Ahead; piece++)
        {
            if (piece < pieces) lines.FetchEight(product, weights + (piece * ColumnBytes) + place, Together * LineBytes, (piece * Piece) + (chunk * 8), 2);
            AsyncCopy.Commit();
        }

        long start = TensorProduct.RowStart(product, chunk * 8), to = shared + place;
        TensorProduct.Put(to, WideAccess.Load(row0 + start), WideAccess.Load(row0 + start + 16));
        TensorProduct.Put(to + (Together * LineBytes), WideAccess.Load(row1 + start), WideAccess.Load(row1 + start + 16));
        TensorProduct.Put(to + (2 * Together * LineBytes), WideAccess.Load(row2 + start), WideAccess.Load(row2 + start + 16));
        TensorProduct.Put(to + (3 * Together * LineBytes), WideAccess.Load(row3 + start), WideAccess.Load(row3 + start + 16));

        long own = shared + (Group.IdxX / 128 * Warpgroup.Rows * LineBytes);
        BroadSums sums = default;
        int stage = 0;
        for (int piece = 0; piece < pieces; piece++)
        {
            // In the last round numbers are taken once more that nobody reads.
            int next = ((piece + 1) * Piece) + (chunk * 8);
            start = TensorProduct.RowStart(product, next);
            Sums x00 = WideAccess.Load(row0 + start), x01 = WideAccess.Load(row0 + start + 16);
            Sums x10 = WideAccess.Load(row1 + start), x11 = WideAccess.Load(row1 + start + 16);
            Sums x20 = WideAccess.Load(row2 + start), x21 = WideAccess.Load(row2 + start + 16);
            Sums x30 = WideAccess.Load(row3 + start), x31 = WideAccess.Load(row3 + start + 16);
            AsyncCopy.WaitAllBut(Ahead - 1);
            Warpgroup.Publish();
            // Everyone's piece is there, and what was multiplied before is free.
            Group.Barrier();
            sums = Warpgroup.BeginBF16(own + stage, weights + (piece % Stages * ColumnBytes), sums);

            int ahead = piece + Ahead;
            if (ahead < pieces) lines.FetchEight(product, weights + (ahead % Stages * ColumnBytes) + place, Together * LineBytes, (ahead * Piece) + (chunk * 8), 2);
            AsyncCopy.Commit();
            stage = RowBytes - stage;
            to = shared + stage + place;
            TensorProduct.Put(to, x00, x01);
            TensorProduct.Put(to + (Together * LineBytes), x10, x11);
            TensorProduct.Put(to + (2 * Together * LineBytes), x20, x21);
            TensorProduct.Put(to + (3 * Together * LineBytes), x30, x31);
            sums = Warpgroup.Wait(sums);
        }

        Store(product, first, end, block, sums);
    }

    /// <summary>
    /// Hands over the block's sums by way of shared memory, so that each thread has one column, in which it goes through the rows:
    /// neighbours store neighbouring numbers, and what becomes of a sum is in the kernel once.
    /// </summary>
    internal static void Store<TProduct>(TProduct product, int first, int end, int block, BroadSums sums)
        where TProduct : struct, ITensorProduct
    {
        ArrayView<float> staged = SharedMemory.GetDynamic<byte>().Cast<float>();
        int place = (((Group.IdxX / 32 * 16) + (Group.IdxX % 32 / 4)) * StagedWidth) + (Group.IdxX % 4 * 2);
        // What was multiplied lies there, maybe until now for others.
        Group.Barrier();
        Put(staged, place, sums.Left);
        Put(staged, place + Warpgroup.Columns, sums.Right);
        Group.Barrier();
        int columns = BlockColumns / product.Products, own = Group.IdxX % columns, column = (block * columns) + own;
        if (column >= product.Columns) return;
        // Of two products 32 columns are 16 of the first and the same of the second.
        int from = product.Products == 2 ? (own / 16 * 32) + (own % 16) : own;
        for (int row = Group.IdxX / columns; row < end - first; row += product.Products)
        {
            int at = (row * StagedWidth) + from;
            product.Store(first + row, column, staged[at], staged[at + (16 * (product.Products - 1))]);
        }
    }

    private static void Put(ArrayView<float> staged, int place, WideSums sums)
    {
        Put(staged, place, sums.C0);
        Put(staged, place + 32, sums.C1);
        Put(staged, place + 64, sums.C2);
        Put(staged, place + 96, sums.C3);
    }

    private static void Put(ArrayView<float> staged, int place, Strip sums)
    {
        Put(staged, place, sums.C0);
        Put(staged, place + 8, sums.C1);
        Put(staged, place + 16, sums.C2);
        Put(staged, place + 24, sums.C3);
    }

    private static void Put(ArrayView<float> staged, int place, Sums sums)
    {
        staged[place] = sums.X;
        staged[place + 1] = sums.Y;
        staged[place + (8 * StagedWidth)] = sums.Z;
        staged[place + (8 * StagedWidth) + 1] = sums.W;
    }
}
