using System;
using System.Collections.Generic;
using System.Linq;
using Sinter.Compiler.Graph;
using Sinter.Compiler.Passes.Differentiation;
using Sinter.Tests.Data;
using Sinter.Tests.Reference;
using Xunit;

namespace Sinter.Compiler.Tests.Passes;

/// <summary>
/// Compares the gradients of a graph with finite differences, both in double precision: the change of a random linear
/// function of all outputs along a random direction in all inputs and weights.
/// </summary>
internal sealed class GradientCheck
{
    private const int Tokens = 4;

    // Rounding costs about 1e-16 / Step of the values, the five-point formula is off by Step⁴ times the fifth derivative.
    private const double Step = 2e-3;

    private readonly TensorGraph _forward;
    private readonly TensorGraph _backward;
    private readonly Random _random;
    private readonly Dictionary<string, NamedArray> _inputs;
    private readonly StoredWeights _weights;

    public GradientCheck(TensorGraph forward, int seed)
    {
        _forward = forward;
        _random = new Random(seed);
        string[] inputs = [.. forward.Nodes.OfType<Input>().Where(input => !input.IsIndex).Select(input => input.Name)];
        _backward = Differentiate.Run(forward, forward.Outputs.Select(output => output.Name), inputs);
        _inputs = forward.Nodes.Select((node, place) => (node, place)).Where(pair => pair.node is Input)
            .ToDictionary(pair => pair.node.Name, pair => Random(pair.node, Bound(pair.place)));
        _weights = new StoredWeights(forward, () => 2 * _random.NextDouble() - 1);
    }

    public TensorGraph Backward => _backward;

    /// <summary>The slope by the backward graph, by differences, and how far differences with steps of other size are from each other.</summary>
    public (double Analytic, double Numeric, double Uncertainty) Slopes()
    {
        Dictionary<string, NamedArray> seeds = _forward.Outputs.ToDictionary(
            output => Differentiate.Gradient(output.Name), output => Random(_forward.Nodes[output.Node], 0));
        Dictionary<string, double[]> directions = _inputs.Where(input => !IsIndex(input.Key))
            .ToDictionary(input => input.Key, input => RandomNumbers(input.Value.Numbers.Length));
        StoredWeights weightDirections = new(_forward, () => 2 * _random.NextDouble() - 1);

        double Loss(double step)
        {
            Dictionary<string, NamedArray> moved = _inputs.ToDictionary(input => input.Key, input => directions.TryGetValue(input.Key, out double[]? direction)
                ? new NamedArray(input.Value.Axes, input.Value.Sizes, Move(input.Value.Numbers, direction, step)) : input.Value);
            IReadOnlyList<NamedArray> values = new NodeReference(_weights.Move(weightDirections, step), new CacheStore(), 0, 0, Tokens).Evaluate(_forward, moved);
            return _forward.Outputs.Sum(output => Dot(values[output.Node].Numbers, seeds[Differentiate.Gradient(output.Name)].Numbers));
        }

        double FivePoint(double h) => (8 * (Loss(h) - Loss(-h)) - (Loss(2 * h) - Loss(-2 * h))) / (12 * h);

        double numeric = FivePoint(Step);
        double uncertainty = Math.Max(Math.Abs(numeric - FivePoint(2 * Step)), Math.Abs(numeric - FivePoint(Step / 2)));
        return (Analytic(seeds, directions, weightDirections), numeric, uncertainty);
    }

    /// <summary>That the slopes agree; only of use where no corner or choice is near.</summary>
    public static void Passes(TensorGraph forward, int seed = 1)
    {
        (double analytic, double numeric, double uncertainty) = new GradientCheck(forward, seed).Slopes();
        Assert.InRange(uncertainty, 0, 1e-6 * Math.Max(1, Math.Abs(numeric)));
        Assert.InRange(Math.Abs(analytic - numeric), 0, Tolerance(numeric, uncertainty));
        Assert.True(Math.Abs(numeric) > 1e-4, "a slope of zero shows nothing");
    }

    public static double Tolerance(double numeric, double uncertainty) => uncertainty + 1e-10 * Math.Max(1, Math.Abs(numeric));

    /// <summary>The gradient of an input, from numbers for the backward graph's inputs.</summary>
    public static double[] Gradient(TensorGraph forward, string input, int tokens, params (string Name, int[] Sizes, double[] Numbers)[] values)
    {
        TensorGraph backward = Differentiate.Run(forward, forward.Outputs.Select(output => output.Name), [input]);
        Dictionary<string, NamedArray> inputs = backward.Nodes.OfType<Input>().ToDictionary(node => node.Name, node =>
        {
            (_, int[] sizes, double[] numbers) = values.Single(value => value.Name == node.Name);
            return new NamedArray([.. node.Axes.Select(axis => axis.Name)], sizes, numbers);
        });
        IReadOnlyList<NamedArray> results = new NodeReference(new StoredWeights(forward, () => 1), new CacheStore(), 0, 0, tokens).Evaluate(backward, inputs);
        return results[backward.Outputs.Single(output => output.Name == Differentiate.Gradient(input)).Node].Numbers;
    }

    private double Analytic(Dictionary<string, NamedArray> seeds, Dictionary<string, double[]> directions, StoredWeights weightDirections)
    {
        Dictionary<string, NamedArray> inputs = _inputs.Concat(seeds).ToDictionary(pair => pair.Key, pair => pair.Value);
        IReadOnlyList<NamedArray> values = new NodeReference(_weights, new CacheStore(), 0, 0, Tokens).Evaluate(_backward, inputs);
        double slope = 0;
        foreach (Output output in _backward.Outputs)
        {
            double[] gradient = values[output.Node].Numbers;
            slope += _backward.Nodes[output.Node] is Assemble assemble
                ? weightDirections.Dot(assemble.Tensor, gradient)
                : Dot(gradient, directions[output.Name["grad.".Length..]]);
        }

        return slope;
    }

    private bool IsIndex(string name) => _forward.Nodes.OfType<Input>().Any(input => input.Name == name && input.IsIndex);

    /// <summary>How many entries whatever reads by this index has; zero for a value that is no index.</summary>
    private int Bound(int place) => _forward.Nodes.Select(node => node switch
    {
        Weight weight when weight.Index == place => weight.IndexStride > 0 ? weight.Tensor.Shape[0] : weight.Tensor.Experts,
        Take take when take.Index == place => take.Among.Size,
        OneHot hot when hot.Index == place => hot.Among.Size,
        _ => 0,
    }).Max();

    private NamedArray Random(Node node, int bound)
    {
        int[] sizes = [.. node.Axes.Select(axis => axis.Extent == Extent.Fixed ? axis.Size : Tokens)];
        double[] numbers = RandomNumbers(sizes.Aggregate(1, (product, size) => product * size));
        if (bound > 0) numbers = [.. numbers.Select(_ => (double)_random.Next(bound))];
        return new NamedArray([.. node.Axes.Select(axis => axis.Name)], sizes, numbers);
    }

    private double[] RandomNumbers(int count) => [.. Enumerable.Range(0, count).Select(_ => 2 * _random.NextDouble() - 1)];

    private static double[] Move(double[] numbers, double[] direction, double step) => [.. numbers.Zip(direction, (number, by) => number + step * by)];

    private static double Dot(double[] left, double[] right) => left.Zip(right, (a, b) => a * b).Sum();

    /// <summary>A number for each entry of every tensor that a graph reads.</summary>
    private sealed class StoredWeights : IWeightSource
    {
        private readonly Dictionary<string, StoredTensor> _tensors = [];

        public StoredWeights(TensorGraph graph, Func<double> next)
        {
            foreach (WeightTensor tensor in graph.Nodes.OfType<Weight>().Select(weight => weight.Tensor))
            {
                foreach (string name in Names(tensor))
                {
                    if (_tensors.ContainsKey(name)) continue;
                    int count = tensor.Shape.Aggregate(1, (product, size) => product * size);
                    _tensors[name] = new StoredTensor("F64", [.. tensor.Shape], [.. Enumerable.Range(0, count).Select(_ => next())]);
                }
            }
        }

        private StoredWeights(Dictionary<string, StoredTensor> tensors) => _tensors = tensors;

        public StoredTensor? Find(string name) => _tensors.GetValueOrDefault(name);

        public StoredWeights Move(StoredWeights directions, double step) => new(_tensors.ToDictionary(
            tensor => tensor.Key,
            tensor => tensor.Value with { Numbers = GradientCheck.Move(tensor.Value.Numbers, directions._tensors[tensor.Key].Numbers, step) }));

        public double Dot(WeightTensor tensor, double[] gradient) =>
            GradientCheck.Dot([.. Names(tensor).SelectMany(name => _tensors[name].Numbers)], gradient);

        /// <summary>A copy is the tensor that it is a copy of.</summary>
        private static IEnumerable<string> Names(WeightTensor tensor)
        {
            string name = (tensor.Otherwise ?? tensor.Name).Replace("{layer}", "0");
            return tensor.Experts == 0 ? [name] : Enumerable.Range(0, tensor.Experts).Select(expert => name.Replace("{expert}", $"{expert}"));
        }
    }
}
