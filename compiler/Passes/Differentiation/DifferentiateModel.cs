using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using Sinter.Compiler.Graph;

namespace Sinter.Compiler.Passes.Differentiation;

/// <summary>From a model to its training step: losses at the ends of the regions, and the gradients of all regions in reverse.</summary>
public static class DifferentiateModel
{
    private const string Logits = "logits";

    /// <summary>
    /// The objective of a model and its gradients. A model with prediction has the loss of it besides the main one.
    /// </summary>
    /// <param name="balanced">The scores whose balance over each sequence is part of the objective, by their name in the description; or none.</param>
    /// <param name="prepare">What is done to each region's graph before it is differentiated, such as forming attention.</param>
    /// <param name="split">What becomes of a region once it has its losses, such as one with a head of its own.</param>
    /// <exception cref="ArgumentException">No region gives logits, or none has the scores to balance.</exception>
    public static TrainingGraph Run(
        ModelGraph model, string? balanced = null, Func<TensorGraph, TensorGraph>? prepare = null, Func<Region, IEnumerable<Region>>? split = null)
    {
        Region WithLosses(Region region, string target, string loss, string? scores) =>
            Appended(prepare is null ? region : region with { Graph = prepare(region.Graph) }, target, loss, scores);

        List<Region> forward = [.. model.Main.Select(region => WithLosses(region, Objective.MainTarget, Objective.Main, balanced))];
        if (!forward.Exists(region => Gives(region, Objective.Main))) throw new ArgumentException($"{model.Name} gives no logits to train.");
        for (int depth = 1; model.Prediction is { } prediction && depth <= model.PredictionDepth; depth++)
            forward.Add(WithLosses(At(prediction, depth, model), Objective.At(Objective.PredictionTarget, depth), Objective.At(Objective.Prediction, depth), balanced));
        if (balanced is not null && !forward.Exists(region => Gives(region, Objective.Balance)))
            throw new ArgumentException($"{model.Name} has no scores '{balanced}' whose choice could be balanced.");

        if (split is not null) forward = [.. forward.SelectMany(split)];
        List<Region> backward = [];
        HashSet<string> pending = [];
        foreach (Region region in Enumerable.Reverse(forward))
        {
            List<string> inputs = [.. region.Graph.Nodes.OfType<Input>().Where(input => !input.IsIndex).Select(input => input.Name).Distinct()];

            // A layer's output is also what its next round takes.
            List<string> outputs = [.. region.Graph.Outputs.Select(output => output.Name).Where(name =>
                Objective.IsLoss(name) || pending.Contains(name) || (region.EndLayer - region.FirstLayer > 1 && inputs.Contains(name)))];
            backward.Add(region with { Name = $"gradients of {region.Name}", Graph = Differentiate.Run(region.Graph, outputs, inputs) });
            pending.ExceptWith(outputs);
            pending.UnionWith(inputs);
        }

        return new TrainingGraph(forward.ToEquatable(), backward.ToEquatable());
    }

    /// <summary>
    /// Prediction at a depth: with the weights of the layer after the last depth's, from the hidden values that the last depth gave
    /// (DeepSeek-V3 equation 21).
    /// </summary>
    private static Region At(Region prediction, int depth, ModelGraph model)
    {
        TensorGraph graph = prediction.Graph;
        HashSet<string> handed = [.. graph.Outputs.Select(output => output.Name).Intersect(graph.Nodes.OfType<Input>().Where(input => !input.IsIndex).Select(input => input.Name))];
        if (model.PredictionDepth > 1 && handed.Count == 0)
            throw new ArgumentException($"{model.Name} is to foresee {model.PredictionDepth} further tokens, but its prediction gives no hidden values for the next depth.");

        string Taken(Input input) => input.Name == Objective.Next ? Objective.At(input.Name, depth)
            : handed.Contains(input.Name) && depth > 1 ? Given(input.Name, depth - 1) : input.Name;
        return new Region(
            Objective.At("prediction", depth).Replace('.', ' '), prediction.FirstLayer + depth - 1, prediction.EndLayer + depth - 1,
            graph with
            {
                Nodes = graph.Nodes.Select(node => node is Input input ? input with { Name = Taken(input) } : node).ToEquatable(),
                Outputs = graph.Outputs.Select(output => handed.Contains(output.Name) ? output with { Name = Given(output.Name, depth) } : output).ToEquatable(),
            });
    }

    /// <summary>What a depth hands to the next one: other than the model's own, which the first depth took.</summary>
    private static string Given(string name, int depth) => $"{name}.of.{depth.ToString(CultureInfo.InvariantCulture)}";

    private static Region Appended(Region region, string target, string loss, string? balanced)
    {
        TensorGraph graph = region.Graph;
        if (balanced is not null && Choice(graph, balanced) is { } choice)
            graph = Losses.SequenceBalance(graph, choice.Scores, choice.Chosen, Objective.Balance);
        if (Gives(region, Logits)) graph = Losses.CrossEntropy(graph, Logits, target, loss);
        return region with { Graph = graph };
    }

    /// <summary>The scores of a name, and the choice by which some of them are taken. A block's values have its path before their names.</summary>
    private static (int Scores, int Chosen)? Choice(TensorGraph graph, string scores) => graph.Nodes.OfType<Take>()
        .Where(take => graph.Nodes[take.Index] is Choose && IsNamed(graph.Nodes[take.Values], scores))
        .Select(take => ((int, int)?)(take.Values, take.Index)).FirstOrDefault();

    private static bool IsNamed(Node node, string name) =>
        node.Name == name || node.Name.EndsWith("." + name, StringComparison.Ordinal);

    private static bool Gives(Region region, string name) => region.Graph.Outputs.Any(output => output.Name == name);
}
