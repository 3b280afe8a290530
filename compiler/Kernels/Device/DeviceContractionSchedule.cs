using System.Collections.Generic;
using System.Linq;
using Sinter.Compiler.Kernels.Loops;
using Sinter.Compiler.Kernels.Schedules;
using Sinter.Compiler.Operations;
using static Sinter.Compiler.Kernels.Device.GroupCode;
using static Sinter.Compiler.Kernels.Loops.Build;

namespace Sinter.Compiler.Kernels.Device;

/// <summary>
/// Contractions on a device. Few rows (decoding): a group makes some columns of one row, its threads sharing the depth.
/// Many: tiles of rows × columns, staged in the group's memory, each thread with a register tile in named scalars, or on tensor cores.
/// </summary>
internal sealed partial class DeviceContractionSchedule(ContractionOperation operation, bool keepsActivations = false)
{
    /// <summary>Up to how many rows each streams the weights on its own account.</summary>
    private const int MostFew = 4;

    private static readonly Name s_columns = new(Kind.Integer, "Columns");
    private static readonly Name s_batch = new(Kind.Integer, "batch");
    private static readonly Name s_row = new(Kind.Integer, "row");
    private static readonly Name s_own = new(Kind.Integer, "ownRow");
    private static readonly Name s_column = new(Kind.Integer, "column");

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

    /// <summary>Whether all stored rows run along the depth; else neighbouring columns lie side by side.</summary>
    private bool RunsAlongDepth => operation.Weights.All(w => w.DepthStride == 1);

    public DeviceScheduled Make()
    {
        AddParameters();
        Procedure epilogue = Epilogue();
        var kernels = new List<DeviceKernel>();
        if (operation.Rows != RowSource.Keys) kernels.Add(Few(epilogue));
        if (FitsTensorCores) kernels.Add(OnTensorCores(epilogue));
        kernels.Add(Tiled(epilogue));
        return new(kernels.ToEquatable(), _parameters.Parameters);
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

    private Name DepthName(int input) => new(Kind.Integer, operation.Inputs.Count == 1 ? "Depth" : $"Depth{input + 1}");

    private IEnumerable<(string, int)> Depths => operation.Inputs.Select((input, i) => (DepthName(i).Text, input.Depth));

    /// <summary>How many rows there are, known before the launch: of experts all their rows together.</summary>
    private Expression RowCount => operation.Rows switch
    {
        RowSource.Listed => _count!,
        RowSource.Experts => Tokens * _groups!.Field("Chosen", Kind.Integer),
        RowSource.Keys => LongestLength,
        _ => Tokens,
    };

    private Expression BatchOf(Expression groups, int blocks) => operation.Batch == 1 ? 0 : groups / blocks;

    /// <summary>The step's row behind a row of this kernel: an indexed input's.</summary>
    private Expression Indexed(Expression row) => operation.Rows == RowSource.Listed
        ? _rows![row]
        : _groups!.Field("Pairs", Kind.Integers)[row] / _groups!.Field("Chosen", Kind.Integer);

    /// <summary>Where a row of an input begins.</summary>
    private Expression InputRow(int input, Expression row, Expression? slot)
    {
        Layout layout = operation.Inputs[input].Layout;
        Expression place = Long(row) * layout.RowStride + (Batch * layout.RepeatStride + layout.Offset);
        return slot is null ? place : slot * _inputs[input].Field("SlotStride", Kind.Long) + place;
    }

    private Expression Batch => operation.Batch == 1 ? 0 : s_batch;

    private Expression Data(int input) => operation.Rows == RowSource.Keys ? _inputs[input].Field("Data", Kind.Floats) : _inputs[input];

    /// <summary>The element at a column of a stored matrix and depth zero.</summary>
    private Expression Element(int weight, Expression column)
    {
        ContractionWeight view = operation.Weights[weight];
        Expression start = Batch * view.BatchStride + view.Offset;
        return view.Block >= operation.Columns
            ? start + column * view.ColumnStride
            : start + (column / view.Block * view.BlockStride + column % view.Block * view.ColumnStride);
    }

    /// <summary>The weights that this group works with: of experts, the one's whose row it is.</summary>
    private Expression[] WeightsOf(Body body, Expression? expert) => [.. _weights.Select(weight => expert is null
        ? (Expression)weight
        : body.Let(weight.Text + "Here", Build.Make(Kind.Weight, Function.OfExpert, weight, expert)))];

    /// <summary>What is made of the sums of a row and column, and where it goes.</summary>
    private Procedure Epilogue()
    {
        Name[] sums = [.. Enumerable.Range(0, operation.Accumulators.Count).Select(Sum)];
        var body = new Body();
        Expression Place(Layout layout, Expression row) => Long(row) * layout.RowStride + (Batch * layout.RepeatStride + layout.Offset);
        List<Expression> arguments = [.. sums];
        for (int k = 0; k < operation.Extras.Count; k++)
        {
            ContractionExtra extra = operation.Extras[k];
            Expression row = !extra.Indexed ? s_own
                : operation.Rows == RowSource.Listed ? _rows![s_row] : _groups!.Field("Pairs", Kind.Integers)[s_row];
            Expression place = Place(extra.Layout, row);
            arguments.Add(body.Let(_extras[k].Text + "Here", _extras[k][extra.PerRow ? place : place + s_column]));
        }

        body.Set(_output[Place(operation.Output, s_own) + s_column], ScalarCode.AsNumber(operation.Epilogue, arguments));
        List<Name> parameters = [.. _extras, _output, s_row, s_own, s_column, .. sums];
        if (operation.Batch > 1) parameters.Insert(0, s_batch);
        if (_rows is not null) parameters.Insert(0, _rows);
        if (_groups is not null) parameters.Insert(0, _groups);
        return new(operation.Name + "Store", "", parameters.ToEquatable(), body.Statements, IsWidening: false);
    }

    private Name Sum(int accumulator) => new(Kind.Float, operation.Accumulators.Count == 1 ? "sum" : $"sum{accumulator + 1}");

    private void Store(Body body, Procedure epilogue, Expression row, Expression own, Expression column, Expression[] sums) =>
        body.Run(epilogue, StoreArguments(row, own, column, sums));

    private Expression[] StoreArguments(Expression row, Expression own, Expression column, Expression[] sums)
    {
        List<Expression> arguments = [.. _extras, _output, row, own, column, .. sums];
        if (operation.Batch > 1) arguments.Insert(0, s_batch);
        if (_rows is not null) arguments.Insert(0, _rows);
        if (_groups is not null) arguments.Insert(0, _groups);
        return [.. arguments];
    }
}
