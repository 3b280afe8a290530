using System.Collections.Generic;
using System.Linq;
using Sinter.Compiler.Graph;
using Sinter.Compiler.Kernels.Loops;
using Sinter.Compiler.Kernels.Schedules;
using Sinter.Compiler.Operations;
using static Sinter.Compiler.Kernels.Device.GroupCode;
using static Sinter.Compiler.Kernels.Loops.Build;

namespace Sinter.Compiler.Kernels.Device;

/// <summary>Row operations on a device: a group takes a row, its threads the columns in turn; reductions meet in the group's memory.</summary>
internal sealed class DeviceRowSchedule(RowOperation operation)
{
    private const int MostThreads = 256;
    private const int FewestThreads = 32;

    private static readonly Name s_width = new(Kind.Integer, "Width");
    private static readonly Name s_threads = new(Kind.Integer, "Threads");
    private static readonly Name s_repeat = new(Kind.Integer, "repeat");
    private static readonly Name s_token = new(Kind.Integer, "token");
    private readonly ParameterNames _parameters = new();
    private readonly List<(Name Data, Name? Index)> _inputs = [];
    private readonly List<Name> _outputs = [];

    private int GroupSize => System.Math.Max(FewestThreads, System.Math.Min(MostThreads, PowerOfTwo(operation.Width)));

    public DeviceScheduled Make()
    {
        foreach (RowInput input in operation.Inputs) _inputs.Add(RowSchedule.Parameters(_parameters, input.Kind));
        foreach (RowOutput output in operation.Outputs)
            _outputs.Add(output.Target == RowTarget.Cache ? _parameters.Add(Kind.Cache, "cache") : _parameters.Add(Kind.Floats, "y"));

        var body = new Body();
        body.Let(s_token.Text, GroupX);
        if (operation.Repeats > 1) body.Let(s_repeat.Text, GroupY);
        WriteRow(body);

        string repeats = operation.Repeats == 1 ? "" : $", {operation.Repeats} rows a token";
        var entry = new Procedure(operation.Name, "", _parameters.Names, body.Statements, _parameters.Formats is not null);
        var kernel = new Kernel(
            $"{operation.Equation}\nRows of {operation.Width}{repeats}; a group of {GroupSize} threads takes a row.",
            Sizes(("Width", operation.Width), ("Threads", GroupSize)), entry, default, _parameters.Formats);
        return new(new[] { new DeviceKernel(kernel, null, GroupSize, Tokens, operation.Repeats, 1) }.ToEquatable(), _parameters.Parameters);
    }

    private Expression Within(Layout layout) => (operation.Repeats > 1 ? s_repeat * layout.RepeatStride : 0) + layout.Offset;

    private void WriteRow(Body body)
    {
        Expression[] rows = [.. operation.Inputs.Select((input, i) => Row(body, input, i))];
        var results = new List<Expression>();
        // Each result has memory of its own: PoCL reads a number again where it is used, were the memory written anew by then.
        Name[] memory = [.. operation.Reductions.Select((_, i) => body.InGroup(operation.Reductions.Count == 1 ? "shared" : $"shared{i}", GroupSize))];
        int done = 0;
        while (done < operation.Reductions.Count)
        {
            // Reductions that do not use each other share a pass over the row.
            int end = done + 1;
            while (end < operation.Reductions.Count && IsFree(operation.Reductions[end], done)) end++;
            WriteReductions(body, rows, results, memory, done, end);
            done = end;
        }

        (Expression Data, Expression Place)[] places = [.. operation.Outputs.Select((output, i) => Place(body, output, _outputs[i]))];
        var single = Enumerable.Range(0, places.Length).Where(i => IsNumber(operation.Outputs[i])).ToList();
        var wide = Enumerable.Range(0, places.Length).Except(single).ToList();
        if (single.Count > 0)
        {
            body.If(Thread.Is(0), first => Write(first, rows, results, 0, single, places));
        }

        if (wide.Count == 0) return;
        body.For("column", Thread, s_width, s_threads, (inner, column) => Write(inner, rows, results, column, wide, places));
    }

    private void Write(
        Body body, Expression[] rows, List<Expression> results, Expression column, List<int> outputs, (Expression Data, Expression Place)[] places)
    {
        Expression[] arguments = Arguments(body, rows, results, column, outputs.Select(i => operation.Outputs[i].Value));
        foreach (int i in outputs)
            body.Set(places[i].Data[places[i].Place + column], ScalarCode.AsNumber(operation.Outputs[i].Value, arguments));
    }

    private bool IsFree(RowReduction reduction, int firstOfRound) =>
        ScalarCode.Arguments(reduction.Value).All(a => a < operation.Inputs.Count + firstOfRound);

    private bool IsNumber(RowOutput output) => output.Target == RowTarget.PerRow || operation.Width == 1;

    private void WriteReductions(Body body, Expression[] rows, List<Expression> results, Name[] memory, int from, int end)
    {
        var sums = new List<Name>();
        for (int i = from; i < end; i++) sums.Add(body.Let($"part{i}", Neutral(operation.Reductions[i].Reduction)));
        body.For("column", Thread, s_width, s_threads, (inner, column) =>
        {
            Expression[] arguments = Arguments(inner, rows, results, column, operation.Reductions.Skip(from).Take(end - from).Select(r => r.Value));
            for (int i = from; i < end; i++)
            {
                Name sum = sums[i - from];
                Expression value = ScalarCode.AsNumber(operation.Reductions[i].Value, arguments);
                inner.Set(sum, operation.Reductions[i].Reduction == Reduction.Max ? Max(sum, value) : sum + value);
            }
        });

        for (int i = from; i < end; i++)
        {
            Reduction kind = operation.Reductions[i].Reduction;
            Reduce(body, memory[i], sums[i - from], GroupSize, kind == Reduction.Max);
            results.Add(kind switch
            {
                Reduction.Max => body.Let($"max{i}", memory[i][0]),
                Reduction.Mean => body.Let($"mean{i}", memory[i][0] / new Real(operation.Width)),
                _ => body.Let($"total{i}", memory[i][0]),
            });
        }
    }

    /// <summary>Where an input's row begins in its data; for numbers that hold for the whole row, the number.</summary>
    private Expression Row(Body body, RowInput input, int number)
    {
        (Name data, Name? index) = _inputs[number];
        Expression within = Within(input.Layout);
        switch (input.Kind)
        {
            case RowInputKind.Vector or RowInputKind.GatheredSum:
                return within;
            case RowInputKind.TableRow:
                return body.Let(data.Text + "Row", index![s_token] * data.Field("Columns", Kind.Integer) + within);
            case RowInputKind.PerRow:
                return body.Let(data.Text + "Here", data[Long(s_token) * input.Layout.RowStride + within]);
            default:
                return body.Let(data.Text + "Row", Long(s_token) * input.Layout.RowStride + within);
        }
    }

    private (Expression Data, Expression Place) Place(Body body, RowOutput output, Name data)
    {
        Expression within = Within(output.Layout);
        if (output.Target != RowTarget.Cache) return (data, body.Let(data.Text + "Row", Long(s_token) * output.Layout.RowStride + within));
        Expression slot = Range(Step.Field("RangeOf", Kind.Integers)[s_token]).Field("Slot", Kind.Integer);
        Expression row = slot * data.Field("SlotStride", Kind.Long) + Long(Position(s_token)) * output.Layout.RowStride + within;
        return (data.Field("Data", Kind.Floats), body.Let(data.Text + "Row", row));
    }

    /// <summary>The numbers of the inputs that some functions use, at a column, then the reductions.</summary>
    private Expression[] Arguments(Body body, Expression[] rows, List<Expression> results, Expression column, IEnumerable<Scalar> functions)
    {
        var used = new HashSet<int>(functions.SelectMany(ScalarCode.Arguments));
        return [.. rows.Select((row, i) => used.Contains(i) ? Argument(body, i, row, column) : row), .. results];
    }

    private Expression Argument(Body body, int number, Expression row, Expression column)
    {
        RowInput input = operation.Inputs[number];
        (Name data, Name? index) = _inputs[number];
        string name = data.Text + "Value";
        switch (input.Kind)
        {
            case RowInputKind.PerRow:
                return row;
            case RowInputKind.Vector or RowInputKind.TableRow:
                return body.Let(name, Widen(data, row + column));
            case RowInputKind.Taken:
                return body.Let(name, data[row + index![s_token * s_width + column]]);
            case RowInputKind.GatheredSum:
                Name sum = body.Let(name, Zero);
                body.For("i", 0, input.Count, (inner, i) =>
                    inner.Set(sum, sum + data[Long(index![s_token * input.Count + i]) * input.Layout.RowStride + (row + column)]));
                return sum;
            case RowInputKind.Rotated:
                Name at = body.Let(data.Text + "Turn", Long(Position(s_token)) * s_width + (column - column % 2));
                Name own = body.Let(name, data[row + column]);
                Expression turned = new Conditional(
                    (column % 2).Is(0),
                    own * index![at] - data[row + column + 1] * index![at + 1],
                    data[row + column - 1] * index![at + 1] + own * index![at]);
                return body.Let(data.Text + "Turned", turned);
            default:
                return body.Let(name, data[row + column]);
        }
    }
}
