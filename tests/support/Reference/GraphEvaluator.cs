using System;
using System.Collections.Generic;
using System.Linq;
using Sinter.Compiler.Graph;

namespace Sinter.Tests.Reference;

/// <summary>A value that the model lets be seen, and in which layer (-1 outside the layers).</summary>
public sealed record TracedValue(string Name, int Layer, NamedArray Value);

/// <summary>What one step gave: the last region's outputs, with those before that nothing replaced, and all traces in order.</summary>
public sealed record Evaluation(IReadOnlyDictionary<string, NamedArray> Outputs, IReadOnlyList<TracedValue> Traces)
{
    public NamedArray Traced(string name, int layer) => Traces.Single(trace => trace.Name == name && trace.Layer == layer).Value;
}

/// <summary>
/// Runs a model graph in double precision, as its definition reads: the yardstick for passes and kernels. It follows one
/// sequence and keeps its caches from call to call.
/// </summary>
public sealed class GraphEvaluator(ModelGraph model, IWeightSource weights)
{
    private readonly CacheStore _caches = new();
    private int _length;
    private int _predictedLength;

    /// <summary>The main model on the sequence's next tokens: outputs <c>hidden</c> and <c>logits</c>, a row a token.</summary>
    public Evaluation Run(params int[] tokens)
    {
        Dictionary<string, NamedArray> values = new() { ["token"] = Tokens("token", model.Main[0], tokens) };
        List<TracedValue> traces = [];
        foreach (Region region in model.Main) Run(region, _length, tokens.Length, values, traces);
        _length += tokens.Length;
        return new Evaluation(values, traces);
    }

    /// <summary>
    /// Multi-token prediction on the main model's hidden states [t,d] and the tokens one position further on: output <c>logits</c>.
    /// </summary>
    public Evaluation Predict(NamedArray hidden, params int[] next)
    {
        Region prediction = model.Prediction ?? throw new InvalidOperationException($"{model.Name} predicts one token only.");
        Dictionary<string, NamedArray> values = new() { ["hidden"] = hidden, ["next"] = Tokens("next", prediction, next) };
        List<TracedValue> traces = [];
        Run(prediction, _predictedLength, next.Length, values, traces);
        _predictedLength += next.Length;
        return new Evaluation(values, traces);
    }

    private void Run(Region region, int first, int tokens, Dictionary<string, NamedArray> values, List<TracedValue> traces)
    {
        int[] layers = region.IsRepeated
            ? [.. Enumerable.Range(region.FirstLayer, region.EndLayer - region.FirstLayer)]
            : [-1];
        foreach (int layer in layers)
        {
            try
            {
                IReadOnlyList<NamedArray> nodes =
                    new NodeReference(weights, _caches, layer, first, tokens).Evaluate(region.Graph, values);
                foreach (Output output in region.Graph.Outputs) values[output.Name] = nodes[output.Node];
                traces.AddRange(region.Graph.Traces.Select(trace => new TracedValue(trace.Name, layer, nodes[trace.Node])));
            }
            catch (InvalidOperationException failure)
            {
                throw new InvalidOperationException($"{model.Name}, {region.Name}, layer {layer}: {failure.Message}", failure);
            }
        }
    }

    /// <summary>Token numbers over the axis that the region's input has.</summary>
    private static NamedArray Tokens(string name, Region region, int[] tokens)
    {
        Input input = region.Graph.Nodes.OfType<Input>().First(node => node.Name == name);
        return new NamedArray([input.Axes[0].Name], [tokens.Length], [.. tokens.Select(token => (double)token)]);
    }
}
