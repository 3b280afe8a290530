using System;
using System.Collections.Generic;
using System.Linq;
using Sinter.Compiler.Graph;

namespace Sinter.Compiler.Passes;

/// <summary>
/// Turns contraction → map → softmax over positions → contraction into one online loop, whatever the products are: the
/// latent's own entries in the absorbed order, keys and values of each head in the expanded one, or plain attention.
/// </summary>
public static class FormAttention
{
    // A function that uses its argument twice doubles what is written; that of published models uses it once.
    private const int MostWritten = 256;

    public static TensorGraph Run(TensorGraph graph) => Run(graph, _ => true);

    /// <param name="isWanted">Which of the loops that could be formed are.</param>
    public static TensorGraph Run(TensorGraph graph, Func<Attend, bool> isWanted)
    {
        int[] uses = graph.CountUses();
        var editor = new GraphEditor(graph);
        for (int i = 0; i < graph.Nodes.Count; i++)
        {
            if (graph.Nodes[i] is Contract contract && Match(graph, uses, contract) is { } attend && isWanted(attend))
            {
                editor.Replace(i, editor.Add(attend.WithOperands(editor.Place)));
            }
            else
            {
                editor.Copy(i);
            }
        }

        return editor.Finish();
    }

    private static Attend? Match(TensorGraph graph, int[] uses, Contract contract)
    {
        if (contract.Factors.Count != 2) return null;
        int weights = contract.Factors[0], value = contract.Factors[1];
        if (graph.Nodes[weights] is not Softmax) (weights, value) = (value, weights);
        if (graph.Nodes[weights] is not Softmax { Over.Extent: Extent.Positions } softmax || uses[weights] != 1) return null;

        int score = softmax.Input;
        bool isCausal = false;
        if (graph.Nodes[score] is Causal causal && uses[score] == 1)
        {
            isCausal = true;
            score = causal.Input;
        }

        var products = new List<int>();
        Scalar? function = Inline(graph, uses, score, products);
        if (products.Count == 0 || function?.OfSum(products.Count) is not { } map) return null;

        var terms = new List<QueryKey>();
        foreach (int product in products)
        {
            if (graph.Nodes[product] is not Contract { Factors.Count: 2 } pair || uses[product] != 1) return null;
            bool firstIsKey = graph.Nodes[pair.Factors[0]].Axes.Contains(softmax.Over);
            terms.Add(firstIsKey ? new QueryKey(pair.Factors[1], pair.Factors[0]) : new QueryKey(pair.Factors[0], pair.Factors[1]));
        }

        EquatableArray<Axis> heads = softmax.Axes.Where(axis => axis.Extent == Extent.Fixed).ToEquatable();
        return new Attend(contract.Name, contract.Axes, heads, terms.ToEquatable(), map, isCausal, value, softmax.Over);
    }

    /// <summary>The maps that lead to a value as one function of the products they start from; null where it would be too large.</summary>
    private static Scalar? Inline(TensorGraph graph, int[] uses, int root, List<int> products)
    {
        int written = 0;
        Scalar function = Write(root);
        return written <= MostWritten ? function : null;

        Scalar Write(int node)
        {
            if (written++ <= MostWritten && graph.Nodes[node] is Map map && uses[node] == 1)
                return map.Function.Substitute(index => Write(map.Inputs[index]));

            int place = products.IndexOf(node);
            if (place < 0)
            {
                place = products.Count;
                products.Add(node);
            }

            return new Argument(place);
        }
    }
}
