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
        var state = OnlineSoftmax.Begin();
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
                var last = query - position - ((lane & 3) * 2);
                scores = OnlineSoftmax.Mask(scores, last, last + 8);
            }

            var values = stage + (Keys * KeyRow<TShape>()) + ((lane & 15) * ValueRow<TShape>());
            state = OnlineSoftmax.Attend(state, scores, scale, Keys, shape.Values, values, ValueRow<TShape>(), lane);
            var next = other;
            other = stage;
            stage = next;
        }

        Finish<TShape, TEnding>(state, result, scales, firstQuery, count, warpRow + (lane >> 2), lane, powers);
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
    private static void Finish<TShape, TEnding>(AttendedRows state, ArrayView<ushort> result, ArrayView<float> scales, int firstQuery, int count, int row, int lane, int powers)
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
