using System.Collections.Generic;
using System.Linq;
using Sinter.Compiler.Graph;
using Sinter.Compiler.Kernels.Loops;
using Sinter.Compiler.Operations.Training;
using static Sinter.Compiler.Kernels.Loops.Build;

namespace Sinter.Compiler.Kernels.Schedules;

/// <summary>
/// A nest of loops for whatever has no schedule of its own. Workers share the first axis of the result, or blocks of columns
/// where it has one axis only; lanes run where all inputs lie side by side, else numbers are taken one by one.
/// </summary>
internal sealed class NestSchedule(NestOperation operation)
{
    /// <summary>No target has longer vectors: blocks of this many columns have no ragged end but the last.</summary>
    private const int MostLanes = 16;

    private readonly ParameterNames _parameters = new();
    private readonly List<(Name Data, Name? Second)> _inputs = [];
    private readonly int _axes = operation.Sizes.Count - operation.Reduced;
    private readonly int _lanesAxis = LanesAxis(operation);
    private Name _output = new(Kind.Floats, "y");

    /// <summary>Whether lanes are added up at the end, running along a reduced axis.</summary>
    private bool SumsLanes => _lanesAxis >= _axes;

    public Scheduled Make()
    {
        foreach (NestInput input in operation.Inputs) _inputs.Add(Parameters(input));
        _output = _parameters.Add(Kind.Floats, "y");
        var body = new Body();
        var indices = new Expression[operation.Sizes.Count];
        if (_axes == 0)
        {
            body.If(Worker.Field("Index", Kind.Integer) > 0, inner => inner.Leave());
            Write(body, indices);
        }
        else if (_axes == 1 && _lanesAxis == 0 && !operation.SharesTokens)
        {
            body.Share(Blocks(Size(0), MostLanes), out Name from, out Name to);
            LanesLoop(body, indices, from * MostLanes, Min(Size(0), to * MostLanes));
        }
        else
        {
            body.Share(Size(0), out Name from, out Name to);
            if (_lanesAxis == 0) LanesLoop(body, indices, from, to, isShare: true);
            else body.For("i0", from, to, (inner, i) => Outer(inner, indices, 0, i));
        }

        var entry = new Procedure(operation.Name, "", _parameters.Names, body.Statements, IsWidening: false);
        return new(new Kernel(operation.Equation, default, entry, default, null), _parameters.Parameters, 0);
    }

    /// <summary>The innermost reduced axis, or the last of the result, if lanes can run along it; else -1.</summary>
    private static int LanesAxis(NestOperation operation)
    {
        int axes = operation.Sizes.Count - operation.Reduced, last = operation.Sizes.Count - 1;
        bool Fits(int axis) => axis >= 0 && operation.Inputs.All(input => FitsLanes(input, axis, operation));
        if (operation.Reduced > 0 && Fits(last)) return last;
        bool isEven = axes > 0 && operation.Output.Strides[axes - 1] == Stride.One;
        return isEven && Fits(axes - 1) ? axes - 1 : -1;
    }

    private static bool FitsLanes(NestInput input, int axis, NestOperation operation)
    {
        bool IsSame(Place place) => place.Strides[axis] == Stride.None;
        return input switch
        {
            NumberInput number => IsSame(number.Place) || number.Place.Strides[axis] == Stride.One,
            TakenInput taken => IsSame(taken.Index) && (IsSame(taken.Place) || taken.Place.Strides[axis] == Stride.One),
            HotInput hot => IsSame(hot.Index),
            MaskInput mask => mask.KeyAxis == axis,
            RotatedInput => axis == operation.Sizes.Count - 1,
            _ => false,
        };
    }

    private (Name, Name?) Parameters(NestInput input) => input switch
    {
        TakenInput => (_parameters.Add(Kind.Floats, "x"), _parameters.Add(Kind.Integers, "index")),
        HotInput => (_parameters.Add(Kind.Integers, "index"), null),
        RotatedInput => (_parameters.Add(Kind.Floats, "x"), _parameters.Add(Kind.Floats, "rotations")),
        MaskInput => (_parameters.Add(Kind.Integers, "begins"), null),
        _ => (_parameters.Add(Kind.Floats, "x"), null),
    };

    private Expression Size(int axis) => operation.Sizes[axis] > 0 ? operation.Sizes[axis] : Tokens;

    /// <summary>The loops over the result's axes, those along lanes last.</summary>
    private void Outer(Body body, Expression[] indices, int axis, Expression index)
    {
        indices[axis] = index;
        int next = axis + 1;
        if (next == _axes) Write(body, indices);
        else if (next == _lanesAxis) LanesLoop(body, indices, 0, Size(next));
        else body.For($"i{next}", 0, Size(next), (inner, i) => Outer(inner, indices, next, i));
    }

    /// <summary>Lanes along the last axis of the result.</summary>
    /// <param name="isShare">Whether they begin where a worker's share does, which need not be where a vector would.</param>
    private void LanesLoop(Body body, Expression[] indices, Expression from, Expression to, bool isShare = false)
    {
        body.For("column", from, to, Lanes, (inner, column) =>
        {
            indices[_lanesAxis] = column;
            Name lanes = inner.Let("lanes", isShare ? Min(Lanes, to - column) : LanesLeft(to, column));
            Expression place = _output + At(operation.Output, indices);
            if (operation.Reduced == 0)
            {
                Store(inner, place, Finish(Evaluate(inner, body, indices, lanes), body), lanes);
                return;
            }

            Name sum = inner.Let("sum", All(Start));
            Reduced(inner, indices, _axes, (innermost, _) => innermost.Set(sum, Join(sum, Evaluate(innermost, innermost, indices, lanes))));
            Store(inner, place, Finish(sum, body), lanes);
        });
    }

    private void Store(Body body, Expression place, Expression value, Expression lanes) =>
        body.Store(place, operation.Adds ? Load(place, lanes) + value : value, lanes);

    /// <summary>One number of the result.</summary>
    private void Write(Body body, Expression[] indices)
    {
        Expression value;
        if (operation.Reduced == 0)
        {
            value = Evaluate(body, body, indices, null);
        }
        else if (SumsLanes)
        {
            Name sum = body.Let("lanesSum", All(Start));
            Reduced(body, indices, _axes, (inner, before) => inner.For("column", 0, Size(_lanesAxis), Lanes, (along, column) =>
            {
                indices[_lanesAxis] = column;
                Name lanes = along.Let("lanes", LanesLeft(Size(_lanesAxis), column));
                Expression part = Evaluate(along, inner, indices, lanes);
                int size = operation.Sizes[_lanesAxis];
                if (size == 0 || size % MostLanes != 0) part = First(part, lanes, All(Start));
                along.Set(sum, Join(sum, part));
            }), stop: _lanesAxis);
            value = operation.Reduction == Reduction.Max ? Largest(sum) : Sum(sum);
        }
        else
        {
            Name sum = body.Let("sum", Start);
            Reduced(body, indices, _axes, (inner, _) => inner.Set(sum, Join(sum, Evaluate(inner, inner, indices, null))));
            value = sum;
        }

        Expression target = _output[At(operation.Output, indices)];
        Expression finished = ScalarCode.AsNumber(operation.Finish, [value, TokenCount]);
        body.Set(target, operation.Adds ? target + finished : finished);
    }

    private Expression Start => new Real(operation.Reduction == Reduction.Max ? double.NegativeInfinity : 0);

    private static Expression TokenCount => Build.Make(Kind.Float, Function.Float, Step.Field("Keys", Kind.Integer));

    private Expression Join(Expression sum, Expression part) => operation.Reduction == Reduction.Max ? Max(sum, part) : sum + part;

    private Expression Finish(Expression sum, Body body) => ScalarCode.InLanes(operation.Finish, [sum, TokenCount], body);

    private delegate void Innermost(Body body, Body before);

    /// <summary>The loops over the reduced axes.</summary>
    private void Reduced(Body body, Expression[] indices, int axis, Innermost write, int stop = int.MaxValue)
    {
        if (axis == System.Math.Min(stop, operation.Sizes.Count))
        {
            write(body, body);
            return;
        }

        body.For($"i{axis}", 0, Size(axis), (inner, i) =>
        {
            indices[axis] = i;
            Reduced(inner, indices, axis + 1, write, stop);
        });
    }

    /// <summary>The value at a place: in lanes where their count is given.</summary>
    /// <param name="before">Where numbers are made that all lanes share.</param>
    private Expression Evaluate(Body body, Body before, Expression[] indices, Expression? lanes)
    {
        Expression[] arguments = [.. operation.Inputs.Select((input, i) => Argument(body, before, input, i, indices, lanes))];
        return lanes is null ? ScalarCode.AsNumber(operation.Value, arguments) : ScalarCode.InLanes(operation.Value, arguments, before);
    }

    private Expression Argument(Body body, Body before, NestInput input, int number, Expression[] indices, Expression? lanes)
    {
        (Name data, Name? second) = _inputs[number];
        switch (input)
        {
            case NumberInput { Place: var place }:
                return Number(body, before, data, At(place, indices), lanes is not null && place.Strides[_lanesAxis] == Stride.One ? lanes : null);
            case TakenInput { Place: var place } taken:
                Expression at = At(place, indices) + Long(second![At(taken.Index, indices)]) * taken.Stride;
                return Number(body, before, data, at, lanes is not null && place.Strides[_lanesAxis] == Stride.One ? lanes : null);
            case HotInput hot when lanes is not null && hot.Axis == _lanesAxis:
                // The one lane, if it is among these: the first so many of ones less the first of one fewer.
                Name lane = body.Let(data.Text + "Lane", data[At(hot.Index, indices)] - indices[_lanesAxis]);
                Expression Ones(Expression count) => First(All(new Real(1)), Max(0, Min(lanes, count)), All(Zero));
                return body.Let(data.Text + "Lanes", Ones(lane + 1) - Ones(lane));
            case HotInput hot:
                return new Conditional(data[At(hot.Index, indices)].Is(indices[hot.Axis]), new Real(1), new Real(0));
            case MaskInput mask when lanes is null:
                return new Conditional(
                    indices[mask.KeyAxis] <= indices[mask.QueryAxis],
                    new Conditional(data[indices[mask.QueryAxis]] <= indices[mask.KeyAxis], new Real(0), new Real(double.NegativeInfinity)),
                    new Real(double.NegativeInfinity));
            case MaskInput mask:
                Expression seen = Max(0, Min(lanes, indices[mask.QueryAxis] + 1 - indices[mask.KeyAxis]));
                Expression earlier = Max(0, Min(lanes, data[indices[mask.QueryAxis]] - indices[mask.KeyAxis])), hidden = All(new Real(double.NegativeInfinity));
                return body.Let("mask", First(hidden, earlier, First(All(Zero), seen, hidden)));
            case RotatedInput rotated when lanes is not null:
                Expression rotation = Load(second! + Long(indices[rotated.PositionAxis]) * Size(operation.Sizes.Count - 1) + indices[_lanesAxis], lanes);
                return body.Let(data.Text + "Lanes", Build.Make(Kind.Lanes, Function.RotatePairs, Load(data + At(rotated.Place, indices), lanes), rotation));
            default:
                throw new Operations.UnsupportedException($"{operation.Name}: no schedule rotates numbers that do not lie side by side");
        }
    }

    private static Expression Number(Body body, Body before, Name data, Expression at, Expression? lanes) => lanes is null
        ? before.Named(data.Text + "Here", data[at])
        : body.Let(data.Text + "Lanes", Load(data + at, lanes));

    private static Expression At(Place place, Expression[] indices)
    {
        Expression at = place.Offset;
        for (int i = 0; i < place.Strides.Count; i++)
        {
            Stride stride = place.Strides[i];
            if (stride.Numbers == 0) continue;
            Expression index = stride.PerToken || stride.Numbers > 1 ? Long(indices[i]) : indices[i];
            at += stride.PerToken ? index * (Tokens * stride.Numbers) : index * stride.Numbers;
        }

        return at;
    }
}
