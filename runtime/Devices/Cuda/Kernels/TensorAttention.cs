using ILGPU;
using Sinter.Devices.Cuda.Instructions;

namespace Sinter.Devices.Cuda.Kernels;

/// <summary>
/// A model's attention on tensor cores: queries, keys and values in float32 are rounded to BF16 as they are staged; scores, the
/// online softmax and the results are float32. A block of four warps carries rows of one sequence through the positions that they
/// see, some at a time.
/// </summary>
/// <remarks>
/// Each warp has 16 rows, or where values are wide all four have the same 16 and a quarter of the values each; then a warp scores with a
/// quarter of the depth, and the four sums meet in shared memory. Chunk c of 16 bytes of row r lies at c ^ (r % 8), so
/// that neither stores nor ldmatrix meet in a bank.
/// </remarks>
public static class TensorAttention
{
    /// <summary>Of a block.</summary>
    public const int Threads = 128;

    private const int Warps = 4;

    // A lane's scores of 16 positions.
    private const int Scores = 8;
    private const int ExchangedBytes = Warps * 32 * Scores * 4;

    /// <summary>The block's part. All threads of a block call it together, and it is all that the kernel does on shared memory.</summary>
    /// <param name="attention">What attends to what.</param>
    /// <param name="results">Where the rows' results lie.</param>
    /// <param name="first">The block's first row.</param>
    /// <param name="end">The end of the sequence's rows, of which the block takes 64, or 16 that the warps share.</param>
    public static void Run<TAttention>(TAttention attention, ArrayView<float> results, int first, int end)
        where TAttention : struct, ITensorAttention
    {
        // All of the block: launches have as many for each sequence as the longest needs.
        if (first >= end) return;
        int rows = Warps / attention.Parts * 16;
        end = IntrinsicMath.Min(end, first + rows);
        int staged = (rows * KeyBytes(attention)) + (attention.Keys * (KeyBytes(attention) + OwnBytes(attention)));
        ArrayView<byte> memory = SharedMemory.Allocate<byte>(staged + (attention.Parts / Warps * ExchangedBytes));
        long queries = AsyncCopy.Shared(ref memory[0]), keys = queries + (rows * KeyBytes(attention));
        StageQueries(attention, queries, rows, first, end);

        // Numbers of threads are not negative, which ILGPU does not know: shifts and masks are cheaper than divisions.
        int warp = Group.IdxX >> 5, lane = Group.IdxX & 31;
        int part = warp & (attention.Parts - 1), row = first + (attention.Parts == 1 ? warp * 16 : 0);
        long queryRow = queries + ((row - first + (lane & 15)) * KeyBytes(attention));
        long valueRow = keys + (attention.OwnValues > 0 ? attention.Keys * KeyBytes(attention) : 0) + ((lane & 15) * ValueBytes(attention)) + (part * Columns(attention) * 2);
        // Rows past the end are like the last one; nothing of theirs is stored.
        int least = attention.Bound(IntrinsicMath.Min(row, end - 1)), most = attention.Bound(end - 1);
        row += lane >> 2;
        int upper = attention.Bound(IntrinsicMath.Min(row, end - 1)) - ((lane & 3) * 2) - 1;
        int lower = attention.Bound(IntrinsicMath.Min(row + 8, end - 1)) - ((lane & 3) * 2) - 1;
        AttendedRows attended = OnlineSoftmax.Begin();
        for (int position = 0; position < most; position += attention.Keys)
        {
            // Everyone is done with the positions before.
            Group.Barrier();
            StageKeys(attention, keys, position, most - 1);
            Group.Barrier();
            Strip scores = Score(attention, queryRow, keys, part, lane);
            if (attention.Parts > 1) scores = Together(scores, memory.SubView(staged, ExchangedBytes).Cast<float>(), warp, lane);
            // The same for all of a warp. A warp whose rows see none of the step's positions goes along.
            if (position + attention.Keys > least) scores = OnlineSoftmax.Mask(scores, upper - position, lower - position);
            attended = OnlineSoftmax.Attend(attended, scores, attention.Scale, attention.Keys, Columns(attention), valueRow, ValueBytes(attention), lane);
        }

        Store(attention, results, attended.Weighted(), row, end, (part * Columns(attention)) + ((lane & 3) * 2));
    }

    /// <summary>Bytes of a query's or a key's row in shared memory: whole pieces of 128, zeroes after the last number.</summary>
    private static int KeyBytes<TAttention>(TAttention attention)
        where TAttention : struct, ITensorAttention => ((attention.Depth * 2) + 127) / 128 * 128;

    /// <summary>The same of a value that lies by itself.</summary>
    private static int OwnBytes<TAttention>(TAttention attention)
        where TAttention : struct, ITensorAttention => ((attention.OwnValues * 2) + 127) / 128 * 128;

    /// <summary>From one position's value to the next one's.</summary>
    private static int ValueBytes<TAttention>(TAttention attention)
        where TAttention : struct, ITensorAttention => attention.OwnValues > 0 ? OwnBytes(attention) : KeyBytes(attention);

    /// <summary>Numbers of a value that a warp has.</summary>
    private static int Columns<TAttention>(TAttention attention)
        where TAttention : struct, ITensorAttention => attention.Width / attention.Parts;

    private static void StageQueries<TAttention>(TAttention attention, long to, int rows, int first, int end)
        where TAttention : struct, ITensorAttention
    {
        // Eight threads take a row, a chunk of each piece of 128 bytes. With every 16th row its place in the piece stays.
        int line = Group.IdxX >> 3, chunk = Group.IdxX & 7;
        to += (line * KeyBytes(attention)) + ((chunk ^ (line & 7)) * 16);
        for (int i = 0; i < rows; i += 16)
        {
            int row = IntrinsicMath.Min(first + i + line, end - 1);
            for (int piece = 0; piece < KeyBytes(attention); piece += 128)
            {
                int number = (piece / 2) + (chunk * 8);
                if (attention.Depth % 64 == 0 || number < attention.Depth) Put(to + piece, attention.Query(row, number));
                else WideAccess.Store(to + piece, 0, 0, 0, 0);
            }

            to += 16 * KeyBytes(attention);
        }
    }

    /// <summary>Stages keys, and behind them values where these lie by themselves. After the last position it is that one again, which nobody sees.</summary>
    private static void StageKeys<TAttention>(TAttention attention, long to, int first, int last)
        where TAttention : struct, ITensorAttention
    {
        int line = Group.IdxX >> 3, chunk = Group.IdxX & 7, place = (chunk ^ (line & 7)) * 16;
        for (int i = 0; i < attention.Keys; i += 16)
        {
            int position = IntrinsicMath.Min(first + i + line, last);
            long key = to + ((i + line) * KeyBytes(attention)) + place;
            for (int piece = 0; piece < KeyBytes(attention); piece += 128)
            {
                int number = (piece / 2) + (chunk * 8);
                if (attention.Depth % 64 == 0 || number < attention.Depth) Put(key + piece, attention.Key(position, number));
                else WideAccess.Store(key + piece, 0, 0, 0, 0);
            }

            long value = to + (attention.Keys * KeyBytes(attention)) + ((i + line) * OwnBytes(attention)) + place;
            for (int piece = 0; piece < OwnBytes(attention); piece += 128)
            {
                int number = (piece / 2) + (chunk * 8);
                if (attention.Width % 64 == 0 || number < attention.Width) Put(value + piece, attention.Value(position, number));
                else WideAccess.Store(value + piece, 0, 0, 0, 0);
            }
        }
    }

    private static void Put(long to, long from) => TensorProduct.Put(to, WideAccess.Load(from), WideAccess.Load(from + 16));

    /// <summary>16 rows times a step's positions; of each piece of 64 in depth all, or the warp's quarter.</summary>
    private static Strip Score<TAttention>(TAttention attention, long queryRow, long keys, int part, int lane)
        where TAttention : struct, ITensorAttention
    {
        int turn = lane & 7, queryHalf = lane >> 4, keyHalf = (lane >> 3) & 1;
        long keyRow = keys + ((((lane >> 4) * 8) + turn) * KeyBytes(attention));
        Strip sums = default;
        // A count that ptxas sees, so that it unrolls.
        for (int piece = 0; piece < KeyBytes(attention); piece += 128)
        {
            long query = queryRow + piece, key = keyRow + piece;
            sums = Deepen(attention, sums, query + ((((2 * part) + queryHalf) ^ turn) * 16), key + ((((2 * part) + keyHalf) ^ turn) * 16));
            if (attention.Parts == 1)
            {
                sums = Deepen(attention, sums, query + (((2 + queryHalf) ^ turn) * 16), key + (((2 + keyHalf) ^ turn) * 16));
                sums = Deepen(attention, sums, query + (((4 + queryHalf) ^ turn) * 16), key + (((4 + keyHalf) ^ turn) * 16));
                sums = Deepen(attention, sums, query + (((6 + queryHalf) ^ turn) * 16), key + (((6 + keyHalf) ^ turn) * 16));
            }
        }

        return sums;
    }

    private static Strip Deepen<TAttention>(TAttention attention, Strip sums, long query, long key)
        where TAttention : struct, ITensorAttention
    {
        Words rows = TensorCore.LoadMatrices(query), left = TensorCore.LoadMatrices(key);
        sums.C0 = default(BF16).Multiply(rows, left.X, left.Y, sums.C0);
        sums.C1 = default(BF16).Multiply(rows, left.Z, left.W, sums.C1);
        if (attention.Keys > 16)
        {
            Words right = TensorCore.LoadMatrices(key + (16 * KeyBytes(attention)));
            sums.C2 = default(BF16).Multiply(rows, right.X, right.Y, sums.C2);
            sums.C3 = default(BF16).Multiply(rows, right.Z, right.W, sums.C3);
        }

        return sums;
    }

    /// <summary>The sums of all four warps of 16 positions, in the same order for each, so that all have the same weights.</summary>
    private static Strip Together(Strip scores, ArrayView<float> parts, int warp, int lane)
    {
        int own = (warp * 32 * Scores) + lane;
        Put(parts, own, scores.C0);
        Put(parts, own + 128, scores.C1);
        Group.Barrier();
        scores.C0 = Sum(parts, lane);
        scores.C1 = Sum(parts, lane + 128);
        return scores;
    }

    private static void Put(ArrayView<float> parts, int at, Sums scores)
    {
        parts[at] = scores.X;
        parts[at + 32] = scores.Y;
        parts[at + 64] = scores.Z;
        parts[at + 96] = scores.W;
    }

    private static Sums Sum(ArrayView<float> parts, int at)
    {
        Sums result;
        result.X = SumOfWarps(parts, at);
        result.Y = SumOfWarps(parts, at + 32);
        result.Z = SumOfWarps(parts, at + 64);
        result.W = SumOfWarps(parts, at + 96);
        return result;
    }

    private static float SumOfWarps(ArrayView<float> parts, int at)
        => parts[at] + parts[at + (32 * Scores)] + (parts[at + (64 * Scores)] + parts[at + (96 * Scores)]);

    /// <param name="row">The lane's upper row.</param>
    /// <param name="column">The first of the lane's.</param>
    private static void Store<TAttention>(TAttention attention, ArrayView<float> results, WideSums numbers, int row, int end, int column)
        where TAttention : struct, ITensorAttention
    {
        if (row < end) StoreRow(attention, results, numbers, isUpper: true, attention.Result(row), column);
        if (row + 8 < end) StoreRow(attention, results, numbers, isUpper: false, attention.Result(row + 8), column);
    }

    private static void StoreRow<TAttention>(TAttention attention, ArrayView<float> results, WideSums numbers, bool isUpper, long start, int column)
        where TAttention : struct, ITensorAttention
    {
        StoreStrip(attention, results, numbers.C0, isUpper, start, column);
        if (Columns(attention) > 32) StoreStrip(attention, results, numbers.C1, isUpper, start, column + 32);
        if (Columns(attention) > 64) StoreStrip(attention, results, numbers.C2, isUpper, start, column + 64);
        if (Columns(attention) > 96) StoreStrip(attention, results, numbers.C3, isUpper, start, column + 96);
    }

    private static void StoreStrip<TAttention>(TAttention attention, ArrayView<float> results, Strip numbers, bool isUpper, long start, int column)
        where TAttention : struct, ITensorAttention
    {
        StoreTwo(attention, results, numbers.C0, isUpper, start, column);
        StoreTwo(attention, results, numbers.C1, isUpper, start, column + 8);
        StoreTwo(attention, results, numbers.C2, isUpper, start, column + 16);
        StoreTwo(attention, results, numbers.C3, isUpper, start, column + 24);
    }

    private static void StoreTwo<TAttention>(TAttention attention, ArrayView<float> results, Sums numbers, bool isUpper, long start, int column)
        where TAttention : struct, ITensorAttention
    {
        if (attention.Width % 32 != 0 && column >= attention.Width) return;
        results[start + column] = isUpper ? numbers.X : numbers.Z;
        results[start + column + 1] = isUpper ? numbers.Y : numbers.W;
    }
}
