using System.Collections.Generic;
using System.Linq;
using Sinter.Compiler.Kernels.Loops;
using Sinter.Compiler.Kernels.Schedules;
using Sinter.Compiler.Operations;
using static Sinter.Compiler.Kernels.Device.GroupCode;
using static Sinter.Compiler.Kernels.Loops.Build;

namespace Sinter.Compiler.Kernels.Device;

/// <summary>
/// Attention with an online softmax on a device: a group carries some rows through the keys, tile after tile; scores meet
/// in its memory, outputs stay in registers. Where all heads share the keys the heads are rows beside the tokens.
/// </summary>
internal sealed partial class DeviceAttentionSchedule(AttentionOperation operation)
{
    /// <summary>Rows of a group; tokens, or tokens and heads.</summary>
    private const int RowTile = 8;

    /// <summary>Keys whose scores are known at once.</summary>
    private const int KeyTile = 32;

    /// <summary>Depth of queries and keys that is staged at once.</summary>
    private const int DepthTile = 32;

    private static readonly Name s_heads = new(Kind.Integer, "Heads");
    private static readonly Name s_width = new(Kind.Integer, "Width");
    private static readonly Name s_rowTile = new(Kind.Integer, "RowTile");
    private static readonly Name s_keyTile = new(Kind.Integer, "KeyTile");
    private static readonly Name s_depthTile = new(Kind.Integer, "DepthTile");
    private static readonly Name s_pitch = new(Kind.Integer, "Pitch");
    private static readonly Name s_threads = new(Kind.Integer, "Threads");
    private readonly ParameterNames _parameters = new();
    private readonly List<Name> _queries = [];
    private readonly List<Name> _keys = [];

    private bool IsShared => operation.Value.Layout.RepeatStride == 0 && operation.Terms.All(t => t.Key.Layout.RepeatStride == 0);

    private int Threads => System.Math.Max(64, System.Math.Min(128, PowerOfTwo(operation.Value.Depth)));

    /// <summary>Columns of the output that a thread keeps, of each row.</summary>
    private int ThreadColumns => (operation.Value.Depth + Threads - 1) / Threads;

    public DeviceScheduled Make()
    {
        foreach (ScoreTerm term in operation.Terms)
        {
            _queries.Add(_parameters.Add(Kind.Floats, "query"));
            _keys.Add(_parameters.Add(term.Key.IsCache ? Kind.Cache : Kind.Floats, "key"));
        }

        Name value = _parameters.Add(operation.Value.IsCache ? Kind.Cache : Kind.Floats, "value");
        Name output = _parameters.Add(Kind.Floats, "y");

        var body = new Body();
        Name range = body.Let("range", Range(GroupZ));
        Name first = body.Let("first", GroupX * s_rowTile);
        // A group without rows goes through all barriers too: leaving early before a barrier confuses some devices' compilers.
        Name rows = body.Let("rows", Max(0, Min(s_rowTile, range.Field("Count", Kind.Integer) * Rows - first)));
        Name tokens = body.InGroup("tokens", RowTile, Kind.Integers), bounds = body.InGroup("bounds", RowTile, Kind.Integers);
        Name largest = body.InGroup("largest", RowTile), total = body.InGroup("total", RowTile), factors = body.InGroup("factors", RowTile);
        Name scores = body.InGroup("scores", RowTile * KeyTile);
        Name queryTile = body.InGroup("queryTile", RowTile * (DepthTile + 1)), keyTile = body.InGroup("keyTile", KeyTile * (DepthTile + 1));
        body.If(Thread < s_rowTile, each =>
        {
            Name token = each.Let("token", range.Field("First", Kind.Integer) + Max(0, Min(first + Thread, first + rows - 1)) / Rows);
            each.Set(tokens[Thread], token);
            Expression bound = operation.Causal ? Position(token) + 1 : range.Field("Length", Kind.Integer);
            each.Set(bounds[Thread], new Conditional(Thread < rows, bound, 0));
            each.Set(largest[Thread], new Real(double.NegativeInfinity));
            each.Set(total[Thread], Zero);
        });
        Name[,] sums = new Name[RowTile, ThreadColumns];
        for (int r = 0; r < RowTile; r++)
        {
            for (int c = 0; c < ThreadColumns; c++) sums[r, c] = body.Let($"sum{r}{(ThreadColumns > 1 ? "_" + c : "")}", Zero);
        }

        (Expression Data, Name Place)[] keyPlaces = [.. operation.Terms.Select((t, k) => KeyPlace(body, _keys[k], t.Key, range, "key" + (k + 1)))];
        (Expression Data, Name Place) values = KeyPlace(body, value, operation.Value, range, "value");
        body.Barrier();
        body.Remark("Rows stand in the order of their positions: the last one sees the most keys.");
        Name most = body.Let("most", new Conditional(rows > 0, bounds[Max(rows, 1) - 1], 0));
        body.For("firstKey", 0, most, s_keyTile, (inner, key) =>
        {
            Name count = inner.Let("count", Min(s_keyTile, most - key));
            WriteScores(inner, key, count, first, rows, tokens, bounds, keyPlaces, queryTile, keyTile, scores);
            inner.Barrier();
            inner.If(Thread < s_rowTile, each => WriteSoftmax(each, key, count, bounds, scores, largest, total, factors));
            inner.Barrier();
            for (int r = 0; r < RowTile; r++)
            {
                Name factor = inner.Let($"factor{r}", factors[r]);
                for (int c = 0; c < ThreadColumns; c++) inner.Set(sums[r, c], sums[r, c] * factor);
            }

            inner.For("s", 0, count, (each, s) => WriteValues(each, s, key, scores, values, sums));
            inner.Barrier();
        });
        for (int r = 0; r < RowTile; r++)
        {
            int row = r;
            body.If(rows > row, each =>
            {
                Expression head = IsShared ? (first + row) % s_heads : GroupY;
                Name place = each.Let("place", Long(tokens[row]) * operation.Output.RowStride + (head * operation.Output.RepeatStride + operation.Output.Offset));
                for (int c = 0; c < ThreadColumns; c++)
                {
                    Expression column = Thread + c * Threads, share = sums[row, c] / total[row];
                    if ((c + 1) * Threads <= operation.Value.Depth) each.Set(output[place + column], share);
                    else each.If(column < s_width, last => last.Set(output[place + column], share));
                }
            });
        }

        string shared = IsShared ? "all heads share the keys and are rows beside the tokens" : "each head has its keys";
        var entry = new Procedure(operation.Name, "", _parameters.Names, body.Statements, IsWidening: false);
        var kernel = new Kernel(
            $"{operation.Equation}\n{operation.Heads} heads, {shared}; a group of {Threads} threads carries {RowTile} rows through tiles of {KeyTile} keys.",
            Sizes(
                ("Heads", operation.Heads), ("Width", operation.Value.Depth), ("RowTile", RowTile), ("KeyTile", KeyTile), ("DepthTile", DepthTile),
                ("Pitch", DepthTile + 1), ("Threads", Threads)),
            entry, default, null);
        var portable = new DeviceKernel(kernel, null, Threads, Blocks(LongestCount * RowsOfToken, RowTile), IsShared ? 1 : operation.Heads, Sequences);
        DeviceKernel[] kernels = FitsTensorCores ? [OnTensorCores(value, output), portable] : [portable];
        return new(kernels.ToEquatable(), _parameters.Parameters);
    }

    private int RowsOfToken => IsShared ? operation.Heads : 1;

    private Expression Rows => IsShared ? s_heads : 1;

    private static (Expression Data, Name Place) KeyPlace(Body body, Name data, KeyLayout layout, Name range, string name)
    {
        Expression within = GroupY * layout.Layout.RepeatStride + layout.Layout.Offset;
        return layout.IsCache
            ? (data.Field("Data", Kind.Floats), body.Let(name + "Place", range.Field("Slot", Kind.Integer) * data.Field("SlotStride", Kind.Long) + within))
            : (data, body.Let(name + "Place", Long(range.Field("FirstKey", Kind.Integer)) * layout.Layout.RowStride + within));
    }

    /// <summary>Scores of the tile's rows and keys; a thread has one key, and every so many rows.</summary>
    private void WriteScores(
        Body body, Name key, Name count, Name first, Name rows, Name tokens, Name bounds, (Expression Data, Name Place)[] keys, Name queryTile, Name keyTile, Name scores)
    {
        int own = RowTile * KeyTile / Threads, step = Threads / KeyTile;
        Name ownKey = body.Let("ownKey", Thread % s_keyTile), ownRow = body.Let("ownRow", Thread / s_keyTile);
        Name[] sums = [.. Enumerable.Range(0, own).Select(i => body.Let($"score{i}", Zero))];
        for (int k = 0; k < keys.Length; k++)
        {
            ScoreTerm term = operation.Terms[k];
            (Expression data, Name place) = keys[k];
            Name query = _queries[k];
            body.For($"start{k}", 0, term.Key.Depth, s_depthTile, (inner, start) =>
            {
                inner.For("i", Thread, s_rowTile * s_depthTile, s_threads, (each, i) =>
                {
                    Name row = each.Let("row", i / s_depthTile), d = each.Let("d", i % s_depthTile);
                    Expression head = IsShared ? (first + row) % s_heads : GroupY;
                    Expression from = Long(tokens[row]) * term.Query.RowStride + (head * term.Query.RepeatStride + term.Query.Offset);
                    each.Set(queryTile[row * s_pitch + d], new Conditional(row < rows & start + d < term.Key.Depth, query[from + (start + d)], Zero));
                });
                inner.For("i", Thread, s_keyTile * s_depthTile, s_threads, (each, i) =>
                {
                    Name s = each.Let("s", i / s_depthTile), d = each.Let("d", i % s_depthTile);
                    Expression from = place + Long(key + s) * term.Key.Layout.RowStride;
                    each.Set(keyTile[s * s_pitch + d], new Conditional(s < count & start + d < term.Key.Depth, data[from + (start + d)], Zero));
                });
                inner.Barrier();
                inner.For("d", 0, s_depthTile, (each, d) =>
                {
                    Name number = each.Let("number", keyTile[ownKey * s_pitch + d]);
                    for (int i = 0; i < own; i++) each.Set(sums[i], sums[i] + queryTile[(ownRow + i * step) * s_pitch + d] * number);
                });
                inner.Barrier();
            });
        }

        for (int i = 0; i < own; i++)
        {
            Expression row = ownRow + i * step;
            body.Set(scores[row * s_keyTile + ownKey], new Conditional(
                key + ownKey < bounds[row], ScalarCode.AsNumber(operation.Map, [sums[i]]), new Real(double.NegativeInfinity)));
        }
    }

    /// <summary>One thread a row: what the row has so far is rescaled when a larger score turns up.</summary>
    private static void WriteSoftmax(Body body, Name key, Name count, Name bounds, Name scores, Name largest, Name total, Name factors)
    {
        Name seen = body.Let("seen", Min(count, bounds[Thread] - key)), row = body.Let("scoreRow", Thread * s_keyTile);
        Name now = body.Let("now", largest[Thread]), sum = body.Let("sum", Zero);
        body.For("s", 0, seen, (inner, s) => inner.Set(now, Max(now, scores[row + s])));
        body.For("s", 0, seen, (inner, s) =>
        {
            Name weight = inner.Let("weight", Build.Make(Kind.Float, Function.Exp, scores[row + s] - now));
            inner.Set(scores[row + s], weight);
            inner.Set(sum, sum + weight);
        });
        body.For("s", Max(seen, 0), count, (inner, s) => inner.Set(scores[row + s], Zero));
        body.Set(factors[Thread], new Real(1));
        body.If(seen > 0, some =>
        {
            some.Set(factors[Thread], Build.Make(Kind.Float, Function.Exp, largest[Thread] - now));
            some.Set(largest[Thread], now);
            some.Set(total[Thread], total[Thread] * factors[Thread] + sum);
        });
    }

    private void WriteValues(Body body, Name s, Name key, Name scores, (Expression Data, Name Place) values, Name[,] sums)
    {
        Name from = body.Let("from", values.Place + Long(key + s) * operation.Value.Layout.RowStride);
        Name[] numbers = [.. Enumerable.Range(0, ThreadColumns).Select(c =>
        {
            Expression column = Thread + c * Threads;
            bool isWhole = (c + 1) * Threads <= operation.Value.Depth;
            return body.Let($"value{c}", isWhole ? values.Data[from + column] : new Conditional(column < s_width, values.Data[from + column], Zero));
        })];
        for (int r = 0; r < RowTile; r++)
        {
            Name weight = body.Let($"weight{r}", scores[r * KeyTile + s]);
            for (int c = 0; c < ThreadColumns; c++) body.Set(sums[r, c], sums[r, c] + weight * numbers[c]);
        }
    }
}
