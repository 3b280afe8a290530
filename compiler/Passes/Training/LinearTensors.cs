using System.Collections.Generic;
using System.Linq;
using Sinter.Compiler.Graph;

namespace Sinter.Compiler.Passes.Training;

/// <summary>The tensors that linear layers multiply with, by their published names, and what stands before or after them.</summary>
public sealed class LinearTensors
{
    private readonly HashSet<string> _all;
    private readonly HashSet<string> _attended;
    private readonly HashSet<string> _receiving;
    private readonly HashSet<string> _sending;

    private LinearTensors(HashSet<string> all, HashSet<string> attended, HashSet<string> receiving, HashSet<string> sending) =>
        (_all, _attended, _receiving, _sending) = (all, attended, receiving, sending);

    public bool Contains(string tensor) => _all.Contains(tensor);

    /// <summary>Whether it multiplies what attention gave.</summary>
    public bool FollowsAttention(string tensor) => _attended.Contains(tensor);

    /// <summary>Whether it is an expert's and multiplies what tokens send there: gate and up projection.</summary>
    public bool Receives(string tensor) => _receiving.Contains(tensor);

    /// <summary>Whether it is an expert's and makes what goes back to tokens: the down projection.</summary>
    public bool Sends(string tensor) => _sending.Contains(tensor);

    internal static string Name(Weight weight) => weight.Tensor.Otherwise ?? weight.Tensor.Name;

    /// <param name="forward">The regions of the forward pass, their products taken apart.</param>
    public static LinearTensors Of(IEnumerable<TensorGraph> forward)
    {
        HashSet<string> linear = [], others = [], attended = [], receiving = [], sending = [];
        foreach (TensorGraph graph in forward)
        {
            var isKept = new bool[graph.Nodes.Count];
            for (int i = graph.Nodes.Count - 1; i >= 0; i--)
            {
                // What leads to a choice or to the loss, up to the products that it comes from.
                if (graph.Nodes[i] is Choose choose) isKept[choose.Scores] = true;
                if (graph.Nodes[i] is Take or Reduce { Reduction: Reduction.Max } && graph.Nodes[i].Axes.Count == 1) MarkScores(graph, isKept, graph.Nodes[i]);
                if (isKept[i] && graph.Nodes[i] is Map map) foreach (int input in map.Inputs) isKept[input] = true;
            }

            for (int i = 0; i < graph.Nodes.Count; i++)
            {
                if (graph.Nodes[i] is Weight { IndexStride: > 0 } table) others.Add(Name(table));
                if (graph.Nodes[i] is not Contract contract) continue;
                foreach (Weight weight in contract.Factors.Select(factor => graph.Nodes[factor]).OfType<Weight>())
                {
                    if (weight.Tensor.Shape.Count != 2) continue;
                    (isKept[i] ? others : linear).Add(Name(weight));
                    Node[] rest = [.. contract.Factors.Select(factor => graph.Nodes[factor]).Where(factor => factor is not Weight)];
                    if (rest.OfType<Attend>().Any()) attended.Add(Name(weight));
                    if (weight is not { Index: >= 0, IndexStride: 0 }) continue;

                    // What has no place for the chosen comes from a token as it is; the rest is an expert's own.
                    Axis chosen = graph.Nodes[weight.Index].Axes.Last();
                    (rest.Any(factor => factor.Axes.Contains(chosen)) ? sending : receiving).Add(Name(weight));
                }
            }
        }

        linear.ExceptWith(others);
        return new LinearTensors(linear, attended, receiving, sending);
    }

    /// <summary>Scores of the loss: the target's own is taken from them, and the largest of each token.</summary>
    private static void MarkScores(TensorGraph graph, bool[] isKept, Node node)
    {
        int scores = node is Take take ? take.Values : ((Reduce)node).Input;
        if (graph.Nodes[scores] is Contract) isKept[scores] = true;
    }
}
