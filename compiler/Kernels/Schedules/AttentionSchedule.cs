using System;
using System.Collections.Generic;
using System.Linq;
using Sinter.Compiler.Kernels.Loops;
using Sinter.Compiler.Operations;
using static Sinter.Compiler.Kernels.Loops.Build;

namespace Sinter.Compiler.Kernels.Schedules;

/// <summary>
/// Attention with an online softmax: keys pass in tiles, and what a row has gathered so far is rescaled when a larger
/// score turns up. Where all heads share the keys (latent attention, absorbed) the heads are rows beside the tokens, so
/// that each key is read once for a whole tile of them.
/// </summary>
internal sealed class AttentionSchedule(AttentionOperation operation)
{
    /// <summary>Rows that a worker carries through the keys together, a multiple of a register tile's six.</summary>
    private const int RowTile = 96;

    /// <summary>Keys whose scores are known at once, a multiple of all lane counts.</summary>
    private const int KeyTile = 64;

    /// <summary>
    /// From how many rows of a sequence on scores are summed depth after depth, and no longer as dot products. Not of a
    /// tile: its size depends on the number of workers, and the numbers must not.
    /// </summary>
    private const int FewestTurned = 8;

    /// <summary>
    /// From how many rows of a tile on keys are turned into panels, and no longer the queries, once for all keys: the
    /// numbers are the same either way.
    /// </summary>
    private const int FewestPanels = 32;

    /// <summary>
    /// Up to how many tokens of a sequence are treated as one would be, so that the check of drafted tokens gives the
    /// numbers of decoding them one by one: as many as contractions stream the weights for.
    /// </summary>
    private const int MostFew = ContractionSchedule.MostFew;

    private static readonly Name s_heads = new(Kind.Integer, "Heads");
    private static readonly Name s_width = new(Kind.Integer, "Width");
    private static readonly Name s_rowTile = new(Kind.Integer, "RowTile");
    private static readonly Name s_keyTile = new(Kind.Integer, "KeyTile");
    private static readonly Name s_fewestTurned = new(Kind.Integer, "FewestTurned");
    private static readonly Name s_fewestPanels = new(Kind.Integer, "FewestPanels");
    private static readonly Name s_mostFew = new(Kind.Integer, "MostFew");
    private readonly ParameterNames _parameters = new();

    private bool IsShared => operation.Value.Layout.RepeatStride == 0 && operation.Terms.All(t => t.Key.Layout.RepeatStride == 0);

    public Scheduled Make()
    {
        var queries = new List<Name>();
        var keys = new List<Name>();
        foreach (ScoreTerm term in operation.Terms)
        {
            queries.Add(_parameters.Add(Kind.Floats, "query"));
            keys.Add(_parameters.Add(term.Key.IsCache ? Kind.Cache : Kind.Floats, "key"));
        }

        Name value = _parameters.Add(operation.Value.IsCache ? Kind.Cache : Kind.Floats, "value");
        Name output = _parameters.Add(Kind.Floats, "y");

        var body = new Body();
        Name[] queryRows = [.. queries.Select(q => body.Reserve(q.Text + "Rows", RowTile, Kind.Rows))];
        Name outputRows = body.Reserve("outputRows", RowTile, Kind.Rows);
        Name scores = body.Reserve("scores", RowTile * KeyTile);
        int deepest = operation.Terms.Max(t => t.Key.Depth), depths = operation.Terms.Sum(t => t.Key.Depth);
        Name panel = body.Reserve("panel", FewestPanels * Math.Max(deepest, depths));
        Name largest = body.Reserve("largest", RowTile), total = body.Reserve("total", RowTile), factors = body.Reserve("factors", RowTile);
        Name bounds = body.Reserve("bounds", RowTile, Kind.Integers);
        Name turn = body.Let("turn", 0);
        body.For("sequence", 0, Step.Field("Sequences", Kind.Integer), (inSequence, sequence) =>
        {
            Name range = inSequence.Let("range", Step.Field("Ranges", Kind.Range)[sequence]);
            Name rows = inSequence.Let("rows", range.Field("Count", Kind.Integer) * (IsShared ? s_heads : (Expression)1));
            Name turned = inSequence.Let("turned", s_fewestTurned <= (IsShared
                ? new Conditional(range.Field("Count", Kind.Integer) <= s_mostFew, s_heads, rows)
                : rows));
            Name tile = WriteTileSize(inSequence, rows);
            Name tiles = inSequence.Let("tiles", Blocks(rows, tile));
            inSequence.For("item", 0, (IsShared ? (Expression)1 : s_heads) * tiles, (inItem, item) =>
            {
                Name mine = inItem.Let("mine", (turn % Worker.Field("Count", Kind.Integer)).Is(Worker.Field("Index", Kind.Integer)));
                inItem.Set(turn, turn + 1);
                inItem.If(Not(mine), skip => skip.Next());
                Name first = inItem.Let("first", item % tiles * tile), count = inItem.Let("rowCount", Min(tile, rows - first));
                Expression head = IsShared ? 0 : inItem.Let("head", item / tiles);
                Name most = inItem.Let("most", 0);
                inItem.For("i", 0, count, (each, i) => WriteRow(
                    each, range, first + i, head, i, queries, queryRows, output, outputRows, bounds, most, largest, total));
                Name[] keyPlaces = [.. operation.Terms.Select((t, k) => KeyPlace(inItem, keys[k], t.Key, range, head))];
                Name valuePlace = KeyPlace(inItem, value, operation.Value, range, head);
                Name turnsQueries = inItem.Let("turnsQueries", turned & count < s_fewestPanels);
                Expression[] turnedQueries = new Expression[queries.Count];
                for (int k = 0; k < turnedQueries.Length; k++)
                    turnedQueries[k] = panel + FewestPanels * operation.Terms.Take(k).Sum(t => t.Key.Depth);
                inItem.If(turnsQueries, once =>
                {
                    for (int k = 0; k < turnedQueries.Length; k++)
                        once.Tile(TileOperation.TurnRows, queryRows[k], count, operation.Terms[k].Key.Depth, turnedQueries[k]);
                });
                inItem.For("start", 0, most, s_keyTile, (inKeys, key) =>
                {
                    Name keyCount = inKeys.Let("keyCount", Min(s_keyTile, most - key));
                    // Rows stand in the order of their positions: the first ones may have passed their last key.
                    Name skip = inKeys.Let("skip", 0);
                    if (operation.Causal)
                        inKeys.If(Not(turnsQueries), may => may.For("i", 0, count, (each, i) => each.If(bounds[i] <= key, past => past.Set(skip, skip + 1))));
                    Name left = inKeys.Let("left", count - skip);
                    inKeys.Tile(TileOperation.Clear, scores, left * s_keyTile);
                    Expression Tile(int k) => keyPlaces[k] + Long(key) * operation.Terms[k].Key.Layout.RowStride;
                    inKeys.If(
                        turnsQueries,
                        then =>
                        {
                            for (int k = 0; k < keyPlaces.Length; k++)
                            {
                                KeyLayout layout = operation.Terms[k].Key;
                                then.Tile(
                                    TileOperation.AddTurnedScores, turnedQueries[k], left, layout.Depth, Tile(k), layout.Layout.RowStride, keyCount,
                                    scores, s_keyTile);
                            }
                        },
                        otherwise =>
                        {
                            for (int k = 0; k < keyPlaces.Length; k++)
                            {
                                KeyLayout layout = operation.Terms[k].Key;
                                otherwise.Tile(
                                    TileOperation.AddScores, queryRows[k] + skip, left, layout.Depth, Tile(k), layout.Layout.RowStride, keyCount,
                                    scores, s_keyTile, turned, panel);
                            }
                        });

                    inKeys.For("i", skip, count, (each, i) => WriteSoftmax(each, i, skip, key, keyCount, scores, bounds, largest, total, factors));
                    inKeys.Tile(
                        TileOperation.AddValues, scores, s_keyTile, factors + skip, left, valuePlace + Long(key) * operation.Value.Layout.RowStride,
                        operation.Value.Layout.RowStride, keyCount, outputRows + skip, s_width);
                });
                inItem.For("i", 0, count, (each, i) =>
                {
                    Name share = each.Let("share", new Real(1) / total[i]);
                    each.For("column", 0, s_width, Lanes, (inner, column) =>
                    {
                        Name lanes = inner.Let("lanes", LanesLeft(s_width, column));
                        inner.Store(outputRows[i] + column, Load(outputRows[i] + column, lanes) * All(share), lanes);
                    });
                });
            });
        });

        string shared = IsShared ? "all heads share the keys and are rows beside the tokens" : "each head has its keys";
        var entry = new Procedure(operation.Name, "", _parameters.Names, body.Statements, IsWidening: false);
        var kernel = new Kernel(
            $"{operation.Equation}\n{operation.Heads} heads, {shared}; workers take turns at tiles of {RowTile} rows, keys pass by {KeyTile}.",
            new[]
            {
                new Size("Heads", operation.Heads),
                new Size("Width", operation.Value.Depth),
                new Size("RowTile", RowTile),
                new Size("KeyTile", KeyTile),
                new Size("FewestTurned", FewestTurned),
                new Size("FewestPanels", FewestPanels),
                new Size("MostFew", MostFew),
            }.ToEquatable(),
            entry,
            default,
            null);
        return new(kernel, _parameters.Parameters, body.ReservedBytes);
    }

    /// <summary>Full tiles where sequences and heads are work enough; else as many rows as give each worker some.</summary>
    private Name WriteTileSize(Body body, Name rows)
    {
        Expression streams = Step.Field("Sequences", Kind.Integer) * (IsShared ? (Expression)1 : s_heads);
        Name parts = body.Let("parts", Max(1, Worker.Field("Count", Kind.Integer) / streams));
        return body.Let("tile", Max(1, Min(s_rowTile, Blocks(rows, parts))));
    }

    private void WriteRow(
        Body body, Name range, Expression row, Expression head, Name i, List<Name> queries, Name[] queryRows, Name output, Name outputRows,
        Name bounds, Name most, Name largest, Name total)
    {
        Name token = body.Let("token", range.Field("First", Kind.Integer) + (IsShared ? row / s_heads : row));
        if (IsShared) head = body.Let("head", row % s_heads);
        Expression Place(Name data, Layout layout) => data + Long(token) * layout.RowStride + (head * layout.RepeatStride + layout.Offset);
        for (int k = 0; k < queryRows.Length; k++) body.Set(queryRows[k][i], Place(queries[k], operation.Terms[k].Query));
        body.Set(outputRows[i], Place(output, operation.Output));
        body.Set(bounds[i], operation.Causal ? Step.Field("Positions", Kind.Integers)[token] + 1 : range.Field("Length", Kind.Integer));
        body.Set(most, Max(most, bounds[i]));
        body.Set(largest[i], new Real(double.NegativeInfinity));
        body.Set(total[i], Zero);
        body.Tile(TileOperation.Clear, outputRows[i], s_width);
    }

    private static Name KeyPlace(Body body, Name data, KeyLayout layout, Name range, Expression head)
    {
        Expression start = layout.IsCache
            ? data.Field("Data", Kind.Floats) + range.Field("Slot", Kind.Integer) * data.Field("SlotStride", Kind.Long)
            : data + Long(range.Field("FirstKey", Kind.Integer)) * layout.Layout.RowStride;
        return body.Let(data.Text + "Place", start + (head * layout.Layout.RepeatStride + layout.Layout.Offset), Kind.Floats);
    }

    private void WriteSoftmax(
        Body body, Name i, Name skip, Name key, Name keyCount, Name scores, Name bounds, Name largest, Name total, Name factors)
    {
        Name row = body.Let("row", scores + (i - skip) * s_keyTile, Kind.Floats);
        Name seen = body.Let("seen", Min(keyCount, Max(0, bounds[i] - key)));
        Name top = body.Let("top", All(largest[i]));
        body.For("s", 0, seen, Lanes, (inner, s) =>
        {
            Name lanes = inner.Let("lanes", seen - s);
            Name score = inner.Let("score", ScalarCode.InLanes(operation.Map, [Load(row + s, lanes)], body));
            inner.Store(row + s, score, lanes);
            inner.Set(top, Max(top, First(score, lanes, All(new Real(double.NegativeInfinity)))));
        });
        Name now = body.Let("now", Largest(top));
        body.Set(factors[i], Build.Make(Kind.Float, Function.Exp, largest[i] - now));
        body.Set(largest[i], now);
        Name sum = body.Let("sum", All(Zero));
        body.For("s", 0, keyCount, Lanes, (inner, s) =>
        {
            Name lanes = inner.Let("lanes", Min(Lanes, Max(0, seen - s)));
            Expression weight = Build.Make(Kind.Lanes, Function.Exp, Load(row + s, lanes) - All(now));
            Name kept = inner.Let("weight", First(weight, lanes, All(Zero)));
            inner.Store(row + s, kept, Lanes);
            inner.Set(sum, sum + kept);
        });
        body.Set(total[i], total[i] * factors[i] + Sum(sum));
    }
}
