using System.Collections.Generic;
using System.Linq;
using Sinter.Compiler.Graph;

namespace Sinter.Compiler.Passes.Training;

/// <summary>In which numbers the products of the linear layers are computed.</summary>
public enum Precision
{
    F32,
    BF16,
    FP8,
}

/// <summary>
/// Lets the products of the linear layers take cast values (DeepSeek-V3 section 3.3): forward and for the gradients of their
/// inputs, activations in tiles of 1×128 and weights in blocks of 128×128; for the gradients of the weights both factors
/// along the tokens, 128×1, the activations from what the forward pass had cast. Embedding, head, router, norms and attention
/// stay as they are.
/// </summary>
public static class PlaceCasts
{
    /// <summary>The published names of the tensors that linear layers multiply with.</summary>
    /// <param name="forward">The regions of the forward pass, their products taken apart.</param>
    public static HashSet<string> LinearTensors(IEnumerable<TensorGraph> forward)
    {
        HashSet<string> linear = [], others = [];
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
                    if (weight.Tensor.Shape.Count == 2) (isKept[i] ? others : linear).Add(Name(weight));
                }
            }
        }

        linear.ExceptWith(others);
        return linear;
    }

    public static TensorGraph Run(TensorGraph graph, HashSet<string> linear, Precision precision)
    {
        if (precision == Precision.F32) return graph;
        bool[] isGradient = Gradients(graph);
        HashSet<int> sums = [.. graph.Nodes.OfType<Assemble>().Where(assemble => linear.Contains(assemble.Tensor.Name)).SelectMany(assemble => assemble.Parts).Select(part => part.Value)];
        var editor = new GraphEditor(graph);
        var writer = new Casts(editor, precision);
        for (int i = 0; i < graph.Nodes.Count; i++)
        {
            if (graph.Nodes[i] is not Contract contract)
            {
                editor.Copy(i);
                continue;
            }

            int stored = contract.Factors.ToList().FindIndex(factor => graph.Nodes[factor] is Weight weight && linear.Contains(Name(weight)));
            if (stored >= 0 && contract.Factors.Count == 2) editor.Replace(i, writer.WithWeights(contract, stored));
            else if (sums.Contains(i)) editor.Replace(i, writer.OfWeights(contract, isGradient));
            else editor.Copy(i);
        }

        return editor.Finish();
    }

    private static string Name(Weight weight) => weight.Tensor.Otherwise ?? weight.Tensor.Name;

    /// <summary>Scores of the loss: the target's own is taken from them, and the largest of each token.</summary>
    private static void MarkScores(TensorGraph graph, bool[] isKept, Node node)
    {
        int scores = node is Take take ? take.Values : ((Reduce)node).Input;
        if (graph.Nodes[scores] is Contract) isKept[scores] = true;
    }

    private static bool[] Gradients(TensorGraph graph)
    {
        var isGradient = new bool[graph.Nodes.Count];
        for (int i = 0; i < isGradient.Length; i++)
        {
            isGradient[i] = graph.Nodes[i] is Input input ? input.Name.StartsWith("grad.", System.StringComparison.Ordinal) : graph.Nodes[i].Operands.Any(operand => isGradient[operand]);
        }

        return isGradient;
    }

    private sealed class Casts(GraphEditor editor, Precision precision)
    {
        /// <summary>A product with a stored matrix: the other factor in tiles along what is summed.</summary>
        public int WithWeights(Contract contract, int stored)
        {
            int[] factors = [.. contract.Factors.Select(editor.Place)];
            int activations = 1 - stored, summed = editor[factors[activations]].Axes.Count(axis => !contract.Axes.Contains(axis));
            EquatableArray<Axis> axes = editor[factors[activations]].Axes;
            int along = axes.Reverse().TakeWhile(axis => axis.Extent == Extent.Fixed && editor[factors[stored]].Axes.Contains(axis) && IsSummed(axis, contract, editor[factors[stored]])).Count();
            if (along == 0 && summed > 0) along = 1;
            factors[activations] = Add(factors[activations], precision == Precision.FP8 ? CastForm.Tiles : CastForm.BF16, along);
            factors[stored] = Add(factors[stored], CastForm.Stored, 0);
            return editor.Add(contract with { Factors = factors.ToEquatable() });
        }

        /// <summary>The gradient of a stored matrix, summed over the tokens.</summary>
        public int OfWeights(Contract contract, bool[] isGradient)
        {
            List<int> factors = [];
            foreach (int factor in contract.Factors)
            {
                int place = editor.Place(factor);
                if (editor[place] is OneHot) factors.Add(place);
                else if (precision == Precision.BF16) factors.Add(Add(place, CastForm.BF16, 1));
                else factors.Add(Add(isGradient[factor] ? place : Add(place, CastForm.Tiles, 1), CastForm.Depth, 0));
            }

            return editor.Add(contract with { Factors = factors.ToEquatable() });
        }

        private static bool IsSummed(Axis axis, Contract contract, Node weights) => !contract.Axes.Contains(axis) && weights.Axes.Contains(axis);

        private int Add(int value, CastForm form, int along) =>
            editor.Add(new Cast($"{editor[value].Name}.{form.ToString().ToLowerInvariant()}", editor[value].Axes, value, form, along));
    }
}
