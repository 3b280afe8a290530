using System;
using System.Collections.Generic;
using System.Linq;
using Sinter.Compiler.Kernels.Loops;
using Sinter.Compiler.Operations;
using static Sinter.Compiler.Kernels.Loops.Build;

namespace Sinter.Compiler.Kernels.Schedules;

/// <summary>
/// Contractions with stored weights. Workers share blocks of columns. Few rows (decoding): the weights are streamed once
/// through dot products. Some dozen (an expert's in prefill): the rows are turned, and the weights widened as they stand.
/// Many: each block becomes a panel of f32 that stays in the cache while all rows pass. All leave their sums in a small
/// tile, from which the epilogue makes the outputs.
/// </summary>
internal sealed partial class ContractionSchedule(ContractionOperation operation)
{
    /// <summary>Up to how many rows the weights are streamed through dot products.</summary>
    internal const int MostFew = 8;

    /// <summary>Columns of the widest panel: two vectors of sixteen.</summary>
    private const int PanelColumns = 32;

    /// <summary>Columns of a block of few rows where stored rows run along the columns: they pass from end to end.</summary>
    private const int MostAcross = 512;

    /// <summary>
    /// Columns of a block of few rows, a multiple of all lane counts. Blocks across stored rows are as long as these if
    /// there is a batch to share, and else short, so that every worker has some.
    /// </summary>
    private int BlockColumns => operation.Weights.All(w => w.DepthStride == 1) ? PanelColumns
        : operation.Batch == 1 ? 2 * PanelColumns
        : Math.Min(MostAcross, (operation.Columns + PanelColumns - 1) / PanelColumns * PanelColumns);

    /// <summary>Up to how many rows it is cheaper to turn the rows than to turn the weights into panels.</summary>
    private const int MostTurned = 96;

    /// <summary>Columns of a block of turned rows, a multiple of all lane counts and of the twelve that are widened at once.</summary>
    private const int TurnedColumns = 48;

    /// <summary>Columns that are widened at once for turned rows.</summary>
    private const int Strip = 12;

    /// <summary>Numbers between these columns: as many as the runtime's <c>TurnedRows.Gap</c>.</summary>
    private const int Gap = 16;

    /// <summary>Rows whose sums are kept at once: a multiple of a register tile's six.</summary>
    private const int RowTile = 240;

    /// <summary>Depth that one panel may have, so that it stays in the second-level cache.</summary>
    private const int DeepestPanel = 2048;

    /// <summary>Depth of all panels together up to which they are packed once and kept for all rows.</summary>
    private const int MostKept = 4096;

    /// <summary>Depth of a panel that is packed anew for every tile of rows.</summary>
    private const int DepthTile = 1024;

    private static readonly Name s_columns = new(Kind.Integer, "Columns");
    private static readonly Name s_batch = new(Kind.Integer, "Batch");
    private static readonly Name s_mostFew = new(Kind.Integer, "MostFew");
    private static readonly Name s_blockColumns = new(Kind.Integer, "BlockColumns");
    private static readonly Name s_mostTurned = new(Kind.Integer, "MostTurned");
    private static readonly Name s_turnedColumns = new(Kind.Integer, "TurnedColumns");
    private static readonly Name s_strip = new(Kind.Integer, "Strip");
    private static readonly Name s_rowTile = new(Kind.Integer, "RowTile");
    private static readonly Name s_depthTile = new(Kind.Integer, "DepthTile");
    private static readonly Name s_first = new(Kind.Integer, "first");
    private static readonly Name s_end = new(Kind.Integer, "end");
    private static readonly Name s_from = new(Kind.Integer, "from");
    private static readonly Name s_to = new(Kind.Integer, "to");
    private static readonly Name s_slot = new(Kind.Integer, "slot");
    private static readonly Name s_firstKey = new(Kind.Integer, "firstKey");

    private readonly ParameterNames _parameters = new();
    private readonly List<Name> _inputs = [];
    private readonly List<Name> _weights = [];
    private readonly List<Name> _extras = [];
    private readonly (int Accumulator, Term Term)[] _terms =
        [.. operation.Accumulators.SelectMany((a, i) => a.Terms.Select(t => (i, t)))];

    private Name? _rows;
    private Name? _count;
    private Name? _groups;
    private Name _output = new(Kind.Floats, "y");

    /// <summary>Rows in the order of dot products: one copy for each input and start of depth in a stored row.</summary>
    private (int Input, int Weight)[] Arrangements =>
        [.. _terms.Select(t => (t.Term.Input, t.Term.Weight)).Distinct().Where((pair, i) => ArrangementOf(pair.Input, pair.Weight) == i)];

    private bool KeepsPanels => _terms.All(t => Depth(t.Term) <= DeepestPanel) && _terms.Sum(t => Depth(t.Term)) <= MostKept;

    /// <summary>Whether rows may be turned instead: all of their depth at once, and stored rows run along it.</summary>
    private bool TurnsRows => KeepsPanels && operation.Weights.All(w => w.DepthStride == 1);

    private int Depth(Term term) => operation.Inputs[term.Input].Depth;

    private Name DepthName(int input) => new(Kind.Integer, operation.Inputs.Count == 1 ? "Depth" : $"Depth{input + 1}");

    /// <summary>The first term whose arranged rows serve a term too: the same input, and depth starting alike in the stored rows.</summary>
    private int ArrangementOf(int input, int weight)
    {
        var pairs = _terms.Select(t => (t.Term.Input, t.Term.Weight)).Distinct().ToList();
        return pairs.FindIndex(p => p.Input == input && (p.Weight == weight || IsPlain(p.Weight) && IsPlain(weight)));
    }

    /// <summary>Whether depth begins where stored rows begin, whatever the batch.</summary>
    private bool IsPlain(int weight) =>
        operation.Weights[weight] is { Offset: 0, DepthStride: 1 } && operation.Batch == 1;

    public Scheduled Make()
    {
        AddParameters();
        Procedure blocks = Blocks(out int scratch);
        var body = new Body();
        WriteEntry(body, blocks);
        var entry = new Procedure(operation.Name, "", _parameters.Names, body.Statements, IsWidening: true);
        var sizes = new List<Size> { new("Columns", operation.Columns) };
        if (operation.Batch > 1) sizes.Add(new("Batch", operation.Batch));
        for (int i = 0; i < operation.Inputs.Count; i++) sizes.Add(new(DepthName(i).Text, operation.Inputs[i].Depth));
        sizes.Add(new("MostFew", MostFew));
        sizes.Add(new("BlockColumns", BlockColumns));
        if (TurnsRows)
        {
            sizes.Add(new("MostTurned", MostTurned));
            sizes.Add(new("TurnedColumns", TurnedColumns));
            sizes.Add(new("Strip", Strip));
        }

        sizes.Add(new("RowTile", RowTile));
        sizes.Add(new("DepthTile", DepthTile));
        string batch = operation.Batch > 1 ? $", {operation.Batch} side by side" : "";
        string depths = string.Join(" and ", operation.Inputs.Select(i => i.Depth).Distinct());
        string comment =
            $"{operation.Equation}\n{operation.Columns} columns of depth {depths}{batch}. Workers share blocks of columns: up to {MostFew} rows stream the weights,\n" +
            (TurnsRows ? $"up to {MostTurned} are turned and meet strips of {Strip} columns, " : "") +
            $"more rows pass panels of two vectors × {(KeepsPanels ? "the depth" : DepthTile.ToString())} in register tiles of 6 rows.";
        var kernel = new Kernel(comment, sizes.ToEquatable(), entry, new[] { blocks }.ToEquatable(), _parameters.Formats);
        return new(kernel, _parameters.Parameters, scratch);
    }

    private void AddParameters()
    {
        if (operation.Rows == RowSource.Listed)
        {
            _rows = _parameters.Add(Kind.Integers, "rows");
            _count = _parameters.Add(Kind.Integer, "count");
        }

        if (operation.Rows == RowSource.Experts) _groups = _parameters.Add(Kind.Groups, "groups");
        foreach (ContractionInput _ in operation.Inputs)
            _inputs.Add(operation.Rows == RowSource.Keys ? _parameters.Add(Kind.Cache, "cache") : _parameters.Add(Kind.Floats, "x"));
        foreach (ContractionWeight _ in operation.Weights) _weights.Add(_parameters.Add(Kind.Weight, "weight"));
        foreach (ContractionExtra _ in operation.Extras) _extras.Add(_parameters.Add(Kind.Floats, "extra"));
        _output = _parameters.Add(Kind.Floats, "y");
    }

    /// <summary>Splits the work, and hands each segment of rows that has the same weights to <paramref name="blocks"/>.</summary>
    private void WriteEntry(Body body, Procedure blocks)
    {
        switch (operation.Rows)
        {
            case RowSource.Keys:
                body.For("sequence", 0, Step.Field("Sequences", Kind.Integer), (inner, sequence) =>
                {
                    Name range = inner.Let("range", Step.Field("Ranges", Kind.Range)[sequence]);
                    Expression length = range.Field("Length", Kind.Integer);
                    Deal(inner, length, (portion, from, to) =>
                    {
                        Expression[] rest = [0, length, from, to, range.Field("Slot", Kind.Integer), range.Field("FirstKey", Kind.Integer)];
                        portion.Run(blocks, [.. _parameters.Names, .. rest]);
                    });
                });
                break;
            case RowSource.Experts:
                WriteExperts(body, blocks);
                break;
            default:
                Expression rows = operation.Rows == RowSource.Listed ? _count! : Tokens;
                Deal(body, rows, (inner, from, to) => inner.Run(blocks, [.. _parameters.Names, 0, rows, from, to]));
                break;
        }
    }

    /// <summary>Deals blocks of columns out: all of a worker's at once where it begins with turning many rows.</summary>
    private void Deal(Body body, Expression rows, Action<Body, Name, Name> portion)
    {
        Name width = body.Let("width", Width(rows));
        Expression count = (operation.Batch > 1 ? s_batch : (Expression)1) * BlocksOf(width);
        if (!TurnsRows)
        {
            body.Deal(count, 1, portion);
            return;
        }

        Name blockCount = body.Let("blockCount", count);
        body.Deal(blockCount, new Conditional((rows > s_mostFew) & (rows <= s_mostTurned), blockCount, 1), portion);
    }

    /// <summary>Columns of a block: the same for whoever asks about the same rows.</summary>
    private Expression Width(Expression rows)
    {
        Expression many = TurnsRows ? new Conditional(rows <= s_mostTurned, s_turnedColumns, 2 * Lanes) : 2 * Lanes;
        return new Conditional(rows <= s_mostFew, s_blockColumns, many);
    }

    private static Expression BlocksOf(Expression width) => Build.Blocks(s_columns, width);

    /// <summary>Each worker takes a stretch of the whole cost: of a decoding step's few experts as of a prefill's uneven ones.</summary>
    private void WriteExperts(Body body, Procedure blocks)
    {
        Expression offsets = _groups!.Field("Offsets", Kind.Integers), experts = _groups!.Field("Experts", Kind.Integer);
        (Name Rows, Name Count, Name Cost) Segment(Body inner, Expression expert)
        {
            Name rows = inner.Let("rows", offsets[expert + 1] - offsets[expert]);
            inner.If(rows.Is(0), empty => empty.Next());
            Name width = inner.Let("width", Width(rows));
            Name count = inner.Let("count", (operation.Batch > 1 ? s_batch : (Expression)1) * BlocksOf(width));
            return (rows, count, inner.Let("cost", (rows + s_mostFew) * (width / 8)));
        }

        Name total = body.Let("total", 0);
        body.For("expert", 0, experts, (inner, expert) =>
        {
            (_, Name count, Name cost) = Segment(inner, expert);
            inner.Set(total, total + count * cost);
        });
        body.Deal(total, 1, (portion, from, to) =>
        {
            Name at = portion.Let("at", 0);
            portion.For("expert", 0, experts, (inner, expert) =>
            {
                (_, Name count, Name cost) = Segment(inner, expert);
                Name firstBlock = inner.Let("firstBlock", Min(count, (Max(0, from - at) + cost - 1) / cost));
                Name endBlock = inner.Let("endBlock", Min(count, (Max(0, to - at) + cost - 1) / cost));
                inner.Set(at, at + count * cost);
                inner.If(endBlock <= firstBlock, none => none.Next());
                Expression[] parameters = [.. _parameters.Names.Select(p => p.Kind == Kind.Weight ? p + expert : (Expression)p)];
                inner.Run(blocks, [.. parameters, offsets[expert], offsets[expert + 1], firstBlock, endBlock]);
            });
        });
    }

    /// <summary>The procedure that carries blocks of columns out for rows <c>first</c> up to <c>end</c>.</summary>
    private Procedure Blocks(out int scratch)
    {
        var body = new Body();
        int accumulators = operation.Accumulators.Count;
        int arranged = MostFew * Arrangements.Sum(a => operation.Inputs[a.Input].Depth);
        int panels = PanelColumns * (KeepsPanels ? _terms.Sum(t => Depth(t.Term)) : DepthTile);
        int turned = TurnsRows
            ? MostTurned * operation.Inputs.Sum(i => i.Depth) + Strip * (operation.Inputs.Max(i => i.Depth) + Gap)
            : 0;
        int tiles = Math.Max(Math.Max(arranged, turned), panels);

        Name[] rowPlaces = [.. _inputs.Select(input => body.Reserve(input.Text + "Rows", RowTile, Kind.Rows))];
        Name sums = body.Reserve("sums", accumulators * RowTile * PanelColumns);
        Name tilesPlace = body.Reserve("tiles", tiles);
        scratch = body.ReservedBytes;
        Name few = body.Let("few", s_end - s_first <= s_mostFew);
        Name width = body.Let("width", Width(s_end - s_first));
        Name blocks = body.Let("blocks", BlocksOf(width));
        body.For("block", s_from, s_to, (inBlock, block) =>
        {
            Expression batch = operation.Batch > 1 ? inBlock.Let("batch", block / blocks) : 0;
            Name column = inBlock.Let("column", block % blocks * width);
            Name columns = inBlock.Let("columns", Min(width, s_columns - column));
            Name[] matrices = [.. operation.Weights.Select((w, i) => inBlock.Let(_weights[i].Text + "View", View(_weights[i], w, batch)))];
            inBlock.For("row", s_first, s_end, s_rowTile, (inRows, row) =>
            {
                Name rows = inRows.Let("rowCount", Min(s_rowTile, s_end - row));
                inRows.For("i", 0, rows, (each, i) =>
                {
                    for (int k = 0; k < rowPlaces.Length; k++) each.Set(rowPlaces[k][i], InputRow(k, row + i, batch));
                });
                inRows.Tile(TileOperation.Clear, sums, accumulators * rows * width);
                void Panels(Body inner) => WritePanels(inner, row, column, columns, rows, width, rowPlaces, matrices, sums, tilesPlace);
                inRows.If(
                    few,
                    then => WriteFew(then, block, column, columns, rows, width, rowPlaces, matrices, sums, tilesPlace),
                    otherwise =>
                    {
                        if (!TurnsRows)
                        {
                            Panels(otherwise);
                            return;
                        }

                        otherwise.If(
                            s_end - s_first <= s_mostTurned,
                            then => WriteTurned(then, block, column, columns, rows, width, rowPlaces, matrices, sums, tilesPlace),
                            Panels);
                    });
                WriteEpilogue(inRows, batch, row, rows, column, columns, width, sums);
            });
        });

        EquatableArray<Name> parameters = Concat(_parameters.Names, [s_first, s_end, s_from, s_to]);
        if (operation.Rows == RowSource.Keys) parameters = Concat(parameters, [s_slot, s_firstKey]);
        return new(operation.Name + "Blocks", "Rows first up to end, blocks of columns from up to to.", parameters, body.Statements, IsWidening: true);
    }

    private static EquatableArray<Name> Concat(EquatableArray<Name> names, Name[] more) => names.Concat(more).ToEquatable();

    private Expression View(Name weight, ContractionWeight view, Expression batch)
    {
        Expression offset = batch * view.BatchStride + view.Offset;
        return view.Block >= operation.Columns
            ? Build.Make(Kind.Matrix, Function.View, weight, offset, view.ColumnStride, view.DepthStride)
            : Build.Make(Kind.Matrix, Function.View, weight, offset, view.ColumnStride, view.DepthStride, view.Block, view.BlockStride);
    }

    private Expression InputRow(int input, Expression row, Expression batch)
    {
        ContractionInput declared = operation.Inputs[input];
        Expression index = !declared.Indexed ? row : operation.Rows == RowSource.Listed
            ? _rows![row]
            : _groups!.Field("Pairs", Kind.Integers)[row] / _groups!.Field("Chosen", Kind.Integer);
        Expression within = batch * declared.Layout.RepeatStride + declared.Layout.Offset;
        Expression data = operation.Rows == RowSource.Keys
            ? _inputs[input].Field("Data", Kind.Floats) + s_slot * _inputs[input].Field("SlotStride", Kind.Long)
            : _inputs[input];
        return data + Long(index) * declared.Layout.RowStride + within;
    }

    private void WriteEpilogue(Body body, Expression batch, Name row, Name rows, Name column, Name columns, Name width, Name sums)
    {
        body.For("i", 0, rows, (each, i) =>
        {
            Expression Place(Name data, Layout layout, Expression index) =>
                data + Long(index) * layout.RowStride + (batch * layout.RepeatStride + layout.Offset);
            Expression own = operation.Rows == RowSource.Keys ? s_firstKey + row + i : row + i;
            Name output = each.Let("outputRow", Place(_output, operation.Output, own) + column, Kind.Floats);
            var extras = new List<Expression>();
            for (int k = 0; k < operation.Extras.Count; k++)
            {
                ContractionExtra extra = operation.Extras[k];
                Expression index = !extra.Indexed ? own
                    : operation.Rows == RowSource.Listed ? _rows![row + i] : _groups!.Field("Pairs", Kind.Integers)[row + i];
                Expression place = Place(_extras[k], extra.Layout, index);
                extras.Add(extra.PerRow
                    ? each.Let(_extras[k].Text + "Here", new Element(Kind.Float, place, 0))
                    : each.Let(_extras[k].Text + "Row", place + column, Kind.Floats));
            }

            each.For("c", 0, columns, Lanes, (inner, c) =>
            {
                Name lanes = inner.Let("lanes", Min(Lanes, columns - c));
                List<Expression> arguments = [.. Enumerable.Range(0, operation.Accumulators.Count).Select(a =>
                    inner.Let(operation.Accumulators.Count == 1 ? "sum" : $"sum{a + 1}", Load(sums + (a * rows + i) * width + c, lanes)))];
                for (int k = 0; k < extras.Count; k++)
                    arguments.Add(operation.Extras[k].PerRow ? extras[k] : inner.Let(_extras[k].Text + "Lanes", Load(extras[k] + c, lanes)));
                inner.Store(output + c, ScalarCode.InLanes(operation.Epilogue, arguments, each), lanes);
            });
        });
    }
}
