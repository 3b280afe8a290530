using System;
using System.Collections.Generic;
using System.Linq;
using Sinter.Compiler.Graph;

namespace Sinter.Compiler.Passes.Differentiation;

/// <summary>The graph that differentiation writes: gradients, and forward values where a gradient first asks for them.</summary>
internal sealed class BackwardGraph(TensorGraph forward)
{
    private readonly List<Node> _nodes = [];
    private readonly Dictionary<int, int> _places = [];
    private readonly Dictionary<(int Index, Axis Among), int> _oneHots = [];
    private readonly Dictionary<Axis, int> _lengths = [];

    public Node this[int place] => _nodes[place];

    public int Add(Node node)
    {
        _nodes.Add(node);
        return _nodes.Count - 1;
    }

    /// <summary>The axis of tokens that a cache takes, and the one of positions that it gives.</summary>
    public static (Axis Token, Axis Position) CachedAxes(Cached cached, Node input) =>
        (input.Axes.Single(axis => !cached.Axes.Contains(axis)), cached.Axes.Single(axis => !input.Axes.Contains(axis)));

    /// <summary>A forward value, written together with what it is made from.</summary>
    public int Forward(int old)
    {
        if (_places.TryGetValue(old, out int place)) return place;
        Node node = forward.Nodes[old];
        if (node is Cached cached)
        {
            (Axis token, Axis position) = CachedAxes(cached, forward.Nodes[cached.Input]);
            node = new Rename(cached.Name, cached.Axes, cached.Input, token, position);
        }

        return _places[old] = Add(node.WithOperands(Forward));
    }

    /// <summary>A map of those inputs that its function reads.</summary>
    public int Map(string name, EquatableArray<Axis> axes, Scalar function, params Func<int>[] inputs)
    {
        List<int> read = [.. function.Arguments().Distinct().OrderBy(argument => argument)];
        int[] places = read.Select(argument => inputs[argument]()).ToArray();
        return Add(new Map(name, axes, function.Substitute(argument => new Argument(read.IndexOf(argument))), places.ToEquatable()));
    }

    /// <summary>A contraction onto those of the axes that its factors have.</summary>
    public int Contract(string name, EquatableArray<Axis> axes, IReadOnlyList<int> factors)
    {
        EquatableArray<Axis> kept = axes.Where(axis => factors.Any(factor => _nodes[factor].Axes.Contains(axis))).ToEquatable();
        if (factors.Count == 1 && kept.Equals(_nodes[factors[0]].Axes)) return factors[0];
        return Add(new Contract(name, kept, factors.ToEquatable()));
    }

    public int OneHot(int index, Axis among)
    {
        if (_oneHots.TryGetValue((index, among), out int known)) return known;
        Node node = _nodes[index];
        EquatableArray<Axis> axes = node.Axes.Append(among).ToEquatable();
        return _oneHots[(index, among)] = Add(new OneHot($"{node.Name}.onehot", axes, index, among));
    }

    /// <summary>How long an axis is that only the step decides.</summary>
    public int Length(Axis axis)
    {
        if (_lengths.TryGetValue(axis, out int known)) return known;
        int ones = Map($"{axis.Name}.ones", new[] { axis }.ToEquatable(), ScalarDerivative.One);
        return _lengths[axis] = Add(new Reduce($"{axis.Name}.length", default, Reduction.Sum, ones, axis));
    }

    public TensorGraph Write(IEnumerable<Output> outputs) => new(_nodes.ToEquatable(), outputs.ToEquatable(), default);
}
