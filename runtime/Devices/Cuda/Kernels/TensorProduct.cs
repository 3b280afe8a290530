using ILGPU;
using Sinter.Devices.Cuda.Instructions;

namespace Sinter.Devices.Cuda.Kernels;

/// <summary>
/// A model's product of many rows on tensor cores: activations in float32 are rounded to BF16 as they are staged, the weights
/// are BF16 as stored, sums are float32. A block of four warps makes 64 rows by 128 columns: of one product, or 64 of each of two.
/// </summary>
/// <remarks>
/// Both factors come in pieces of 64 in depth, which are 128 bytes, in two stages. While a piece is multiplied, cp.async fetches
/// the next one's weights, and each thread holds its part of the next one's activations in registers. Chunk c of 16 bytes of
/// row r lies at c ^ (r % 8), so that neither copies nor ldmatrix meet in a bank.
/// </remarks>
public struct TensorProduct : IPlainTensorLoop
{
    internal const int Threads = 128;
    internal const int BlockRows = 64;
    internal const int BlockColumns = 128;

    private const int Piece = 64;
    private const int LineBytes = 2 * Piece;
    private const int StageBytes = (BlockRows + BlockColumns) * LineBytes;

    public readonly int Rows => BlockRows;

    public readonly int Columns => BlockColumns;

    /// <inheritdoc/>
    public readonly void Run<TProduct>(TProduct product, ArrayView<float> x, DeviceWeight weight, DeviceWeight secondWeight, int first, int end, int block)
        where TProduct : struct, ITensorProduct
    {
        // All of the block: launches may have more tiles than experts have.
        if (first >= end) return;
        end = IntrinsicMath.Min(end, first + BlockRows);
        ArrayView<byte> memory = SharedMemory.Allocate<byte>(2 * StageBytes);
        long shared = AsyncCopy.Shared(ref memory[0]);

        // A thread stages a chunk of every 16th row: its place in the row stays.
        int line = Group.IdxX / 8, chunk = Group.IdxX % 8;
        int place = (line * LineBytes) + ((chunk ^ (line % 8)) * 16);
        long from = AsyncCopy.Global(ref x.Cast<byte>()[0]);
        long row0 = from + (product.Row(IntrinsicMath.Min(first + line, end - 1)) * 4);
        long row1 = from + (product.Row(IntrinsicMath.Min(first + line + 16, end - 1)) * 4);
        long row2 = from + (product.Row(IntrinsicMath.Min(first + line + 32, end - 1)) * 4);
        long row3 = from + (product.Row(IntrinsicMath.Min(first + line + 48, end - 1)) * 4);
        Lines<TProduct> lines = Lines<TProduct>.Of(product, weight, secondWeight, block, line);
        int pieces = (product.Depth + Piece - 1) / Piece;

        lines.Fetch(product, shared + (BlockRows * LineBytes) + place, chunk * 8);
        AsyncCopy.Commit();
        long start = RowStart(product, chunk * 8);
        Put(shared + place, WideAccess.Load(row0 + start), WideAccess.Load(row0 + start + 16));
        Put(shared + place + (16 * LineBytes), WideAccess.Load(row1 + start), WideAccess.Load(row1 + start + 16));
        Put(shared + place + (32 * LineBytes), WideAccess.Load(row2 + start), WideAccess.Load(row2 + start + 16));
        Put(shared + place + (48 * LineBytes), WideAccess.Load(row3 + start), WideAccess.Load(row3 + start + 16));

        // Where a lane's row of ldmatrix starts, and which chunk it takes at each of the four steps.
        int warp = Group.IdxX / 32, lane = Group.IdxX % 32;
        int aHalf = lane / 16, wHalf = lane / 8 % 2, turn = lane % 8;
        long aRow = shared + (lane % 16 * LineBytes);
        long wRow = shared + ((BlockRows + (warp * 32) + (lane / 16 * 8) + turn) * LineBytes);
        int a0 = aHalf ^ turn, a1 = (2 + aHalf) ^ turn, a2 = (4 + aHalf) ^ turn, a3 = (6 + aHalf) ^ turn;
        int w0 = (wHalf ^ turn) * 16, w1 = ((2 + wHalf) ^ turn) * 16, w2 = ((4 + wHalf) ^ turn) * 16, w3 = ((6 + wHalf) ^ turn) * 16;
        Strip r0 = default, r1 = default, r2 = default, r3 = default;
        int stage = 0;
        for (int piece = 0; piece < pieces; piece++)
        {
            AsyncCopy.WaitAllBut(0);
            // Everyone's piece is there, and everyone is done with the stage that is filled next.
            Group.Barrier();
            int other = StageBytes - stage;
            int next = ((piece + 1) * Piece) + (chunk * 8);
            if (piece + 1 < pieces) lines.Fetch(product, shared + other + (BlockRows * LineBytes) + place, next);
            AsyncCopy.Commit();
            // In the last round numbers are taken once more that nobody reads.
            start = RowStart(product, next);
            Sums x00 = WideAccess.Load(row0 + start), x01 = WideAccess.Load(row0 + start + 16);
            Sums x10 = WideAccess.Load(row1 + start), x11 = WideAccess.Load(row1 + start + 16);
            Sums x20 = WideAccess.Load(row2 + start), x21 = WideAccess.Load(row2 + start + 16);
            Sums x30 = WideAccess.Load(row3 + start), x31 = WideAccess.Load(row3 + start + 16);

            long a = aRow + stage, w = wRow + stage;
            Words left0 = TensorCore.LoadMatrices(w + w0), left1 = TensorCore.LoadMatrices(w + w1);
            Words left2 = TensorCore.LoadMatrices(w + w2), left3 = TensorCore.LoadMatrices(w + w3);
            w += 16 * LineBytes;
            Words right0 = TensorCore.LoadMatrices(w + w0), right1 = TensorCore.LoadMatrices(w + w1);
            Words right2 = TensorCore.LoadMatrices(w + w2), right3 = TensorCore.LoadMatrices(w + w3);
            r0 = Strips.Deepen<BF16>(r0, a, a0, a1, a2, a3, left0, left1, left2, left3, right0, right1, right2, right3);
            r1 = Strips.Deepen<BF16>(r1, a + (16 * LineBytes), a0, a1, a2, a3, left0, left1, left2, left3, right0, right1, right2, right3);
            r2 = Strips.Deepen<BF16>(r2, a + (32 * LineBytes), a0, a1, a2, a3, left0, left1, left2, left3, right0, right1, right2, right3);
            r3 = Strips.Deepen<BF16>(r3, a + (48 * LineBytes), a0, a1, a2, a3, left0, left1, left2, left3, right0, right1, right2, right3);

            long to = shared + other + place;
            Put(to, x00, x01);
            Put(to + (16 * LineBytes), x10, x11);
            Put(to + (32 * LineBytes), x20, x21);
            Put(to + (48 * LineBytes), x30, x31);
            stage = other;
        }

        int row = first + (lane / 4);
        int column = (block * (BlockColumns / product.Products)) + (warp * (32 / product.Products)) + (lane % 4 * 2);
        Store(product, row, end, column, r0);
        Store(product, row + 16, end, column, r1);
        Store(product, row + 32, end, column, r2);
        Store(product, row + 48, end, column, r3);
    }

    /// <summary>
    /// Bytes from a row's begin to a chunk's numbers. Past the depth it is the row's last chunk: the weights are zero there, and what
    /// they are multiplied with is of this row and in its memory.
    /// </summary>
    internal static long RowStart<TProduct>(TProduct product, int number)
        where TProduct : struct, ITensorProduct => (long)IntrinsicMath.Min(number, product.Depth - 8) * 4;

    /// <summary>Rounds eight numbers to a chunk.</summary>
    internal static void Put(long to, Sums lower, Sums upper) => WideAccess.Store(
        to,
        Narrowing.ToBF16(lower.Y, lower.X), Narrowing.ToBF16(lower.W, lower.Z),
        Narrowing.ToBF16(upper.Y, upper.X), Narrowing.ToBF16(upper.W, upper.Z));

    /// <summary>Of two products a warp has 16 columns each, the first's on the left.</summary>
    internal static void Store<TProduct>(TProduct product, int row, int end, int column, Strip sums)
        where TProduct : struct, ITensorProduct
    {
        if (product.Products == 2)
        {
            Store(product, row, end, column, sums.C0, sums.C2);
            Store(product, row, end, column + 8, sums.C1, sums.C3);
            return;
        }

        Store(product, row, end, column, sums.C0, sums.C0);
        Store(product, row, end, column + 8, sums.C1, sums.C1);
        Store(product, row, end, column + 16, sums.C2, sums.C2);
        Store(product, row, end, column + 24, sums.C3, sums.C3);
    }

    private static void Store<TProduct>(TProduct product, int row, int end, int column, Sums sums, Sums second)
        where TProduct : struct, ITensorProduct
    {
        StoreOne(product, row, end, column, sums.X, second.X);
        StoreOne(product, row, end, column + 1, sums.Y, second.Y);
        StoreOne(product, row + 8, end, column, sums.Z, second.Z);
        StoreOne(product, row + 8, end, column + 1, sums.W, second.W);
    }

    private static void StoreOne<TProduct>(TProduct product, int row, int end, int column, float sum, float second)
        where TProduct : struct, ITensorProduct
    {
        if (row < end && column < product.Columns) product.Store(row, column, sum, second);
    }
}
