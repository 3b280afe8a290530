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
/// along the tokens, 128×1, the activations from what the forward pass had cast. Scales are powers of two where the report has
/// them so (section 3.3.3). Embedding, head, router, norms and attention stay as they are.
/// </summary>
public static class PlaceCasts
{
    public static TensorGraph Run(TensorGraph graph, LinearTensors linear, Precision precision)
    {
        if (precision == Precision.F32) return graph;
        bool[] isGradient = Gradients(graph);
        Dictionary<int, string> sums = [];
        foreach (Assemble assemble in graph.Nodes.OfType<Assemble>().Where(assemble => linear.Contains(assemble.Tensor.Name)))
            foreach (Part part in assemble.Parts) sums[part.Value] = assemble.Tensor.Name;
        var editor = new GraphEditor(graph);
        var writer = new Casts(editor, linear, precision);
        for (int i = 0; i < graph.Nodes.Count; i++)
        {
            if (graph.Nodes[i] is not Contract contract)
            {
                editor.Copy(i);
                continue;
            }

            int stored = contract.Factors.ToList().FindIndex(factor => graph.Nodes[factor] is Weight weight && linear.Contains(LinearTensors.Name(weight)));
            if (stored >= 0 && contract.Factors.Count == 2) editor.Replace(i, writer.WithWeights(contract, stored, isGradient[contract.Factors[1 - stored]]));
            else if (sums.TryGetValue(i, out string? tensor)) editor.Replace(i, writer.OfWeights(contract, tensor, isGradient));
            else editor.Copy(i);
        }

        return editor.Finish();
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

    private sealed class Casts(GraphEditor editor, LinearTensors linear, Precision precision)
    {
        /// <summary>A product with a stored matrix: the other factor in tiles along what is summed.</summary>
        public int WithWeights(Contract contract, int stored, bool isGradient)
        {
            string tensor = LinearTensors.Name((Weight)editor[editor.Place(contract.Factors[stored])]);
            int[] factors = [.. contract.Factors.Select(editor.Place)];
            int activations = 1 - stored, summed = editor[factors[activations]].Axes.Count(axis => !contract.Axes.Contains(axis));
            EquatableArray<Axis> axes = editor[factors[activations]].Axes;
            int along = axes.Reverse().TakeWhile(axis => axis.Extent == Extent.Fixed && editor[factors[stored]].Axes.Contains(axis) && IsSummed(axis, contract, editor[factors[stored]])).Count();
            if (along == 0 && summed > 0) along = 1;
            factors[activations] = Add(factors[activations], precision == Precision.BF16 ? CastForm.BF16 : TilesOf(tensor, isGradient), along);
            factors[stored] = Add(factors[stored], CastForm.Stored, 0);
            return editor.Add(contract with { Factors = factors.ToEquatable() });
        }

        /// <summary>The gradient of a stored matrix, summed over the tokens.</summary>
        public int OfWeights(Contract contract, string tensor, bool[] isGradient)
        {
            List<int> factors = [];
            foreach (int factor in contract.Factors)
            {
                int place = editor.Place(factor);
                if (editor[place] is OneHot) factors.Add(place);
                else if (precision == Precision.BF16) factors.Add(Add(place, CastForm.BF16, 1));
                else if (isGradient[factor]) factors.Add(Add(place, CastForm.Depth, 0));
                else
                {
                    // As the forward pass had it: along all that the forward product sums, which the matrix has too.
                    int along = System.Math.Max(1, editor[place].Axes.Reverse().TakeWhile(contract.Axes.Contains).Count());
                    int tiles = Add(place, linear.FollowsAttention(tensor) ? CastForm.E5M6Tiles : TilesOf(tensor, isGradient: false), along);
                    factors.Add(Add(tiles, linear.FollowsAttention(tensor) || linear.Receives(tensor) ? CastForm.RoundDepth : CastForm.Depth, 0));
                }
            }

            return editor.Add(contract with { Factors = factors.ToEquatable() });
        }

        /// <summary>Of what attention gives to its linear layer, and of what is sent to experts: tokens forward, and gradients of what experts give.</summary>
        private CastForm TilesOf(string tensor, bool isGradient) =>
            (isGradient ? linear.Sends(tensor) : linear.FollowsAttention(tensor) || linear.Receives(tensor)) ? CastForm.RoundTiles : CastForm.Tiles;

        private static bool IsSummed(Axis axis, Contract contract, Node weights) => !contract.Axes.Contains(axis) && weights.Axes.Contains(axis);

        private int Add(int value, CastForm form, int along) =>
            editor.Add(new Cast($"{editor[value].Name}.{form.ToString().ToLowerInvariant()}", editor[value].Axes, value, form, along));
    }
}
