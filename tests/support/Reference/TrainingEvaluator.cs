using System.Collections.Generic;
using System.Linq;
using Sinter.Compiler.Graph;
using Sinter.Compiler.Passes.Differentiation;

namespace Sinter.Tests.Reference;

/// <summary>What one sequence gave: each loss, summed over the layers that have it; the traces; and gradients by published name.</summary>
public sealed record TrainingStep(
    IReadOnlyDictionary<string, double> Losses,
    IReadOnlyList<TracedValue> Traces,
    IReadOnlyDictionary<string, double[]> Gradients);

/// <summary>Runs forward and backward of a training graph in double precision, for one sequence, as its remarks say.</summary>
public sealed class TrainingEvaluator(TrainingGraph training, IWeightSource weights)
{
    private readonly Dictionary<string, double[]> _tensors = [];
    private readonly Dictionary<string, double> _losses = [];
    private readonly List<TracedValue> _traces = [];
    private Dictionary<string, NamedArray> _gradients = [];

    /// <param name="tokens">T + 1 + D tokens: T that the model reads, and those to be foreseen at D depths; at least T + 2.</param>
    /// <param name="worths">What each loss counts in the objective; nothing where its name is missing.</param>
    public static TrainingStep Run(
        TrainingGraph training, IWeightSource weights, int[] tokens, IReadOnlyDictionary<string, double> worths) =>
        new TrainingEvaluator(training, weights).Run(tokens, worths);

    private TrainingStep Run(int[] tokens, IReadOnlyDictionary<string, double> worths)
    {
        int depths = Enumerable.Range(1, training.Forward.Count).Count(depth => training.Forward.Any(region => region.Graph.Outputs.Any(output => output.Name == Objective.At(Objective.Prediction, depth))));
        int length = tokens.Length - 1 - System.Math.Max(1, depths);
        var caches = new CacheStore();
        Dictionary<string, NamedArray> values = [];
        IEnumerable<(string, int)> ahead = Enumerable.Range(1, depths).SelectMany(depth => new[] { (Objective.At(Objective.Next, depth), depth), (Objective.At(Objective.PredictionTarget, depth), depth + 1) });
        foreach ((string name, int from) in ahead.Concat([("token", 0), (Objective.MainTarget, 1)]))
            values[name] = new NamedArray(["t"], [length], [.. tokens[from..(from + length)].Select(token => (double)token)]);

        // A round of a region is differentiated at the values that it took.
        Dictionary<(int Region, int Layer), Dictionary<string, NamedArray>> taken = [];
        for (int i = 0; i < training.Forward.Count; i++)
        {
            foreach (int layer in Layers(training.Forward[i]))
            {
                taken[(i, layer)] = new(values);
                RunForward(training.Forward[i], layer, new NodeReference(weights, caches, layer, 0, length), values);
            }
        }

        for (int i = training.Forward.Count - 1; i >= 0; i--)
        {
            Region region = training.Backward[training.Forward.Count - 1 - i];
            foreach (int layer in Layers(region).Reverse())
                RunBackward(region, layer, new NodeReference(weights, caches, layer, 0, length), taken[(i, layer)], length, worths);
        }

        return new TrainingStep(_losses, _traces, _tensors);
    }

    private void RunForward(Region region, int layer, NodeReference reference, Dictionary<string, NamedArray> values)
    {
        IReadOnlyList<NamedArray> nodes = reference.Evaluate(region.Graph, Named(region.Graph, values));
        foreach (Output output in region.Graph.Outputs)
        {
            if (Objective.IsLoss(output.Name)) _losses[output.Name] = _losses.GetValueOrDefault(output.Name) + nodes[output.Node].Numbers[0];
            else values[output.Name] = nodes[output.Node];
        }

        _traces.AddRange(region.Graph.Traces.Select(trace => new TracedValue(trace.Name, layer, nodes[trace.Node])));
    }

    private void RunBackward(
        Region region, int layer, NodeReference reference, Dictionary<string, NamedArray> values, int length, IReadOnlyDictionary<string, double> worths)
    {
        // Gradients that the round takes are spent; those it does not take wait for the region that makes their value.
        Dictionary<string, NamedArray> inputs = new(values), waiting = new(_gradients);
        foreach (Input input in region.Graph.Nodes.OfType<Input>().Where(input => input.Name.StartsWith("grad.", System.StringComparison.Ordinal)))
        {
            string name = input.Name["grad.".Length..];
            int[] sizes = [.. input.Axes.Select(axis => axis.Extent == Extent.Fixed ? axis.Size : length)];
            if (Objective.IsLoss(name)) inputs[input.Name] = new NamedArray([], [], [worths.GetValueOrDefault(name)]);
            else inputs[input.Name] = _gradients.GetValueOrDefault(input.Name) ?? new NamedArray([.. input.Axes.Select(axis => axis.Name)], sizes);
            waiting.Remove(input.Name);
        }

        _gradients = waiting;
        IReadOnlyList<NamedArray> nodes = reference.Evaluate(region.Graph, Named(region.Graph, inputs));
        foreach (Output output in region.Graph.Outputs)
        {
            NamedArray gradient = nodes[output.Node];
            if (region.Graph.Nodes[output.Node] is Assemble assemble) AddToTensors(assemble.Tensor, layer, gradient.Numbers);
            else if (_gradients.TryGetValue(output.Name, out NamedArray? other)) _gradients[output.Name] = new NamedArray(other.Axes, other.Sizes, Sum(other.Numbers, gradient.Numbers));
            else _gradients[output.Name] = gradient;
        }
    }

    private void AddToTensors(WeightTensor tensor, int layer, double[] gradient)
    {
        string name = tensor.Name.Replace("{layer}", $"{layer}");
        int tensors = tensor.Experts == 0 ? 1 : tensor.Experts;
        int count = gradient.Length / tensors;
        for (int expert = 0; expert < tensors; expert++)
        {
            string published = name.Replace("{expert}", $"{expert}");
            double[] part = gradient[(expert * count)..((expert + 1) * count)];
            _tensors[published] = _tensors.TryGetValue(published, out double[]? other) ? Sum(other, part) : part;
        }
    }

    /// <summary>Values are handed from region to region by name and order of axes; each region calls its axes as it likes.</summary>
    private static Dictionary<string, NamedArray> Named(TensorGraph graph, Dictionary<string, NamedArray> values) => graph.Nodes.OfType<Input>()
        .ToDictionary(input => input.Name, input => new NamedArray([.. input.Axes.Select(axis => axis.Name)], values[input.Name].Sizes, values[input.Name].Numbers));

    private static int[] Layers(Region region) => region.IsRepeated
        ? [.. Enumerable.Range(region.FirstLayer, region.EndLayer - region.FirstLayer)]
        : [-1];

    private static double[] Sum(double[] left, double[] right) => [.. left.Zip(right, (a, b) => a + b)];
}
