using ILGPU;
using Sinter.Devices.Cuda.Instructions;

namespace Sinter.Devices.Cuda.Kernels;

/// <summary>
/// <see cref="TensorProduct"/> with weights in E4M3, a scale to each block of 128 × 128: codes are fetched as they are stored and
/// widened to BF16, which is exact, after they were read from shared memory, each by one warp and once. Sums are float32.
/// </summary>
/// <remarks>
/// Sums stay in the units of the block's scale and are carried over to the next one's: a multiplication each 128 in depth, as adding
/// scaled sums would take, but no second set of sums. It wants scales that are numbers of ordinary size
/// (<see cref="DeviceWeight.IsOrdinary"/>), and depths that begin with a block. A lane reads four codes that are neighbours, where BF16
/// has two and two; so the numbers of 16 in depth lie with the even ones first, of activations too.
/// </remarks>
public struct BlockScaledProduct : ITensorLoop
{
    /// <summary>Bytes of a column's piece.</summary>
    private const int CodeBytes = Piece;

    private const int Piece = 64;
    private const int BlockRows = TensorProduct.BlockRows;
    private const int LineBytes = 2 * Piece;
    private const int StageBytes = (BlockRows * LineBytes) + (TensorProduct.BlockColumns * CodeBytes);

    public readonly int Rows => TensorProduct.BlockRows;

    public readonly int Columns => TensorProduct.BlockColumns;

    /// <inheritdoc/>
    public readonly void Run<TProduct>(TProduct product, ArrayView<float> x, DeviceWeight weight, DeviceWeight secondWeight, int first, int end, int block)
        where TProduct : struct, ITensorProduct
    {
        if (first >= end) return;
        end = IntrinsicMath.Min(end, first + BlockRows);
        ArrayView<byte> memory = SharedMemory.Allocate<byte>(2 * StageBytes);
        ArrayView<float> changes = SharedMemory.Allocate<float>(UnitChanges.Size(product.Depth, TensorProduct.BlockColumns));
        long shared = AsyncCopy.Shared(ref memory[0]);

        // Four threads stage a row: of activations every 32nd, 16 numbers as two chunks, of codes every 32nd, a chunk.
        int line = Group.IdxX / 4, part = Group.IdxX % 4;
        int place = (line * LineBytes) + (((2 * part) ^ (line % 8)) * 16);
        int codePlace = (BlockRows * LineBytes) + (line * CodeBytes) + ((part ^ (line / 2 % 4)) * 16);
        long from = AsyncCopy.Global(ref x.Cast<byte>()[0]);
        long row0 = from + (product.Row(IntrinsicMath.Min(first + line, end - 1)) * 4);
        long row1 = from + (product.Row(IntrinsicMath.Min(first + line + 32, end - 1)) * 4);
        int blockColumn = block * (TensorProduct.BlockColumns / product.Products);
        SpreadLines<TProduct> lines = SpreadLines<TProduct>.Of(product, weight, secondWeight, blockColumn, line, 32);
        int pieces = (product.Depth + Piece - 1) / Piece;

        lines.FetchFour(product, shared + codePlace, 32 * CodeBytes, part * 16, 1);
        AsyncCopy.Commit();
        UnitChanges.Put(changes, product, weight, secondWeight, blockColumn, TensorProduct.BlockColumns, TensorProduct.Threads);
        long start = RowStart(product, part * 16);
        Put(shared + place, WideAccess.Load(row0 + start), WideAccess.Load(row0 + start + 16), WideAccess.Load(row0 + start + 32), WideAccess.Load(row0 + start + 48));
        Put(shared + place + (32 * LineBytes), WideAccess.Load(row1 + start), WideAccess.Load(row1 + start + 16), WideAccess.Load(row1 + start + 32), WideAccess.Load(row1 + start + 48));

        int warp = Group.IdxX / 32, lane = Group.IdxX % 32;
        // Where a lane's row of ldmatrix starts; of codes it is one of the warp's 32 columns.
        int half = lane / 16, turn = lane % 8;
        long aRow = shared + (lane % 16 * LineBytes);
        long codeRow = shared + (BlockRows * LineBytes) + (((warp * 32) + lane) * CodeBytes);
        int codeTurn = lane / 2 % 4;
        TallSums sums = default;
        int stage = 0;
        for (int piece = 0; piece < pieces; piece++)
        {
            AsyncCopy.WaitAllBut(0);
            // Everyone's piece is there, and everyone is done with the stage that is filled next.
            Group.Barrier();
            int other = StageBytes - stage;
            int number = ((piece + 1) * Piece) + (part * 16);
            if (piece + 1 < pieces) lines.FetchFour(product, shared + other + codePlace, 32 * CodeBytes, number, 1);
            AsyncCopy.Commit();
            // In the last round numbers are taken once more that nobody reads.
            start = RowStart(product, number);
            Sums x00 = WideAccess.Load(row0 + start), x01 = WideAccess.Load(row0 + start + 16);
            Sums x02 = WideAccess.Load(row0 + start + 32), x03 = WideAccess.Load(row0 + start + 48);
            Sums x10 = WideAccess.Load(row1 + start), x11 = WideAccess.Load(row1 + start + 16);
            Sums x12 = WideAccess.Load(row1 + start + 32), x13 = WideAccess.Load(row1 + start + 48);
            if (piece % 2 == 0) sums = sums.Times(UnitChanges.At(changes, piece / 2, warp, TensorProduct.BlockColumns));
            long a = aRow + stage, codes = codeRow + stage;
            sums = Deepen(sums, a + ((half ^ turn) * 16), codes + (codeTurn * 16));
            sums = Deepen(sums, a + (((2 + half) ^ turn) * 16), codes + ((1 ^ codeTurn) * 16));
            sums = Deepen(sums, a + (((4 + half) ^ turn) * 16), codes + ((2 ^ codeTurn) * 16));
            sums = Deepen(sums, a + (((6 + half) ^ turn) * 16), codes + ((3 ^ codeTurn) * 16));

            Put(shared + other + place, x00, x01, x02, x03);
            Put(shared + other + place + (32 * LineBytes), x10, x11, x12, x13);
            stage = other;
        }

        sums = sums.Times(UnitChanges.At(changes, UnitChanges.Blocks(product.Depth), warp, TensorProduct.BlockColumns));
        int row = first + (lane / 4);
        int column = blockColumn + (warp * (32 / product.Products)) + (lane % 4 * 2);
        TensorProduct.Store(product, row, end, column, sums.R0);
        TensorProduct.Store(product, row + 16, end, column, sums.R1);
        TensorProduct.Store(product, row + 32, end, column, sums.R2);
        TensorProduct.Store(product, row + 48, end, column, sums.R3);
    }

    /// <summary>16 in depth added.</summary>
    /// <param name="a">Where the lane's row of the first 16 begins there.</param>
    /// <param name="codes">The same of its column.</param>
    private static TallSums Deepen(TallSums sums, long a, long codes)
    {
        Words stored = TensorCore.LoadMatrices(codes);
        Words left = Widen(stored.X, stored.Y), right = Widen(stored.Z, stored.W);
        TallSums result;
        result.R0 = Strips.Add<BF16>(sums.R0, TensorCore.LoadMatrices(a), left, right);
        result.R1 = Strips.Add<BF16>(sums.R1, TensorCore.LoadMatrices(a + (16 * LineBytes)), left, right);
        result.R2 = Strips.Add<BF16>(sums.R2, TensorCore.LoadMatrices(a + (32 * LineBytes)), left, right);
        result.R3 = Strips.Add<BF16>(sums.R3, TensorCore.LoadMatrices(a + (48 * LineBytes)), left, right);
        return result;
    }

    /// <summary>Bytes from a row's begin to 16 numbers; past the depth it is the row's last ones, as in <see cref="TensorProduct"/>.</summary>
    internal static long RowStart<TProduct>(TProduct product, int number)
        where TProduct : struct, ITensorProduct => (long)IntrinsicMath.Min(number, product.Depth - 16) * 4;

    /// <summary>Rounds 16 numbers to two chunks: the even ones, and beside them the odd ones.</summary>
    internal static void Put(long to, Sums first, Sums second, Sums third, Sums fourth)
    {
        WideAccess.Store(
            to,
            Narrowing.ToBF16(first.Z, first.X), Narrowing.ToBF16(second.Z, second.X),
            Narrowing.ToBF16(third.Z, third.X), Narrowing.ToBF16(fourth.Z, fourth.X));
        WideAccess.Store(
            to ^ 16,
            Narrowing.ToBF16(first.W, first.Y), Narrowing.ToBF16(second.W, second.Y),
            Narrowing.ToBF16(third.W, third.Y), Narrowing.ToBF16(fourth.W, fourth.Y));
    }

    /// <summary>Widens 16 codes to two chunks in the same order.</summary>
    internal static void PutWidened(long to, Words codes)
    {
        WideAccess.Store(to, Widening.EvenE4M3(codes.X), Widening.EvenE4M3(codes.Y), Widening.EvenE4M3(codes.Z), Widening.EvenE4M3(codes.W));
        WideAccess.Store(to ^ 16, Widening.OddE4M3(codes.X), Widening.OddE4M3(codes.Y), Widening.OddE4M3(codes.Z), Widening.OddE4M3(codes.W));
    }

    /// <summary>Four codes of each of two columns, as the product takes them.</summary>
    private static Words Widen(uint codes, uint further)
    {
        Words result;
        result.X = Widening.EvenE4M3(codes);
        result.Y = Widening.OddE4M3(codes);
        result.Z = Widening.EvenE4M3(further);
        result.W = Widening.OddE4M3(further);
        return result;
    }
}

/// <summary>A lane's sums of 64 rows by 32 columns, 16 rows to each field.</summary>
internal struct TallSums
{
    public Strip R0;
    public Strip R1;
    public Strip R2;
    public Strip R3;

    public readonly TallSums Times(UnitChanges factors)
    {
        TallSums result;
        result.R0 = factors.Times(R0);
        result.R1 = factors.Times(R1);
        result.R2 = factors.Times(R2);
        result.R3 = factors.Times(R3);
        return result;
    }
}
