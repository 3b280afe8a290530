using System.Collections.Generic;
using System.Linq;
using Sinter.Compiler.Graph;
using Sinter.Compiler.Operations.Lowering;

namespace Sinter.Compiler.Operations.Training.Lowering;

// Contractions with rows, columns and a depth: they run on register tiles. Indices are read as such.
internal sealed partial class TrainingLowering
{
    private const int MostAxes = 2;

    /// <summary>A sum by an index into a table: one value, rows over tokens.</summary>
    private bool IsScatter(Contract contract)
    {
        if (contract.Factors.Count != 2 || contract.Axes.Count != 2) return false;
        if (_graph.Nodes[contract.Factors[1]] is not OneHot { Axes.Count: 2 } hot) return false;
        Node rows = _graph.Nodes[contract.Factors[0]];
        return rows.Axes.Count == 2 && rows.Axes[0].IsRow() && rows.Axes[0] == hot.Axes[0] && contract.Axes[0] == hot.Among && contract.Axes[1] == rows.Axes[1]
            && _sinks.ContainsKey(_graph.Nodes.ToList().IndexOf(contract));
    }

    private void LowerScatter(int index, Contract contract)
    {
        var hot = (OneHot)_graph.Nodes[contract.Factors[1]];
        int value = contract.Factors[0];
        if (_stored[value] is null) LowerNest(value, -1, Target(value));
        StoredValue rows = Value(value), chosen = Value(hot.Index);
        Target target = Target(index);
        var operation = new ScatterOperation(
            $"Scatter_{contract.Axes[1].Size}", Equations.Of(_graph, index), contract.Axes[1].Size, rows.Strides[0].Numbers, target.Place.Strides[0].Numbers, target.Place.Offset);
        AddCall(
            operation, [new BufferArgument(chosen.Buffer), new BufferArgument(rows.Buffer), target.Argument],
            [TrainingRegion.Key(chosen.Buffer), TrainingRegion.Key(rows.Buffer)], target, []);
    }

    /// <summary>Whether a contraction has rows, columns and a depth, in a form that the tiles take.</summary>
    private bool IsProduct(Contract contract) => Roles(contract) is not null;

    private ProductRoles? Roles(Contract contract)
    {
        List<int> factors = [.. contract.Factors.Where(factor => _graph.Nodes[factor] is not OneHot)];
        List<OneHot> hot = [.. contract.Factors.Select(factor => _graph.Nodes[factor]).OfType<OneHot>()];
        if (factors.Count != 2 || hot.Count > 1) return null;
        bool castsDepth = factors.All(factor => _graph.Nodes[factor] is Cast { IsOfDepth: true });
        (int left, int right) = (Uncast(factors[0]), Uncast(factors[1]));

        // Experts' weights are the right factor.
        if (_graph.Nodes[left] is Weight { Index: >= 0 }) (left, right) = (right, left);
        if (_graph.Nodes[left] is Weight { Index: >= 0 }) return null;
        if (_graph.Nodes[right] is Weight { Index: >= 0, IndexStride: > 0 }) return null;
        Axis[] a = [.. _graph.Nodes[left].Axes], b = [.. _graph.Nodes[right].Axes], y = [.. contract.Axes];
        if (_graph.Nodes[right] is Weight { Index: >= 0 } experts) return OfExperts(contract, left, right, experts, hot.Count);
        if (hot.Count == 1) return OfPairs(contract, left, right, hot[0], castsDepth);

        Axis[] batch = [.. y.Where(axis => a.Contains(axis) && b.Contains(axis))];
        Axis[] rows = [.. y.Where(axis => a.Contains(axis) && !b.Contains(axis))], columns = [.. y.Where(axis => b.Contains(axis) && !a.Contains(axis))];
        Axis[] depth = [.. a.Where(axis => !y.Contains(axis))];
        if (rows.Length == 0 || columns.Length == 0 || depth.Length == 0 || depth.Any(axis => !b.Contains(axis)) || b.Any(axis => !y.Contains(axis) && !a.Contains(axis))) return null;

        // Lanes run along columns: where they would lie apart in the result, the factors change places.
        if (y[y.Length - 1] == rows[rows.Length - 1]) (left, right, rows, columns) = (right, left, columns, rows);
        return new ProductRoles(left, right, batch, rows, columns, depth, PairAxis.None, -1, 0, castsDepth);
    }

    /// <summary>Rows are the pairs of token and expert; the expert's weights are the right factor.</summary>
    private ProductRoles? OfExperts(Contract contract, int left, int right, Weight experts, int hot)
    {
        if (hot > 0 || _graph.Nodes[experts.Index].Axes is not { Count: 2 } pair) return null;
        Axis[] a = [.. _graph.Nodes[left].Axes], own = [.. experts.Axes.Skip(2)], y = [.. contract.Axes];
        Axis[] columns = [.. own.Where(y.Contains)], depth = [.. own.Where(axis => !y.Contains(axis))];
        bool fits = y.Contains(pair[0]) && y.All(axis => pair.Contains(axis) || columns.Contains(axis)) && depth.All(a.Contains)
            && a.All(axis => pair.Contains(axis) || depth.Contains(axis)) && columns.Length > 0 && depth.Length > 0;
        return fits ? new ProductRoles(left, right, [], [.. pair], columns, depth, PairAxis.Rows, experts.Index, experts.Tensor.Experts, false) : null;
    }

    /// <summary>Depth is the pairs, and the result has the experts before rows and columns: the gradient of experts' weights.</summary>
    private ProductRoles? OfPairs(Contract contract, int left, int right, OneHot hot, bool castsDepth)
    {
        if (_graph.Nodes[hot.Index].Axes is not { Count: 2 } pair || !pair[0].IsRow() || contract.Axes[0] != hot.Among) return null;
        Axis[] a = [.. _graph.Nodes[left].Axes], b = [.. _graph.Nodes[right].Axes], y = [.. contract.Axes.Skip(1)];
        Axis[] rows = [.. y.Where(a.Contains)], columns = [.. y.Where(b.Contains)];
        bool fits = rows.Length > 0 && columns.Length > 0 && !rows.Any(b.Contains) && a.Contains(pair[0]) && b.Contains(pair[0])
            && a.All(axis => pair.Contains(axis) || rows.Contains(axis)) && b.All(axis => pair.Contains(axis) || columns.Contains(axis));
        if (!fits) return null;
        if (y[y.Length - 1] == rows[rows.Length - 1]) (left, right, rows, columns) = (right, left, columns, rows);
        return new ProductRoles(left, right, [], rows, columns, [.. pair], PairAxis.Depth, hot.Index, hot.Among.Size, castsDepth);
    }

    private void LowerProduct(int index, Contract contract)
    {
        ProductRoles roles = Roles(contract)!;
        bool IsCast(int factor) => contract.Factors.Any(other => _graph.Nodes[other] is Cast { Form: CastForm.Stored } cast && cast.Input == factor);
        bool Rounds(int factor) => contract.Factors.Any(other => _graph.Nodes[other] is Cast { Form: CastForm.RoundDepth } cast && cast.Input == factor);
        Factor left = FactorOf(roles.Left, IsCast(roles.Left)), right = FactorOf(roles.Right, IsCast(roles.Right));
        Target target = Target(index);
        Stride Result(Axis axis)
        {
            int place = contract.Axes.ToList().IndexOf(axis);
            return place < 0 ? Stride.None : target.Place.Strides[place];
        }

        List<ProductAxisShape> Join(IEnumerable<Axis> axes, string what, bool joins = true)
        {
            List<ProductAxisShape> shapes = [];
            foreach (Axis axis in axes)
            {
                var shape = new ProductAxisShape(axis.Size, left.StrideOf(axis), right.StrideOf(axis), Result(axis));
                if (joins && shapes.Count > 0 && axis.Size > 0 && Follows(shapes[shapes.Count - 1], shape))
                    shapes[shapes.Count - 1] = shape with { Size = shapes[shapes.Count - 1].Size * axis.Size };
                else shapes.Add(shape);
            }

            return shapes.Count <= MostAxes ? shapes : throw new UnsupportedException($"'{contract.Name}' has more than {MostAxes} {what}: no schedule of training does that");
        }

        List<ProductAxisShape> batch = Join(roles.Batch, "axes side by side");
        if (roles.Pairs != PairAxis.None)
        {
            Stride experts = roles.Pairs == PairAxis.Depth ? target.Place.Strides[0] : Stride.None;
            batch = [new ProductAxisShape(roles.Experts, Stride.None, new Stride(roles.Pairs == PairAxis.Rows ? right.Tensor : 0), experts)];
        }

        bool sharesRows = roles.Pairs == PairAxis.Rows && !contract.Axes.Contains(roles.Rows[1]);
        List<CallArgument> arguments = [left.Argument, right.Argument, target.Argument];
        List<string> reads = [.. left.Keys, .. right.Keys];
        if (roles.Pairs != PairAxis.None)
        {
            int groups = GroupsOf(roles.Choice, roles.Experts);
            arguments.Add(new GroupsArgument(groups));
            reads.AddRange([TrainingRegion.Key(_groups[groups].Offsets), TrainingRegion.Key(_groups[groups].Pairs)]);
        }

        if (sharesRows && !target.Adds) Clear(index, target);
        bool sharesTokens = SharesTokens(contract, roles, target);
        var operation = new ProductOperation(
            $"{Kind(roles)}_{Naming.Pascal(contract.Name)}",
            Equations.Of(_graph, index),
            batch.ToEquatable(),
            Join(roles.Rows, "axes of rows", joins: roles.Pairs != PairAxis.Rows).ToEquatable(),
            Join(roles.Columns, "axes of columns").ToEquatable(),
            Join(roles.Depth, "axes of depth", joins: roles.Pairs != PairAxis.Depth).ToEquatable(),
            roles.Pairs,
            sharesRows,
            sharesTokens ? roles.Rows.Skip(1).Width() : 0,
            target.Adds || sharesRows,
            roles.CastsDepth,
            Rounds(roles.Left),
            Rounds(roles.Right),
            left.Offset,
            right.Offset,
            target.Place.Offset);
        AddCall(operation, arguments, reads, target, sharesTokens ? left.Keys.Append(target.Key).Except(right.Keys) : []);
        _stored[index] = target.Value;
    }

    /// <summary>
    /// Whether a worker can compute the rows of its own tokens alone, from what it made of them itself: then nobody waits before
    /// or after, and the numbers are in its own cache. For that all workers read the right factor.
    /// </summary>
    private bool SharesTokens(Contract contract, ProductRoles roles, Target target)
    {
        bool IsOfTokens(EquatableArray<Axis> axes) => axes[0] == roles.Rows[0] && axes.Count(axis => axis.IsRow()) == 1;
        return roles.Pairs == PairAxis.None && roles.Batch.Length == 0 && roles.Rows[0].IsRow() && target.Argument is BufferArgument && _graph.Nodes[roles.Left] is not Weight
            && IsOfTokens(contract.Axes) && IsOfTokens(_graph.Nodes[roles.Left].Axes);
    }

    /// <summary>Rows to which several experts add begin at zero.</summary>
    private void Clear(int index, Target target)
    {
        Node node = _graph.Nodes[index];
        var operation = new NestOperation(
            $"Clear_{node.Axes.Width()}", "Zero, before several experts add to it.", node.Axes.Select(axis => axis.Size).ToEquatable(), 0, Reduction.Sum, default, new Constant(0),
            new Argument(0), node.Axes[0].IsRow(), target.Place, false);
        AddCall(operation, [target.Argument], [], target, []);
    }

    private static string Kind(ProductRoles roles) => roles.Pairs switch { PairAxis.Rows => "Experts", PairAxis.Depth => "ExpertsOver", _ => "Product" };

    /// <summary>Whether an axis continues the one outside it in all three, so that both are walked as one.</summary>
    private static bool Follows(ProductAxisShape outer, ProductAxisShape inner)
    {
        bool Fits(Stride outside, Stride inside) => outside.PerToken == inside.PerToken && outside.Numbers == inside.Numbers * inner.Size;
        return outer.Size > 0 && Fits(outer.Left, inner.Left) && Fits(outer.Right, inner.Right) && Fits(outer.Result, inner.Result);
    }

    /// <summary>The value behind a cast that no memory is needed for.</summary>
    private int Uncast(int factor) => _graph.Nodes[factor] is Cast cast && (cast.IsOfDepth || cast.Form == CastForm.Stored) ? cast.Input : factor;

    private Factor FactorOf(int index, bool isCast)
    {
        if (_graph.Nodes[index] is Weight weight)
        {
            int tensor = weight.Tensor.Shape.Aggregate(1, (product, size) => checked(product * size));
            return new Factor(isCast ? new CastWeightArgument(weight.Tensor) : new WeightArgument(weight.Tensor), [], weight.Offset, axis => new Stride(weight.StrideOf(axis)), tensor);
        }

        StoredValue value = Value(index);
        return new Factor(new BufferArgument(value.Buffer), [TrainingRegion.Key(value.Buffer)], value.Offset, value.StrideOf, 0);
    }

    /// <summary>Which axes are what; the left factor has rows and depth, the right one depth and columns.</summary>
    private sealed record ProductRoles(int Left, int Right, Axis[] Batch, Axis[] Rows, Axis[] Columns, Axis[] Depth, PairAxis Pairs, int Choice, int Experts, bool CastsDepth);

    /// <param name="Tensor">Numbers of one expert's tensor.</param>
    private sealed record Factor(CallArgument Argument, string[] Keys, int Offset, System.Func<Axis, Stride> StrideOf, int Tensor);
}
