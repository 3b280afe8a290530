using System;
using System.Collections.Generic;
using System.Linq;
using Sinter.Compiler.Graph;
using static Sinter.Compiler.Passes.Differentiation.ScalarDerivative;

namespace Sinter.Compiler.Tests.Passes;

/// <summary>Graphs of operators drawn by chance, each applied to whatever values there are so far that it fits.</summary>
internal sealed class RandomGraph
{
    private static readonly string[] s_free = ["a", "b", "r", "e"];

    private readonly Sketch _sketch = new(("a", 2), ("b", 3), ("r", 4), ("e", 4), ("k", 2));
    private readonly List<(int Node, string[] Axes)> _values = [];
    private readonly List<(int Node, string[] Axes)> _indices = [];
    private readonly Random _random;
    private int _names;

    private RandomGraph(int seed) => _random = new Random(seed);

    public static TensorGraph Make(int seed, int operations)
    {
        var graph = new RandomGraph(seed);
        return graph.Make(operations);
    }

    private TensorGraph Make(int operations)
    {
        for (int i = 0; i < 2; i++) AddInput();
        AddWeight();
        _indices.Add((_sketch.Input("token", "t", isIndex: true), ["t"]));
        Action[] ways = [AddWeight, AddMap, AddMap, AddMap, AddContract, AddContract, AddContract, AddReduce, AddSoftmax, AddLogSumExp, AddRotary, AddCached, AddAttention, AddChoice, AddTake, AddTaken, AddTaken, AddOneHot];
        for (int i = 0; i < operations; i++) Pick(ways)();

        (string, int)[] outputs = [.. _values.TakeLast(3).Select((value, i) => ($"y{i}", value.Node))];
        return _sketch.Graph(outputs);
    }

    private void AddInput()
    {
        string[] axes = Subset([.. s_free, "t"], 3);
        Keep(_sketch.Input(Name("x"), Join(axes)), axes);
    }

    /// <summary>A view of one of three tensors with gaps, so that views overlap.</summary>
    private void AddWeight()
    {
        string[] axes = Subset(s_free, 2);
        int[] strides = new int[axes.Length];
        for (int i = axes.Length - 1, stride = _random.Next(1, 3); i >= 0; i--)
        {
            strides[i] = stride;
            stride *= _sketch.Axis(axes[i]).Size;
        }

        Keep(_sketch.View($"tensor{_random.Next(3)}", [8, 8], Join(axes), _random.Next(16), strides), axes);
    }

    private void AddMap()
    {
        (int Node, string[] Axes)[] inputs = [.. Enumerable.Range(0, _random.Next(1, 4)).Select(_ => Pick(_values))];
        string[] axes = Shuffle(inputs.SelectMany(input => input.Axes).Distinct());
        if (axes.Length > 4) return;
        Scalar function = new Argument(0);
        for (int i = 1; i < inputs.Length; i++) function = Combine(function, Bend(new Argument(i)));
        Keep(_sketch.Map(Name("map"), Join(axes), Bend(function), [.. inputs.Select(input => input.Node)]), axes);
    }

    private void AddContract()
    {
        (int Node, string[] Axes)[] factors = [.. Enumerable.Range(0, _random.Next(1, 4)).Select(_ => Pick(_values))];
        string[] all = [.. factors.SelectMany(factor => factor.Axes).Distinct()];
        string[] axes = Subset(all, Math.Min(3, all.Length));
        int product = _sketch.Product(Name("product"), Join(axes), [.. factors.Select(factor => factor.Node)]);

        // Numbers stay near one, so that differences stay exact.
        Keep(_sketch.Map(Name("tanh"), Join(axes), new Unary(UnaryOperator.Tanh, Multiply(new Constant(0.3), new Argument(0))), product), axes);
    }

    private void AddReduce()
    {
        if (Find(value => value.Axes.Length > 0) is not { } input) return;
        string over = Pick(input.Axes);
        string[] axes = Shuffle(input.Axes.Where(axis => axis != over));
        Keep(_sketch.Add(new Reduce(Name("reduce"), Axes(axes), Pick(Enum.GetValues<Reduction>()), input.Node, _sketch.Axis(over))), axes);
    }

    private void AddSoftmax()
    {
        if (Find(value => value.Axes.Length > 0) is not { } input) return;
        Keep(_sketch.Add(new Softmax(Name("softmax"), Axes(input.Axes), input.Node, _sketch.Axis(Pick(input.Axes)))), input.Axes);
    }

    private void AddLogSumExp()
    {
        if (Find(value => value.Axes.Length > 0) is not { } input) return;
        string over = Pick(input.Axes);
        string[] axes = Shuffle(input.Axes.Where(axis => axis != over));
        Keep(_sketch.Add(new LogSumExp(Name("logsumexp"), Axes(axes), input.Node, _sketch.Axis(over))), axes);
    }

    private void AddRotary()
    {
        if (Find(value => value.Axes.Contains("r") && value.Axes.Contains("t") != value.Axes.Contains("s")) is not { } input) return;
        var table = new RotaryTable(4, new[] { 1.0, 0.1 }.ToEquatable(), 1.1);
        string[] axes = Shuffle(input.Axes);
        Keep(_sketch.Add(new Rotary(Name("rotary"), Axes(axes), input.Node, _sketch.Axis("r"), table)), axes);
    }

    private void AddCached()
    {
        if (Find(value => value.Axes.Contains("t") && !value.Axes.Contains("s")) is not { } input) return;
        string[] axes = Shuffle(input.Axes.Select(axis => axis == "t" ? "s" : axis));
        string name = Name("cached");
        Keep(_sketch.Add(new Cached(name, Axes(axes), input.Node, name)), axes);
    }

    private void AddAttention()
    {
        if (Find(value => value.Axes.Contains("t") && value.Axes.Contains("s")) is not { } input) return;
        int masked = _sketch.Add(new Causal(Name("causal"), Axes(input.Axes), input.Node));
        Keep(_sketch.Add(new Softmax(Name("softmax"), Axes(input.Axes), masked, _sketch.Axis("s"))), input.Axes);
    }

    private void AddChoice()
    {
        if (Find(value => value.Axes.Contains("e") && !value.Axes.Contains("k")) is not { } scores) return;
        string[] axes = [.. scores.Axes.Where(axis => axis != "e"), "k"];
        int groups = _random.Next(1, 3);
        _indices.Add((_sketch.Add(new Choose(Name("chosen"), Axes(axes), scores.Node, _sketch.Axis("e"), groups, 1, GroupScore.Top2Sum)), axes));
    }

    private void AddTake()
    {
        (int Node, string[] Axes) index = Pick(_indices);
        if (Find(value => value.Axes.Contains("e") && !index.Axes.Contains("e")) is not { } values) return;
        string[] axes = Shuffle(values.Axes.Where(axis => axis != "e").Union(index.Axes));
        if (axes.Length <= 4) Keep(_sketch.Add(new Take(Name("take"), Axes(axes), values.Node, index.Node, _sketch.Axis("e"))), axes);
    }

    /// <summary>Rows of a table, or experts.</summary>
    private void AddTaken()
    {
        (int Node, string[] Axes) index = Pick(_indices);
        string own = Pick(["a", "b", "e"]);
        if (index.Axes.Contains(own) || index.Axes.Length > 3) return;
        string[] axes = [.. index.Axes, own];
        int size = _sketch.Axis(own).Size;
        bool isExpert = _random.Next(2) == 0;
        WeightTensor tensor = isExpert
            ? new WeightTensor($"experts.{{expert}}.{own}", new[] { size }.ToEquatable(), Experts: 4)
            : new WeightTensor($"table.{own}", new[] { 4, size }.ToEquatable());
        IEnumerable<int> strides = index.Axes.Select(_ => 0).Append(1);
        Keep(_sketch.Add(new Weight(Name("taken"), Axes(axes), tensor, 0, strides.ToEquatable(), index.Node, isExpert ? 0 : size)), axes);
    }

    private void AddOneHot()
    {
        (int Node, string[] Axes) index = Pick(_indices);
        if (index.Axes.Contains("e") || index.Axes.Length > 3) return;
        string[] axes = [.. index.Axes, "e"];
        Keep(_sketch.Add(new OneHot(Name("onehot"), Axes(axes), index.Node, _sketch.Axis("e"))), axes);
    }

    private Scalar Bend(Scalar x)
    {
        Scalar square = Multiply(x, x);
        return _random.Next(13) switch
        {
            0 => new Unary(UnaryOperator.Tanh, x),
            1 => new Unary(UnaryOperator.Sigmoid, x),
            2 => new Unary(UnaryOperator.Silu, x),
            3 => new Unary(UnaryOperator.Log, Add(new Constant(1.5), square)),
            4 => new Unary(UnaryOperator.Sqrt, Add(new Constant(0.5), square)),
            5 => new Unary(UnaryOperator.Rsqrt, Add(new Constant(0.5), square)),
            6 => new Unary(UnaryOperator.Exp, new Unary(UnaryOperator.Tanh, x)),
            7 => new Unary(UnaryOperator.Relu, x),
            8 => new Unary(UnaryOperator.Abs, x),
            9 => new Unary(UnaryOperator.Negate, x),
            _ => x,
        };
    }

    private Scalar Combine(Scalar x, Scalar y) => Pick(Enum.GetValues<BinaryOperator>()) switch
    {
        BinaryOperator.Divide => Divide(x, Add(new Constant(1.5), Multiply(y, y))),
        BinaryOperator operation => new Binary(operation, x, y),
    };

    private void Keep(int node, string[] axes) => _values.Add((node, axes));

    private (int Node, string[] Axes)? Find(Func<(int Node, string[] Axes), bool> fits)
    {
        (int Node, string[] Axes)[] fitting = [.. _values.Where(fits)];
        return fitting.Length == 0 ? null : Pick(fitting);
    }

    private string Name(string kind) => $"{kind}{_names++}";

    private static string Join(string[] axes) => string.Join(",", axes);

    private EquatableArray<Axis> Axes(string[] axes) => _sketch.Axes(Join(axes));

    private T Pick<T>(IReadOnlyList<T> items) => items[_random.Next(items.Count)];

    private string[] Shuffle(IEnumerable<string> axes) => [.. axes.OrderBy(_ => _random.Next())];

    private string[] Subset(string[] axes, int most) => [.. Shuffle(axes).Take(_random.Next(1, most + 1))];
}
