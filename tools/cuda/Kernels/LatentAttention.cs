using ILGPU;
using ILGPU.Runtime;
using Sinter.Devices.Cuda.Instructions;
using Sinter.Devices.Cuda.Kernels;

namespace Sinter.Cuda.Kernels;

/// <summary>
/// Latent attention in its absorbed form, for a token of each sequence: queries in the latent space against pages of latents
/// (DeepSeek-V3 report, eq. 1 to 11, with the up-projections of keys and values left to the products before and after).
/// </summary>
/// <remarks>
/// A block takes 32 heads of a sequence over a part of its positions, 32 positions at a time: scores on tensor cores, an online
/// softmax, and the weights times the same latents, whose first 512 numbers are the values. What the parts give is put together by
/// <see cref="MergeAttention"/>. Chunk c of 16 bytes of row r lies at c ^ (r % 8), as in <see cref="Gemm"/>.
/// </remarks>
public static class LatentAttention
{
    /// <summary>Numbers of a latent with its rotated part; the first 512 are the values.</summary>
    public const int Width = 576;

    /// <summary>Numbers of a result.</summary>
    public const int Values = 512;

    /// <summary>Heads of a block, and positions of a step.</summary>
    public const int Heads = 32;

    /// <summary>Positions of a page of the cache.</summary>
    public const int Page = 64;

    /// <summary>Threads of a block.</summary>
    public const int Threads = 256;

    /// <summary>Dynamic shared memory: queries, two steps of latents, scores, weights, and a factor for each head.</summary>
    public const int SharedBytes = ScaleStart + (Heads * 4);

    private const int RowBytes = Width * 2;
    private const int StepBytes = Heads * RowBytes;
    private const int ScoreStart = 3 * StepBytes;

    /// <summary>Numbers of a row of scores: four more than positions, so that rows meet in no bank.</summary>
    private const int ScoreRow = Heads + 4;
    private const int WeightStart = ScoreStart + (Heads * ScoreRow * 4);
    private const int ScaleStart = WeightStart + (Heads * Heads * 2);

    /// <summary>Below every score; not infinite, so that differences stay numbers.</summary>
    private const float Lowest = -1e30f;

    /// <summary>The kernel. Grid: (⌈heads / 32⌉, parts, sequences). Block: 256.</summary>
    /// <param name="queries">BF16 [sequence, head, 576].</param>
    /// <param name="cache">BF16 [page, 64, 576].</param>
    /// <param name="pages">[sequence, pages of a sequence]: the pages that hold a sequence's positions.</param>
    /// <param name="lengths">Positions of each sequence.</param>
    /// <param name="sums">[sequence, part, head, 512]: values times 2 to the power of score less maximum.</param>
    /// <param name="weights">[sequence, part, head, 2]: the maximum, and the sum of those powers.</param>
    /// <param name="heads">How many.</param>
    /// <param name="pagesOfSequence">Entries of a sequence in <paramref name="pages"/>.</param>
    /// <param name="steps">Of 32 positions that a part has.</param>
    /// <param name="scale">Of scores: the softmax's scale times log2 of e.</param>
    public static void Run(
        ArrayView<byte> queries, ArrayView<byte> cache, ArrayView<int> pages, ArrayView<int> lengths, ArrayView<float> sums, ArrayView<float> weights,
        int heads, int pagesOfSequence, int steps, float scale)
    {
        var (thread, warp, lane) = (Group.IdxX, Group.IdxX >> 5, Group.IdxX & 31);
        var (sequence, firstHead) = (Grid.IdxZ, Grid.IdxX * Heads);
        var length = lengths[sequence];
        var begin = Grid.IdxY * steps * Heads;
        var end = IntrinsicMath.Min(length, begin + (steps * Heads));
        var memory = SharedMemory.GetDynamic<byte>();
        var shared = AsyncCopy.Shared(ref memory[0]);
        var scores = memory.SubView(ScoreStart, Heads * ScoreRow * 4).Cast<float>();
        var powers = memory.SubView(WeightStart, Heads * Heads * 2).Cast<uint>();
        var factors = memory.SubView(ScaleStart, Heads * 4).Cast<float>();
        var (from, table) = (AsyncCopy.Global(ref cache[0]), sequence * pagesOfSequence);

        Copy(shared, AsyncCopy.Global(ref queries[0]) + ((((long)sequence * heads) + firstHead) * RowBytes), heads - firstHead);
        if (begin < end)
        {
            Copy(shared + StepBytes, Place(from, pages, table, begin), end - begin);
        }

        AsyncCopy.Commit();

        // Numbers of threads are not negative, which ILGPU does not know: shifts and masks are cheaper than divisions.
        // A warp's part of the scores is 16 heads by 8 positions; of the results, 16 heads by 128 numbers.
        var (warpRow, warpColumn) = ((warp >> 2) * 16, warp & 3);
        var (turn, half, quarter) = (lane & 7, lane >> 4, lane >> 3);
        var queryRow = shared + ((warpRow + (lane & 15)) * RowBytes);
        var weightRow = shared + WeightStart + ((warpRow + (lane & 15)) * Heads * 2);
        var weightTurn = (lane >> 1) & 3;
        // The softmax of a head is made by eight threads, four positions each.
        var (head, eighth) = (thread >> 3, thread & 7);
        float maximum = Lowest, total = 0;
        WideSums result = default;
        var stage = shared + StepBytes;
        for (var position = begin; position < end; position += Heads)
        {
            AsyncCopy.WaitAllBut(0);
            // Everyone's copies are there, and everyone is done with the other stage.
            Group.Barrier();
            var next = stage == shared + StepBytes ? stage + StepBytes : shared + StepBytes;
            if (position + Heads < end)
            {
                Copy(next, Place(from, pages, table, position + Heads), end - position - Heads);
            }

            AsyncCopy.Commit();
            var score = Score(queryRow, stage + (((warpColumn * 8) + turn) * RowBytes), half, quarter, turn);
            var place = ((warpRow + (lane >> 2)) * ScoreRow) + (warpColumn * 8) + ((lane & 3) * 2);
            scores[place] = score.X;
            scores[place + 1] = score.Y;
            scores[place + (8 * ScoreRow)] = score.Z;
            scores[place + (8 * ScoreRow) + 1] = score.W;
            Group.Barrier();

            // Positions past the end weigh nothing.
            var own = (head * ScoreRow) + (eighth * 4);
            var left = end - position - (eighth * 4);
            var s0 = left > 0 ? scores[own] * scale : Lowest;
            var s1 = left > 1 ? scores[own + 1] * scale : Lowest;
            var s2 = left > 2 ? scores[own + 2] * scale : Lowest;
            var s3 = left > 3 ? scores[own + 3] * scale : Lowest;
            var before = maximum;
            maximum = IntrinsicMath.Max(maximum, MaximumOfEight(IntrinsicMath.Max(IntrinsicMath.Max(s0, s1), IntrinsicMath.Max(s2, s3))));
            var factor = Exponential.OfTwo(before - maximum);
            var (p0, p1, p2, p3) = (Exponential.OfTwo(s0 - maximum), Exponential.OfTwo(s1 - maximum), Exponential.OfTwo(s2 - maximum), Exponential.OfTwo(s3 - maximum));
            total = (total * factor) + SumOfEight(p0 + p1 + (p2 + p3));
            var word = (head * 16) + (((eighth >> 1) ^ ((head >> 1) & 3)) * 4) + ((eighth & 1) * 2);
            powers[word] = Narrowing.ToBF16(p1, p0);
            powers[word + 1] = Narrowing.ToBF16(p3, p2);
            if (eighth == 0)
            {
                factors[head] = factor;
            }

            Group.Barrier();
            result = Strips.Scale(result, factors[warpRow + (lane >> 2)], factors[warpRow + (lane >> 2) + 8]);
            var values = stage + ((lane & 15) * RowBytes) + (warpColumn * 256);
            result = AddValues(result, TensorCore.LoadMatrices(weightRow + ((half ^ weightTurn) * 16)), values, half, turn);
            result = AddValues(result, TensorCore.LoadMatrices(weightRow + (((2 + half) ^ weightTurn) * 16)), values + (16 * RowBytes), half, turn);
            stage = next;
        }

        // Copies that nobody reads: the queries of a part without positions.
        AsyncCopy.WaitAllBut(0);
        var row = ((((long)sequence * Grid.DimY) + Grid.IdxY) * heads) + firstHead;
        if (eighth == 0 && firstHead + head < heads)
        {
            weights[(row + head) * 2] = maximum;
            weights[((row + head) * 2) + 1] = total;
        }

        var numbers = warpColumn * 128;
        Store(sums, row, heads - firstHead, warpRow + (lane >> 2), numbers + ((lane & 3) * 2), result.C0);
        Store(sums, row, heads - firstHead, warpRow + (lane >> 2), numbers + 32 + ((lane & 3) * 2), result.C1);
        Store(sums, row, heads - firstHead, warpRow + (lane >> 2), numbers + 64 + ((lane & 3) * 2), result.C2);
        Store(sums, row, heads - firstHead, warpRow + (lane >> 2), numbers + 96 + ((lane & 3) * 2), result.C3);
    }

    /// <summary>16 heads times 8 positions, 576 deep, as two sums that do not wait for each other.</summary>
    /// <remarks>A row's place changes only the lower three bits of a chunk's number, so that every 128 bytes are alike.</remarks>
    private static Sums Score(long queryRow, long keyRow, int half, int quarter, int turn)
    {
        var (key0, key1) = (keyRow + ((quarter ^ turn) * 16), keyRow + (((4 + quarter) ^ turn) * 16));
        var (query0, query1) = (queryRow + ((half ^ turn) * 16), queryRow + (((2 + half) ^ turn) * 16));
        var (query2, query3) = (queryRow + (((4 + half) ^ turn) * 16), queryRow + (((6 + half) ^ turn) * 16));
        Strip sums = default;
        // Written out, so that addresses are a register and a constant.
        sums = Score(sums, query0, query1, query2, query3, key0, key1);
        sums = Score(sums, query0 + 128, query1 + 128, query2 + 128, query3 + 128, key0 + 128, key1 + 128);
        sums = Score(sums, query0 + 256, query1 + 256, query2 + 256, query3 + 256, key0 + 256, key1 + 256);
        sums = Score(sums, query0 + 384, query1 + 384, query2 + 384, query3 + 384, key0 + 384, key1 + 384);
        sums = Score(sums, query0 + 512, query1 + 512, query2 + 512, query3 + 512, key0 + 512, key1 + 512);
        sums = Score(sums, query0 + 640, query1 + 640, query2 + 640, query3 + 640, key0 + 640, key1 + 640);
        sums = Score(sums, query0 + 768, query1 + 768, query2 + 768, query3 + 768, key0 + 768, key1 + 768);
        sums = Score(sums, query0 + 896, query1 + 896, query2 + 896, query3 + 896, key0 + 896, key1 + 896);
        sums = Score(sums, query0 + 1024, query1 + 1024, query2 + 1024, query3 + 1024, key0 + 1024, key1 + 1024);
        Sums result;
        result.X = sums.C0.X + sums.C1.X;
        result.Y = sums.C0.Y + sums.C1.Y;
        result.Z = sums.C0.Z + sums.C1.Z;
        result.W = sums.C0.W + sums.C1.W;
        return result;
    }

    /// <summary>128 bytes in depth.</summary>
    private static Strip Score(Strip sums, long query0, long query1, long query2, long query3, long key0, long key1)
    {
        var key = TensorCore.LoadMatrices(key0);
        sums.C0 = default(BF16).Multiply(TensorCore.LoadMatrices(query0), key.X, key.Y, sums.C0);
        sums.C1 = default(BF16).Multiply(TensorCore.LoadMatrices(query1), key.Z, key.W, sums.C1);
        key = TensorCore.LoadMatrices(key1);
        sums.C0 = default(BF16).Multiply(TensorCore.LoadMatrices(query2), key.X, key.Y, sums.C0);
        sums.C1 = default(BF16).Multiply(TensorCore.LoadMatrices(query3), key.Z, key.W, sums.C1);
        return sums;
    }

    /// <summary>16 positions' values, 128 numbers of each, times their weights for 16 heads.</summary>
    /// <param name="sums">What was added so far.</param>
    /// <param name="weights">16 heads by 16 positions.</param>
    /// <param name="row">The lane's position at the first of the numbers.</param>
    /// <param name="half">Whether the lane gives the second 8 of 16 numbers.</param>
    /// <param name="turn">The position's place.</param>
    private static WideSums AddValues(WideSums sums, Words weights, long row, int half, int turn)
    {
        // Matrices of 8 positions by 8 numbers, turned: two of positions, then the next 8 numbers.
        var (at0, at1) = (row + ((half ^ turn) * 16), row + (((2 + half) ^ turn) * 16));
        var (at2, at3) = (row + (((4 + half) ^ turn) * 16), row + (((6 + half) ^ turn) * 16));
        sums.C0 = AddValues(sums.C0, weights, at0, at1);
        sums.C1 = AddValues(sums.C1, weights, at2, at3);
        sums.C2 = AddValues(sums.C2, weights, at0 + 128, at1 + 128);
        sums.C3 = AddValues(sums.C3, weights, at2 + 128, at3 + 128);
        return sums;
    }

    private static Strip AddValues(Strip sums, Words weights, long left, long right)
        => Strips.Add<BF16>(sums, weights, TensorCore.LoadMatricesTurned(left), TensorCore.LoadMatricesTurned(right));

    /// <summary>Asks for 32 rows of 576 numbers; zeroes where there are none, which times a weight of nothing is nothing.</summary>
    private static void Copy(long to, long from, int existing)
    {
        // Eight threads to a row, which take 128 bytes of it at a time.
        var (row, chunk) = (Group.IdxX >> 3, Group.IdxX & 7);
        to += (row * RowBytes) + ((chunk ^ (row & 7)) * 16);
        from += (row * RowBytes) + (chunk * 16);
        for (var i = 0; i < RowBytes; i += 128)
        {
            AsyncCopy.Copy(to + i, from + i, row < existing ? 16 : 0);
        }
    }

    /// <summary>Where a step's positions lie; a page holds two steps.</summary>
    private static long Place(long cache, ArrayView<int> pages, int table, int position)
        => cache + ((((long)pages[table + (position / Page)] * Page) + (position % Page)) * RowBytes);

    private static float MaximumOfEight(float x)
    {
        x = IntrinsicMath.Max(x, Warp.ShuffleXor(x, 4));
        x = IntrinsicMath.Max(x, Warp.ShuffleXor(x, 2));
        return IntrinsicMath.Max(x, Warp.ShuffleXor(x, 1));
    }

    private static float SumOfEight(float x)
    {
        x += Warp.ShuffleXor(x, 4);
        x += Warp.ShuffleXor(x, 2);
        return x + Warp.ShuffleXor(x, 1);
    }

    private static void Store(ArrayView<float> sums, long firstRow, int heads, int row, int column, Strip strip)
    {
        Store(sums, firstRow, heads, row, column, strip.C0);
        Store(sums, firstRow, heads, row, column + 8, strip.C1);
        Store(sums, firstRow, heads, row, column + 16, strip.C2);
        Store(sums, firstRow, heads, row, column + 24, strip.C3);
    }

    private static void Store(ArrayView<float> sums, long firstRow, int heads, int row, int column, Sums values)
    {
        var place = ((firstRow + row) * Values) + column;
        if (row < heads)
        {
            sums[place] = values.X;
            sums[place + 1] = values.Y;
        }

        if (row + 8 < heads)
        {
            sums[place + (8 * Values)] = values.Z;
            sums[place + (8 * Values) + 1] = values.W;
        }
    }
}
