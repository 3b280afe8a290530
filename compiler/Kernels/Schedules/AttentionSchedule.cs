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
/// that each key is read once for a whole tile of them; and where such a sequence has few tokens, as in decoding, its keys
/// are gathered in strands, which workers share.
/// </summary>
internal sealed partial class AttentionSchedule
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
    private readonly AttentionOperation _operation;
    private readonly List<Name> _queries = [];
    private readonly List<Name> _keys = [];
    private readonly Name _value;
    private readonly Name _output;
    private readonly RowPlaces _places;

    public AttentionSchedule(AttentionOperation operation)
    {
        _operation = operation;
        foreach (ScoreTerm term in operation.Terms)
        {
            _queries.Add(_parameters.Add(Kind.Floats, "query"));
            _keys.Add(_parameters.Add(term.Key.IsCache ? Kind.Cache : Kind.Floats, "key"));
        }

        _value = _parameters.Add(operation.Value.IsCache ? Kind.Cache : Kind.Floats, "value");
        _output = _parameters.Add(Kind.Floats, "y");
        _places = new(operation, _queries, IsShared);
    }

    private bool IsShared => _operation.Value.Layout.RepeatStride == 0 && _operation.Terms.All(t => t.Key.Layout.RepeatStride == 0);

    public Scheduled Make()
    {
        Procedure gather = Gather();
        var body = new Body();
        Rows rows = _places.Declare(body);
        Strands? strands = IsShared ? _places.DeclareStrands(body) : null;
        Name turn = body.Let("turn", 0);
        body.For("sequence", 0, Step.Field("Sequences", Kind.Integer), (inSequence, sequence) =>
        {
            Name range = inSequence.Let("range", Step.Field("Ranges", Kind.Range)[sequence]);
            Name count = inSequence.Let("rows", range.Field("Count", Kind.Integer) * (IsShared ? s_heads : (Expression)1));
            void Tiles(Body inner) => WriteTiles(inner, range, count, turn, rows, gather);
            if (strands is null) Tiles(inSequence);
            else inSequence.If(range.Field("Count", Kind.Integer) <= s_mostFew, few => WriteStrands(few, range, count, rows, strands, gather), Tiles);
        });

        string shared = IsShared
            ? $"all heads share the keys and are rows beside the tokens; keys of up to {MostFew} tokens are gathered in {StrandCount} strands, else"
            : "each head has its keys;";
        var entry = new Procedure(_operation.Name, "", _parameters.Names, body.Statements, IsWidening: false);
        var sizes = new List<Size>
        {
            new("Heads", _operation.Heads),
            new("Width", _operation.Value.Depth),
            new("RowTile", RowTile),
            new("KeyTile", KeyTile),
            new("FewestTurned", FewestTurned),
            new("FewestPanels", FewestPanels),
        };
        if (IsShared) sizes.AddRange([new("MostFew", MostFew), new("StrandCount", StrandCount)]);
        var kernel = new Kernel(
            $"{_operation.Equation}\n{_operation.Heads} heads, {shared} workers take turns at tiles of {RowTile} rows, keys pass by {KeyTile}.",
            sizes.ToEquatable(), entry, new[] { gather }.ToEquatable(), null);
        return new(kernel, _parameters.Parameters, _places.Bytes);
    }

    /// <summary>Workers take turns at tiles of rows, and carry each through all of its keys.</summary>
    private void WriteTiles(Body body, Name range, Name rowCount, Name turn, Rows rows, Procedure gather)
    {
        Name turned = body.Let("turned", s_fewestTurned <= rowCount);
        Name tile = WriteTileSize(body, rowCount);
        Name tiles = body.Let("tiles", Blocks(rowCount, tile));
        body.For("item", 0, (IsShared ? (Expression)1 : s_heads) * tiles, (inItem, item) =>
        {
            Name mine = inItem.Let("mine", (turn % Worker.Field("Count", Kind.Integer)).Is(Worker.Field("Index", Kind.Integer)));
            inItem.Set(turn, turn + 1);
            inItem.If(Not(mine), skip => skip.Next());
            Name first = inItem.Let("first", item % tiles * tile), count = inItem.Let("count", Min(tile, rowCount - first));
            Expression head = IsShared ? 0 : inItem.Let("head", item / tiles);
            Name most = inItem.Let("most", 0);
            inItem.For("i", 0, count, (each, i) =>
            {
                (Name token, Expression of) = WriteRow(each, range, first + i, head, i, rows);
                each.Set(rows.Outputs[i], Place(_output, _operation.Output, token, of));
                each.Set(most, Max(most, rows.Bounds[i]));
                WriteStart(each, i, rows);
            });
            Name[] places = WriteKeyPlaces(inItem, range, head);
            Name turnsQueries = WriteTurns(inItem, turned, count, rows);
            inItem.Run(gather, [.. places, count, 0, most, s_keyTile, turned, turnsQueries]);
            inItem.For("i", 0, count, (each, i) =>
            {
                Name share = each.Let("share", new Real(1) / rows.Total[i]);
                WriteScaling(each, rows.Outputs[i], share);
            });
        });
    }

    /// <summary>Full tiles where sequences and heads are work enough; else as many rows as give each worker some.</summary>
    private Name WriteTileSize(Body body, Name rows)
    {
        Expression streams = Step.Field("Sequences", Kind.Integer) * (IsShared ? (Expression)1 : s_heads);
        Name parts = body.Let("parts", Max(1, Worker.Field("Count", Kind.Integer) / streams));
        return body.Let("tile", Max(1, Min(s_rowTile, Blocks(rows, parts))));
    }

    /// <summary>Where a row's queries stand, and how many keys it may see.</summary>
    private (Name Token, Expression Head) WriteRow(Body body, Name range, Expression row, Expression head, Name i, Rows rows)
    {
        Name token = body.Let("token", range.Field("First", Kind.Integer) + (IsShared ? row / s_heads : row));
        if (IsShared) head = body.Let("head", row % s_heads);
        for (int k = 0; k < _queries.Count; k++) body.Set(rows.Queries[k][i], Place(_queries[k], _operation.Terms[k].Query, token, head));
        body.Set(rows.Bounds[i], _operation.Causal ? Step.Field("Positions", Kind.Integers)[token] + 1 : range.Field("Length", Kind.Integer));
        return (token, head);
    }

    private static void WriteStart(Body body, Expression i, Rows rows)
    {
        body.Set(rows.Largest[i], new Real(double.NegativeInfinity));
        body.Set(rows.Total[i], Zero);
        body.Tile(TileOperation.Clear, rows.Outputs[i], s_width);
    }

    private static void WriteScaling(Body body, Expression output, Name share) => body.For("column", 0, s_width, Lanes, (inner, column) =>
    {
        Name lanes = inner.Let("lanes", LanesLeft(s_width, column));
        inner.Store(output + column, Load(output + column, lanes) * All(share), lanes);
    });

    private static Expression Place(Name data, Layout layout, Name token, Expression head) =>
        data + Long(token) * layout.RowStride + (head * layout.RepeatStride + layout.Offset);

    /// <summary>Where the keys of each term and the values begin.</summary>
    private Name[] WriteKeyPlaces(Body body, Name range, Expression head) =>
        [.. _operation.Terms.Select((t, k) => WriteKeyPlace(body, _keys[k], t.Key, range, head)), WriteKeyPlace(body, _value, _operation.Value, range, head)];

    private static Name WriteKeyPlace(Body body, Name data, KeyLayout layout, Name range, Expression head)
    {
        Expression start = layout.IsCache
            ? data.Field("Data", Kind.Floats) + range.Field("Slot", Kind.Integer) * data.Field("SlotStride", Kind.Long)
            : data + Long(range.Field("FirstKey", Kind.Integer)) * layout.Layout.RowStride;
        return body.Let(data.Text + "Place", start + (head * layout.Layout.RepeatStride + layout.Layout.Offset), Kind.Floats);
    }

    /// <summary>Turns few queries, once for all their keys.</summary>
    private Name WriteTurns(Body body, Name turned, Name count, Rows rows)
    {
        Name turnsQueries = body.Let("turnsQueries", turned & count < s_fewestPanels);
        body.If(turnsQueries, once =>
        {
            for (int k = 0; k < _queries.Count; k++)
                once.Tile(TileOperation.TurnRows, rows.Queries[k], count, _operation.Terms[k].Key.Depth, TurnedQueries(k, rows));
        });
        return turnsQueries;
    }

    private Expression TurnedQueries(int term, Rows rows) => rows.Panel + FewestPanels * _operation.Terms.Take(term).Sum(t => t.Key.Depth);
}
