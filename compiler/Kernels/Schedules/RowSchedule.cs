using System.Collections.Generic;
using System.Linq;
using Sinter.Compiler.Graph;
using Sinter.Compiler.Kernels.Loops;
using Sinter.Compiler.Operations;
using static Sinter.Compiler.Kernels.Loops.Build;

namespace Sinter.Compiler.Kernels.Schedules;

/// <summary>Row operations: a worker takes its tokens; lanes run along the row, once for every round of reductions and once for the outputs.</summary>
internal sealed class RowSchedule(RowOperation operation)
{
    /// <summary>No target has longer vectors: rows of a multiple of this many numbers have no ragged end.</summary>
    private const int MostLanes = 16;

    private static readonly Name s_width = new(Kind.Integer, "Width");
    private readonly ParameterNames _parameters = new();
    private readonly List<(Name Data, Name? Index)> _inputs = [];
    private readonly List<Name> _outputs = [];

    /// <summary>Where an input's chosen numbers are brought together.</summary>
    private readonly List<Name?> _taken = [];

    private bool IsRagged => operation.Width % MostLanes != 0;

    public Scheduled Make()
    {
        foreach (RowInput input in operation.Inputs) _inputs.Add(Parameters(_parameters, input.Kind));
        foreach (RowOutput output in operation.Outputs)
            _outputs.Add(output.Target == RowTarget.Cache ? _parameters.Add(Kind.Cache, "cache") : _parameters.Add(Kind.Floats, "y"));

        var body = new Body();
        for (int i = 0; i < _inputs.Count; i++)
            _taken.Add(operation.Inputs[i].Kind == RowInputKind.Taken ? body.Reserve(_inputs[i].Data.Text + "Taken", operation.Width) : null);
        body.Share(Tokens, out Name from, out Name to);
        body.For("token", from, to, (inToken, token) =>
        {
            if (operation.Repeats == 1) WriteRow(inToken, token, 0);
            else inToken.For("repeat", 0, operation.Repeats, (inRow, repeat) => WriteRow(inRow, token, repeat));
        });

        string repeats = operation.Repeats == 1 ? "" : $", {operation.Repeats} rows a token";
        var entry = new Procedure(operation.Name, "", _parameters.Names, body.Statements, _parameters.Formats is not null);
        var kernel = new Kernel(
            $"{operation.Equation}\nRows of {operation.Width}{repeats}; workers share the tokens, lanes run along the row.",
            new[] { new Size("Width", operation.Width) }.ToEquatable(), entry, default, _parameters.Formats);
        return new(kernel, _parameters.Parameters, body.ReservedBytes);
    }

    /// <summary>An input's parameters: its data, and an index where it has one.</summary>
    public static (Name Data, Name? Index) Parameters(ParameterNames names, RowInputKind kind) => kind switch
    {
        RowInputKind.PerRow => (names.Add(Kind.Floats, "scale"), null),
        RowInputKind.Vector => (names.Add(Kind.Weight, "weight"), null),
        RowInputKind.TableRow => (names.Add(Kind.Weight, "table"), names.Add(Kind.Integers, "index")),
        RowInputKind.Taken => (names.Add(Kind.Floats, "x"), names.Add(Kind.Integers, "index")),
        RowInputKind.GatheredSum => (names.Add(Kind.Floats, "x"), names.Add(Kind.Integers, "rank")),
        RowInputKind.Rotated => (names.Add(Kind.Floats, "x"), names.Add(Kind.Floats, "rotations")),
        _ => (names.Add(Kind.Floats, "x"), null),
    };

    private void WriteRow(Body body, Name token, Expression repeat)
    {
        Expression[] rows = [.. operation.Inputs.Select((input, i) => Row(body, input, i, token, repeat))];
        var results = new List<Expression>();
        int done = 0;
        while (done < operation.Reductions.Count)
        {
            // Reductions that do not use each other share a pass over the row.
            int end = done + 1;
            while (end < operation.Reductions.Count && IsFree(operation.Reductions[end], done)) end++;
            WriteReductions(body, token, rows, results, done, end);
            done = end;
        }

        Expression[] places = [.. operation.Outputs.Select((output, i) => Place(body, output, _outputs[i], token, repeat))];
        for (int i = 0; i < places.Length; i++)
        {
            if (!IsNumber(operation.Outputs[i])) continue;
            Expression[] arguments = [.. rows.Select((_, k) => Number(k, rows, token)), .. results];
            body.Set(places[i][0], ScalarCode.AsNumber(operation.Outputs[i].Value, arguments));
        }

        var wide = Enumerable.Range(0, places.Length).Where(i => !IsNumber(operation.Outputs[i])).ToList();
        if (wide.Count == 0) return;
        Loop(body, token, rows, results, wide.Select(i => operation.Outputs[i].Value), (inner, values, column, lanes) =>
        {
            for (int i = 0; i < wide.Count; i++) inner.Store(places[wide[i]] + column, values[i], lanes);
        });
    }

    private bool IsFree(RowReduction reduction, int firstOfRound) =>
        ScalarCode.Arguments(reduction.Value).All(a => a < operation.Inputs.Count + firstOfRound);

    private bool IsNumber(RowOutput output) => output.Target == RowTarget.PerRow || operation.Width == 1;

    /// <summary>Where an input's row stands; for numbers that hold for the whole row, the number.</summary>
    private Expression Row(Body body, RowInput input, int number, Name token, Expression repeat)
    {
        (Name Data, Name? Index) source = _inputs[number];
        Expression within = repeat * input.Layout.RepeatStride + input.Layout.Offset;
        switch (input.Kind)
        {
            case RowInputKind.Vector:
                return within;
            case RowInputKind.TableRow:
                return body.Let(source.Data.Text + "Row", Long(source.Index![token]) * source.Data.Field("Columns", Kind.Integer) + within, Kind.Long);
            case RowInputKind.GatheredSum:
                return source.Data + within;
        }

        Expression place = source.Data + Long(token) * input.Layout.RowStride + within;
        if (input.Kind == RowInputKind.PerRow) return body.Let(source.Data.Text + "Here", place is Name ? place[0] : source.Data[Long(token) * input.Layout.RowStride + within]);
        Name row = body.Let(source.Data.Text + "Row", place, Kind.Floats);
        if (_taken[number] is not { } taken) return row;
        body.For("i", 0, s_width, (inner, i) => inner.Set(taken[i], row[source.Index![token * s_width + i]]));
        return taken;
    }

    private static Expression Place(Body body, RowOutput output, Name data, Name token, Expression repeat)
    {
        Expression within = repeat * output.Layout.RepeatStride + output.Layout.Offset;
        if (output.Target != RowTarget.Cache)
            return body.Let(data.Text + "Row", data + Long(token) * output.Layout.RowStride + within, Kind.Floats);
        Expression slot = Step.Field("Ranges", Kind.Range)[Step.Field("RangeOf", Kind.Integers)[token]].Field("Slot", Kind.Integer);
        Expression position = Step.Field("Positions", Kind.Integers)[token];
        return body.Let(
            data.Text + "Row",
            data.Field("Data", Kind.Floats) + slot * data.Field("SlotStride", Kind.Long) + Long(position) * output.Layout.RowStride + within,
            Kind.Floats);
    }

    private void WriteReductions(Body body, Name token, Expression[] rows, List<Expression> results, int from, int end)
    {
        var sums = new List<Name>();
        for (int i = from; i < end; i++)
        {
            Reduction kind = operation.Reductions[i].Reduction;
            sums.Add(body.Let((kind == Reduction.Max ? "largest" : "sum") + i, All(kind == Reduction.Max ? new Real(double.NegativeInfinity) : Zero)));
        }

        IEnumerable<Scalar> values = operation.Reductions.Skip(from).Take(end - from).Select(r => r.Value);
        Loop(body, token, rows, results.ToList(), values, (inner, lanesOf, column, lanes) =>
        {
            for (int i = from; i < end; i++)
            {
                bool isMax = operation.Reductions[i].Reduction == Reduction.Max;
                Name sum = sums[i - from];
                Expression value = lanesOf[i - from];
                if (IsRagged) value = First(value, lanes, All(isMax ? new Real(double.NegativeInfinity) : Zero));
                inner.Set(sum, isMax ? Max(sum, value)
                    : value is Arithmetic { Operator: Operator.Multiply } product ? Build.Make(Kind.Lanes, Function.Fma, product.Left, product.Right, sum)
                    : sum + value);
            }
        });

        for (int i = from; i < end; i++)
        {
            Name sum = sums[i - from];
            results.Add(operation.Reductions[i].Reduction switch
            {
                Reduction.Max => body.Let("max" + i, Largest(sum)),
                Reduction.Mean => body.Let("mean" + i, Sum(sum) / new Real(operation.Width)),
                _ => body.Let("total" + i, Sum(sum)),
            });
        }
    }

    private delegate void InLoop(Body body, IReadOnlyList<Expression> values, Expression column, Expression lanes);

    /// <summary>One pass over the row, in lanes.</summary>
    private void Loop(Body body, Name token, Expression[] rows, List<Expression> results, IEnumerable<Scalar> functions, InLoop write)
    {
        Scalar[] values = [.. functions];
        var used = new HashSet<int>(values.SelectMany(ScalarCode.Arguments));
        body.For("column", 0, s_width, Lanes, (inner, column) =>
        {
            Name lanes = inner.Let("lanes", LanesLeft(s_width, column));
            Expression[] arguments = [.. rows.Select((row, i) => used.Contains(i) ? Argument(inner, i, row, token, column, lanes) : row), .. results];
            write(inner, [.. values.Select(value => ScalarCode.InLanes(value, arguments, body))], column, lanes);
        });
    }

    private Expression Argument(Body body, int input, Expression row, Name token, Expression column, Expression lanes)
    {
        (Name data, Name? index) = _inputs[input];
        string name = data.Text + "Lanes";
        switch (operation.Inputs[input].Kind)
        {
            case RowInputKind.PerRow:
                return row;
            case RowInputKind.Vector or RowInputKind.TableRow:
                return body.Let(name, Build.Make(Kind.Lanes, Function.WidenLanes, data, row + column, lanes));
            case RowInputKind.Rotated:
                Expression rotation = Load(index! + Long(Step.Field("Positions", Kind.Integers)[token]) * s_width + column, lanes);
                return body.Let(name, Build.Make(Kind.Lanes, Function.RotatePairs, Load(row + column, lanes), rotation));
            case RowInputKind.GatheredSum:
                RowInput gathered = operation.Inputs[input];
                Name sum = body.Let(name, All(Zero));
                body.For("i", 0, gathered.Count, (inner, i) => inner.Set(
                    sum, sum + Load(row + Long(index![token * gathered.Count + i]) * gathered.Layout.RowStride + column, lanes)));
                return sum;
            default:
                return body.Let(name, Load(row + column, lanes));
        }
    }

    /// <summary>An input's first number.</summary>
    private Expression Number(int input, Expression[] rows, Name token)
    {
        if (operation.Inputs[input].Kind == RowInputKind.PerRow) return rows[input];
        (Name data, Name? index) = _inputs[input];
        return operation.Inputs[input].Kind switch
        {
            RowInputKind.Vector or RowInputKind.TableRow => Sum(Build.Make(Kind.Lanes, Function.WidenLanes, data, rows[input], 1)),
            RowInputKind.GatheredSum => Enumerable.Range(0, operation.Inputs[input].Count).Select(i =>
                (rows[input] + Long(index![token * operation.Inputs[input].Count + i]) * operation.Inputs[input].Layout.RowStride)[0]).Aggregate((a, b) => a + b),
            _ => rows[input][0],
        };
    }
}
