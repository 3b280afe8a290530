using ILGPU;
using ILGPU.Runtime;
using Sinter.Devices.Cuda.Instructions;
using Sinter.Devices.Cuda.Kernels;

namespace Sinter.Cuda.Kernels;

/// <summary>
/// Attention over expanded keys and values, for prefill: each query sees its sequence's positions up to its own, those of the cache
/// before the step among them (DeepSeek-V3 report, eq. 8 to 10).
/// </summary>
/// <remarks>
/// A block takes 128 queries of a head through their keys and values, 32 positions at a time; cp.async fetches the next ones meanwhile.
/// A warp has 16 queries: scores, the online softmax and the weights stay in its registers, since sums of a product lie as the next
/// product's factor must. Chunk c of 16 bytes of row r lies at c ^ (r % 8), as in <see cref="Gemm"/>.
/// </remarks>
public static class FlashAttention
{
    /// <summary>Queries of a block.</summary>
    public const int Queries = 128;

    /// <summary>Positions of a step.</summary>
    public const int Keys = 32;

    /// <summary>Threads of a block.</summary>
    public const int Threads = 256;

    /// <summary>Numbers of a tile in the list of tiles.</summary>
    public const int Entry = 4;

    /// <summary>Below every score; not infinite, so that differences stay numbers.</summary>
    private const float Lowest = -1e30f;

    /// <summary>Dynamic shared memory: queries, and two steps of keys and values.</summary>
    public static int SharedBytes<TShape>()
        where TShape : struct, IAttentionShape => (Queries * KeyRow<TShape>()) + (2 * StepBytes<TShape>());

    /// <summary>The kernel. Grid: (tiles, heads), so that neighbours share keys. Block: 256.</summary>
    /// <param name="queries">BF16 [token, head, without position and rotated].</param>
    /// <param name="expanded">BF16 [row, head, key without position and value]: the latents' up-projection.</param>
    /// <param name="rotated">BF16 [row, rotated part of the key].</param>
    /// <param name="tiles">For each tile: its first query's token, its queries (0 to 128), the row of its sequence's position 0, and its
    /// first query's position. The longest first keep the device busy to the end.</param>
    /// <param name="result">[token, head, value], BF16 or E4M3.</param>
    /// <param name="scales">For E4M3: [token, head · value / 128]; else empty.</param>
    /// <param name="scale">Of scores, positive: the softmax's scale times log2 of e.</param>
    /// <param name="powers">Of E4M3's scales: 1: powers of two; 0: any.</param>
    public static void Run<TShape, TEnding>(
        ArrayView<byte> queries, ArrayView<byte> expanded, ArrayView<byte> rotated, ArrayView<int> tiles, ArrayView<ushort> result, ArrayView<float> scales, float scale, int powers)
        where TShape : struct, IAttentionShape
        where TEnding : struct, IEnding
    {
        var shape = default(TShape);
        var entry = Grid.IdxX * Entry;
        var (firstQuery, count, firstRow, offset) = (tiles[entry], tiles[entry + 1], tiles[entry + 2], tiles[entry + 3]);
        if (count == 0)
        {
            return;
        }

        var (heads, head) = (Grid.DimY, Grid.IdxY);
        var (warp, lane) = (Group.IdxX >> 5, Group.IdxX & 31);
        var shared = AsyncCopy.Shared(ref SharedMemory.GetDynamic<byte>()[0]);
        var rowStep = (long)heads * (shape.NoRope + shape.Values) * 2;
        var from = AsyncCopy.Global(ref expanded[0]) + (firstRow * rowStep) + (head * (shape.NoRope + shape.Values) * 2);
        var turnedFrom = AsyncCopy.Global(ref rotated[0]) + ((long)firstRow * shape.Rope * 2);
        FetchQueries<TShape>(shared, AsyncCopy.Global(ref queries[0]) + ((((long)firstQuery * heads) + head) * (shape.NoRope + shape.Rope) * 2), heads, count);
        var stage = shared + (Queries * KeyRow<TShape>());
        var other = stage + StepBytes<TShape>();
        var end = offset + count;
        Fetch<TShape>(stage, from, rowStep, turnedFrom, end);
        AsyncCopy.Commit();

        var warpRow = warp * 16;
        var query = offset + warpRow + (lane >> 2);
        var queryRow = shared + ((warpRow + (lane & 15)) * KeyRow<TShape>());
        State state = default;
        state.UpperMost = Lowest;
        state.LowerMost = Lowest;
        for (var position = 0; position < end; position += Keys)
        {
            AsyncCopy.WaitAllBut(0);
            // Everyone's copies are there, and everyone is done with the other stage.
            Group.Barrier();
            from += Keys * rowStep;
            turnedFrom += Keys * shape.Rope * 2;
            if (position + Keys < end)
            {
                Fetch<TShape>(other, from, rowStep, turnedFrom, end - position - Keys);
            }

            AsyncCopy.Commit();
            var scores = Score<TShape>(queryRow, stage, lane);
            // The same for all of a warp. A warp whose queries see none of the step's positions goes along: leaving it out would cost
            // all others, whose state would be moved from one set of registers to another.
            if (position + Keys > offset + warpRow + 1)
            {
                scores = Mask(scores, query - position - ((lane & 3) * 2));
            }

            state = Attend<TShape>(state, scores, stage + (Keys * KeyRow<TShape>()), lane, scale);
            var next = other;
            other = stage;
            stage = next;
        }

        Finish<TShape, TEnding>(state, result, scales, firstQuery, count, warpRow + (lane >> 2), lane, powers);
    }

    /// <summary>What a lane keeps of its two rows, the upper and eight below.</summary>
    private struct State
    {
        /// <summary>Values times powers.</summary>
        public WideSums Results;

        /// <summary>The greatest scores so far, scaled.</summary>
        public float UpperMost;
        public float LowerMost;

        /// <summary>The lane's part of the sums of powers.</summary>
        public float UpperTotal;
        public float LowerTotal;
    }

    /// <summary>Bytes of a query's or a key's row in shared memory: whole pieces of 128, zeroes after the last number.</summary>
    private static int KeyRow<TShape>()
        where TShape : struct, IAttentionShape => ((((default(TShape).NoRope + default(TShape).Rope) * 2) + 127) / 128) * 128;

    private static int ValueRow<TShape>()
        where TShape : struct, IAttentionShape => (((default(TShape).Values * 2) + 127) / 128) * 128;

    private static int StepBytes<TShape>()
        where TShape : struct, IAttentionShape => Keys * (KeyRow<TShape>() + ValueRow<TShape>());

    /// <summary>16 queries times 32 positions.</summary>
    private static Strip Score<TShape>(long queryRow, long keys, int lane)
        where TShape : struct, IAttentionShape
    {
        var (turn, queryHalf, keyHalf) = (lane & 7, lane >> 4, (lane >> 3) & 1);
        var keyRow = keys + ((((lane >> 4) * 8) + turn) * KeyRow<TShape>());
        Strip sums = default;
        // A count that ptxas sees, so that it unrolls.
        for (var piece = 0; piece < KeyRow<TShape>(); piece += 128)
        {
            var (query, key) = (queryRow + piece, keyRow + piece);
            sums = Deepen<TShape>(sums, query + ((queryHalf ^ turn) * 16), key + ((keyHalf ^ turn) * 16));
            sums = Deepen<TShape>(sums, query + (((2 + queryHalf) ^ turn) * 16), key + (((2 + keyHalf) ^ turn) * 16));
            sums = Deepen<TShape>(sums, query + (((4 + queryHalf) ^ turn) * 16), key + (((4 + keyHalf) ^ turn) * 16));
            sums = Deepen<TShape>(sums, query + (((6 + queryHalf) ^ turn) * 16), key + (((6 + keyHalf) ^ turn) * 16));
        }

        return sums;
    }

    private static Strip Deepen<TShape>(Strip sums, long query, long key)
        where TShape : struct, IAttentionShape
        => Strips.Add<BF16>(sums, TensorCore.LoadMatrices(query), TensorCore.LoadMatrices(key), TensorCore.LoadMatrices(key + (16 * KeyRow<TShape>())));

    /// <summary>Positions after a query's own weigh nothing.</summary>
    /// <param name="scores">Of 32 positions.</param>
    /// <param name="last">The last position that the upper query sees, counted from the lane's first.</param>
    private static Strip Mask(Strip scores, int last)
    {
        scores.C0 = Mask(scores.C0, last);
        scores.C1 = Mask(scores.C1, last - 8);
        scores.C2 = Mask(scores.C2, last - 16);
        scores.C3 = Mask(scores.C3, last - 24);
        return scores;
    }

    private static Sums Mask(Sums scores, int last)
    {
        Sums result;
        result.X = last >= 0 ? scores.X : Lowest;
        result.Y = last >= 1 ? scores.Y : Lowest;
        result.Z = last >= -8 ? scores.Z : Lowest;
        result.W = last >= -7 ? scores.W : Lowest;
        return result;
    }

    /// <summary>A step of the online softmax: what was summed is brought to the new maximum, and weights times values are added.</summary>
    private static State Attend<TShape>(State state, Strip scores, long values, int lane, float scale)
        where TShape : struct, IAttentionShape
    {
        var upper = IntrinsicMath.Max(
            IntrinsicMath.Max(IntrinsicMath.Max(scores.C0.X, scores.C0.Y), IntrinsicMath.Max(scores.C1.X, scores.C1.Y)),
            IntrinsicMath.Max(IntrinsicMath.Max(scores.C2.X, scores.C2.Y), IntrinsicMath.Max(scores.C3.X, scores.C3.Y)));
        var lower = IntrinsicMath.Max(
            IntrinsicMath.Max(IntrinsicMath.Max(scores.C0.Z, scores.C0.W), IntrinsicMath.Max(scores.C1.Z, scores.C1.W)),
            IntrinsicMath.Max(IntrinsicMath.Max(scores.C2.Z, scores.C2.W), IntrinsicMath.Max(scores.C3.Z, scores.C3.W)));
        upper = IntrinsicMath.Max(state.UpperMost, Quads.Maximum(upper) * scale);
        lower = IntrinsicMath.Max(state.LowerMost, Quads.Maximum(lower) * scale);
        var (upperFactor, lowerFactor) = (Exponential.OfTwo(state.UpperMost - upper), Exponential.OfTwo(state.LowerMost - lower));
        var p0 = Power(scores.C0, scale, upper, lower);
        var p1 = Power(scores.C1, scale, upper, lower);
        var p2 = Power(scores.C2, scale, upper, lower);
        var p3 = Power(scores.C3, scale, upper, lower);
        state.UpperMost = upper;
        state.LowerMost = lower;
        state.UpperTotal = (state.UpperTotal * upperFactor) + (p0.X + p0.Y + (p1.X + p1.Y) + (p2.X + p2.Y + (p3.X + p3.Y)));
        state.LowerTotal = (state.LowerTotal * lowerFactor) + (p0.Z + p0.W + (p1.Z + p1.W) + (p2.Z + p2.W + (p3.Z + p3.W)));
        state.Results = Strips.Scale(state.Results, upperFactor, lowerFactor);
        var row = values + ((lane & 15) * ValueRow<TShape>());
        state.Results = AddValues<TShape>(state.Results, Weights(p0, p1), row, lane);
        state.Results = AddValues<TShape>(state.Results, Weights(p2, p3), row + (16 * ValueRow<TShape>()), lane);
        return state;
    }

    private static Sums Power(Sums scores, float scale, float upper, float lower)
    {
        Sums result;
        result.X = Exponential.OfTwo((scores.X * scale) - upper);
        result.Y = Exponential.OfTwo((scores.Y * scale) - upper);
        result.Z = Exponential.OfTwo((scores.Z * scale) - lower);
        result.W = Exponential.OfTwo((scores.W * scale) - lower);
        return result;
    }

    /// <summary>Powers of 16 queries and 16 positions as the left factor of a product.</summary>
    private static Words Weights(Sums left, Sums right)
    {
        Words result;
        result.X = Narrowing.ToBF16(left.Y, left.X);
        result.Y = Narrowing.ToBF16(left.W, left.Z);
        result.Z = Narrowing.ToBF16(right.Y, right.X);
        result.W = Narrowing.ToBF16(right.W, right.Z);
        return result;
    }

    /// <summary>16 positions' values times their weights for 16 queries.</summary>
    /// <param name="sums">What was added so far.</param>
    /// <param name="weights">16 queries by 16 positions.</param>
    /// <param name="row">The lane's position at the first number.</param>
    /// <param name="lane">Lanes from 16 on give the second 8 of 16 numbers.</param>
    private static WideSums AddValues<TShape>(WideSums sums, Words weights, long row, int lane)
        where TShape : struct, IAttentionShape
    {
        var (turn, half) = (lane & 7, lane >> 4);
        var (at0, at1) = (row + ((half ^ turn) * 16), row + (((2 + half) ^ turn) * 16));
        var (at2, at3) = (row + (((4 + half) ^ turn) * 16), row + (((6 + half) ^ turn) * 16));
        sums.C0 = AddValues(sums.C0, weights, at0, at1);
        if (default(TShape).Values > 32)
        {
            sums.C1 = AddValues(sums.C1, weights, at2, at3);
        }

        if (default(TShape).Values > 64)
        {
            sums.C2 = AddValues(sums.C2, weights, at0 + 128, at1 + 128);
        }

        if (default(TShape).Values > 96)
        {
            sums.C3 = AddValues(sums.C3, weights, at2 + 128, at3 + 128);
        }

        return sums;
    }

    private static Strip AddValues(Strip sums, Words weights, long left, long right)
        => Strips.Add<BF16>(sums, weights, TensorCore.LoadMatricesTurned(left), TensorCore.LoadMatricesTurned(right));

    /// <summary>Asks for the queries; zeroes where there are none.</summary>
    private static void FetchQueries<TShape>(long to, long from, int heads, int existing)
        where TShape : struct, IAttentionShape
    {
        var bytes = (default(TShape).NoRope + default(TShape).Rope) * 2;
        var (row, chunk) = (Group.IdxX >> 3, Group.IdxX & 7);
        to += (row * KeyRow<TShape>()) + ((chunk ^ (row & 7)) * 16);
        from += ((long)row * heads * bytes) + (chunk * 16);
        for (var i = 0; i < Queries / (Threads / 8); i++)
        {
            for (var piece = 0; piece < KeyRow<TShape>(); piece += 128)
            {
                AsyncCopy.Copy(to + piece, from + piece, row < existing && piece + (chunk * 16) < bytes ? 16 : 0);
            }

            row += Threads / 8;
            to += Threads / 8 * KeyRow<TShape>();
            from += (long)(Threads / 8) * heads * bytes;
        }
    }

    /// <summary>Asks for the keys and values of 32 positions; zeroes where there are none, which times a weight of nothing is nothing.</summary>
    /// <remarks>Keys are put together: a head's part without position, then the rotated part of all heads.</remarks>
    private static void Fetch<TShape>(long to, long from, long rowStep, long turnedFrom, int existing)
        where TShape : struct, IAttentionShape
    {
        var (noRope, rope, values) = (default(TShape).NoRope * 2, default(TShape).Rope * 2, default(TShape).Values * 2);
        var (row, chunk) = (Group.IdxX >> 3, Group.IdxX & 7);
        var place = (chunk ^ (row & 7)) * 16;
        var source = from + (row * rowStep);
        var turned = turnedFrom + (row * rope) - noRope;
        var isThere = row < existing;
        to += (row * KeyRow<TShape>()) + place;
        for (var piece = 0; piece < KeyRow<TShape>(); piece += 128)
        {
            var at = piece + (chunk * 16);
            AsyncCopy.Copy(to + piece, at < noRope ? source + at : turned + at, isThere && at < noRope + rope ? 16 : 0);
        }

        to += (Keys * KeyRow<TShape>()) + (row * (ValueRow<TShape>() - KeyRow<TShape>()));
        for (var piece = 0; piece < ValueRow<TShape>(); piece += 128)
        {
            var at = piece + (chunk * 16);
            AsyncCopy.Copy(to + piece, source + noRope + at, isThere && at < values ? 16 : 0);
        }
    }

    /// <summary>Divides by the sums of powers, and for E4M3 by the scale, and stores the rows that exist.</summary>
    private static void Finish<TShape, TEnding>(State state, ArrayView<ushort> result, ArrayView<float> scales, int firstQuery, int count, int row, int lane, int powers)
        where TShape : struct, IAttentionShape
        where TEnding : struct, IEnding
    {
        var (values, ending) = (default(TShape).Values, default(TEnding));
        var (upper, lower) = (1 / Quads.Sum(state.UpperTotal), 1 / Quads.Sum(state.LowerTotal));
        var upperPlace = (((long)(firstQuery + row)) * Grid.DimY) + Grid.IdxY;
        var lowerPlace = upperPlace + (8 * Grid.DimY);
        if (ending.Scaled)
        {
            var upperScale = E4M3Scale.Of(Quads.Maximum(Strips.UpperMost(state.Results)) * upper, powers);
            var lowerScale = E4M3Scale.Of(Quads.Maximum(Strips.LowerMost(state.Results)) * lower, powers);
            upper /= upperScale;
            lower /= lowerScale;
            if ((lane & 3) == 0 && row < count)
            {
                scales[upperPlace] = upperScale;
            }

            if ((lane & 3) == 0 && row + 8 < count)
            {
                scales[lowerPlace] = lowerScale;
            }
        }

        var results = Strips.Scale(state.Results, upper, lower);
        var (upperStart, lowerStart) = ((upperPlace * values) + ((lane & 3) * 2), (lowerPlace * values) + ((lane & 3) * 2));
        Put<TEnding>(result, upperStart, lowerStart, row, count, results.C0);
        if (values > 32)
        {
            Put<TEnding>(result, upperStart + 32, lowerStart + 32, row, count, results.C1);
        }

        if (values > 64)
        {
            Put<TEnding>(result, upperStart + 64, lowerStart + 64, row, count, results.C2);
        }

        if (values > 96)
        {
            Put<TEnding>(result, upperStart + 96, lowerStart + 96, row, count, results.C3);
        }
    }

    private static void Put<TEnding>(ArrayView<ushort> result, long upper, long lower, int row, int count, Strip numbers)
        where TEnding : struct, IEnding
    {
        if (row < count)
        {
            default(TEnding).Put(result, upper, numbers.C0.X, numbers.C0.Y);
            default(TEnding).Put(result, upper + 8, numbers.C1.X, numbers.C1.Y);
            default(TEnding).Put(result, upper + 16, numbers.C2.X, numbers.C2.Y);
            default(TEnding).Put(result, upper + 24, numbers.C3.X, numbers.C3.Y);
        }

        if (row + 8 < count)
        {
            default(TEnding).Put(result, lower, numbers.C0.Z, numbers.C0.W);
            default(TEnding).Put(result, lower + 8, numbers.C1.Z, numbers.C1.W);
            default(TEnding).Put(result, lower + 16, numbers.C2.Z, numbers.C2.W);
            default(TEnding).Put(result, lower + 24, numbers.C3.Z, numbers.C3.W);
        }
    }
}
