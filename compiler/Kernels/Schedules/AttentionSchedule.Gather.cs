using System.Collections.Generic;
using System.Linq;
using Sinter.Compiler.Kernels.Loops;
using Sinter.Compiler.Operations;
using static Sinter.Compiler.Kernels.Loops.Build;

namespace Sinter.Compiler.Kernels.Schedules;

/// <summary>What carries rows through keys, tile after tile.</summary>
internal sealed partial class AttentionSchedule
{
    private static readonly Name s_count = new(Kind.Integer, "count");
    private static readonly Name s_first = new(Kind.Integer, "first");
    private static readonly Name s_most = new(Kind.Integer, "most");
    private static readonly Name s_distance = new(Kind.Integer, "distance");
    private static readonly Name s_turned = new(Kind.Boolean, "turned");
    private static readonly Name s_turnsQueries = new(Kind.Boolean, "turnsQueries");

    private Procedure Gather()
    {
        var body = new Body();
        Rows rows = _places.Declare(body);
        Name[] keys = [.. _keys.Select(k => new Name(Kind.Floats, k.Text + "Place"))];
        Name value = new(Kind.Floats, _value.Text + "Place");
        body.For("start", s_first, s_most, s_distance, (inKeys, key) =>
        {
            Name keyCount = inKeys.Let("keyCount", Min(s_keyTile, s_most - key));
            // Rows stand in the order of their positions: the first ones may have passed their last key.
            Name skip = inKeys.Let("skip", 0);
            if (_operation.Causal)
                inKeys.If(Not(s_turnsQueries), may => may.For("i", 0, s_count, (each, i) => each.If(rows.Bounds[i] <= key, past => past.Set(skip, skip + 1))));
            Name left = inKeys.Let("left", s_count - skip);
            inKeys.Tile(TileOperation.Clear, rows.Scores, left * s_keyTile);
            inKeys.If(s_turnsQueries, then => WriteScores(then, true, keys, key, keyCount, skip, left, rows), otherwise => WriteScores(otherwise, false, keys, key, keyCount, skip, left, rows));
            inKeys.For("i", skip, s_count, (each, i) => WriteSoftmax(each, i, skip, key, keyCount, rows));
            inKeys.Tile(
                TileOperation.AddValues, rows.Scores, s_keyTile, rows.Factors + skip, left, value + Long(key) * _operation.Value.Layout.RowStride,
                _operation.Value.Layout.RowStride, keyCount, rows.Outputs + skip, s_width);
        });

        Name[] parameters = [.. keys, value, s_count, s_first, s_most, s_distance, s_turned, s_turnsQueries];
        return new(
            _operation.Name + "Gather", "Carries count rows through tiles of keys from first up to most, distance apart.", parameters.ToEquatable(),
            body.Statements, IsWidening: false);
    }

    private void WriteScores(Body body, bool turnsQueries, Name[] keys, Name key, Name keyCount, Name skip, Name left, Rows rows)
    {
        for (int k = 0; k < keys.Length; k++)
        {
            KeyLayout layout = _operation.Terms[k].Key;
            int stride = layout.Layout.RowStride;
            Expression tile = keys[k] + Long(key) * stride;
            if (turnsQueries)
                body.Tile(TileOperation.AddTurnedScores, TurnedQueries(k, rows), left, layout.Depth, tile, stride, keyCount, s_distance, rows.Scores, s_keyTile);
            else
                body.Tile(TileOperation.AddScores, rows.Queries[k] + skip, left, layout.Depth, tile, stride, keyCount, rows.Scores, s_keyTile, s_turned, rows.Panel);
        }
    }

    private void WriteSoftmax(Body body, Name i, Name skip, Name key, Name keyCount, Rows rows)
    {
        Name row = body.Let("row", rows.Scores + (i - skip) * s_keyTile, Kind.Floats);
        Name seen = body.Let("seen", Min(keyCount, Max(0, rows.Bounds[i] - key)));
        Name top = body.Let("top", All(rows.Largest[i]));
        body.For("s", 0, seen, Lanes, (inner, s) =>
        {
            Name lanes = inner.Let("lanes", seen - s);
            Name score = inner.Let("score", ScalarCode.InLanes(_operation.Map, [Load(row + s, lanes)], body));
            inner.Store(row + s, score, lanes);
            inner.Set(top, Max(top, First(score, lanes, All(new Real(double.NegativeInfinity)))));
        });
        Name now = body.Let("now", Largest(top));
        // Equal while a row has seen no key yet, where the difference of the two infinities would be none.
        body.Set(rows.Factors[i], new Conditional(rows.Largest[i].Is(now), new Real(1), Build.Make(Kind.Float, Function.Exp, rows.Largest[i] - now)));
        body.Set(rows.Largest[i], now);
        Name sum = body.Let("sum", All(Zero));
        body.For("s", 0, keyCount, Lanes, (inner, s) =>
        {
            Name lanes = inner.Let("lanes", Min(Lanes, Max(0, seen - s)));
            Expression weight = Build.Make(Kind.Lanes, Function.Exp, Load(row + s, lanes) - All(now));
            Name kept = inner.Let("weight", First(weight, lanes, All(Zero)));
            inner.Store(row + s, kept, Lanes);
            inner.Set(sum, sum + kept);
        });
        body.Set(rows.Total[i], rows.Total[i] * rows.Factors[i] + Sum(sum));
    }

    /// <summary>What a worker keeps of the rows that it carries, by their number in the tile.</summary>
    private sealed record Rows(Name[] Queries, Name Outputs, Name Scores, Name Panel, Name Largest, Name Total, Name Factors, Name Bounds);

    /// <summary>What each strand has gathered, by its place among the worker's own and the row in the tile.</summary>
    private sealed record Strands(Name Largest, Name Total, Name Outputs);

    /// <summary>The places of both, which all procedures of the kernel declare alike.</summary>
    private sealed class RowPlaces
    {
        private readonly ScratchLayout _layout = new();
        private readonly Reserve[] _queries;
        private readonly Reserve _outputs, _scores, _panel, _largest, _total, _factors, _bounds;

        public RowPlaces(AttentionOperation operation, IEnumerable<Name> queries, bool hasStrands)
        {
            _queries = [.. queries.Select(q => _layout.Place(q.Text + "Rows", RowTile, Kind.Rows))];
            _outputs = _layout.Place("outputRows", RowTile, Kind.Rows);
            _scores = _layout.Place("scores", RowTile * KeyTile);
            int deepest = operation.Terms.Max(t => t.Key.Depth), depths = operation.Terms.Sum(t => t.Key.Depth);
            _panel = _layout.Place("panel", FewestPanels * System.Math.Max(deepest, depths));
            _largest = _layout.Place("largest", RowTile);
            _total = _layout.Place("total", RowTile);
            _factors = _layout.Place("factors", RowTile);
            _bounds = _layout.Place("bounds", RowTile, Kind.Integers);
            if (!hasStrands) return;
            StrandLargest = _layout.Place("strandLargest", StrandCount * RowTile);
            StrandTotal = _layout.Place("strandTotal", StrandCount * RowTile);
            StrandOutputs = _layout.Place("strandOutputs", StrandCount * RowTile * operation.Value.Depth);
        }

        public int Bytes => _layout.Bytes;

        public Reserve? StrandLargest { get; }

        public Reserve? StrandTotal { get; }

        public Reserve? StrandOutputs { get; }

        public Rows Declare(Body body) => new(
            [.. _queries.Select(q => body.Declare(q))], body.Declare(_outputs), body.Declare(_scores), body.Declare(_panel), body.Declare(_largest),
            body.Declare(_total), body.Declare(_factors), body.Declare(_bounds));

        public Strands DeclareStrands(Body body) => new(body.Declare(StrandLargest!), body.Declare(StrandTotal!), body.Declare(StrandOutputs!));
    }
}
