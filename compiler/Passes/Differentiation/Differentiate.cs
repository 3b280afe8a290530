using System;
using System.Collections.Generic;
using System.Linq;
using Sinter.Compiler.Graph;

namespace Sinter.Compiler.Passes.Differentiation;

/// <summary>
/// Reverse-mode differentiation: of a graph the graph that makes its gradients, by a rule for each kind of node
/// (<see cref="Adjoints"/>) and none for any model.
/// </summary>
public static class Differentiate
{
    /// <summary>The name of a value's or a tensor's gradient.</summary>
    public static string Gradient(string name) => "grad." + name;

    /// <summary>
    /// The backward graph. Its inputs are those of the forward graph that it needs and, for each of
    /// <paramref name="outputs"/>, <c>grad.NAME</c>: how the loss changes with that output. Its outputs are
    /// <c>grad.NAME</c> for each of <paramref name="inputs"/> (zero where nothing depends on it), and for each stored tensor
    /// that has a gradient <c>grad.TENSOR</c>, a node <see cref="Assemble"/>: what all views and uses of the tensor give in
    /// this graph, added up. A tensor that the checkpoint may lack goes by the name of the one that it shares
    /// (<see cref="WeightTensor.Otherwise"/>).
    /// </summary>
    /// <remarks>
    /// The forward values that the rules need are written anew into the backward graph, from its inputs: which of them are
    /// rather kept from the forward pass is for the memory planner to choose. In place of its caches stand the step's own
    /// sequences (<see cref="Rename"/>). An index (a choice, a token) has no gradient.
    /// </remarks>
    /// <exception cref="ArgumentException">A name is not an output, or not an input with numbers.</exception>
    /// <exception cref="NotSupportedException">A node that a later pass makes, such as <see cref="Attend"/>.</exception>
    public static TensorGraph Run(TensorGraph forward, IEnumerable<string> outputs, IEnumerable<string> inputs)
    {
        int[] wanted = inputs.Select(name => Find(forward, name)).ToArray();
        Output[] seeds = outputs.Select(name => forward.Outputs.FirstOrDefault(output => output.Name == name)
            ?? throw new ArgumentException($"The graph has no output {name}.")).ToArray();

        var adjoints = new Adjoints(forward, Active(forward, wanted));
        foreach (Output seed in seeds) adjoints.Seed(seed);
        for (int node = forward.Nodes.Count - 1; node >= 0; node--) adjoints.Propagate(node);
        return adjoints.Write(wanted);
    }

    private static int Find(TensorGraph graph, string name)
    {
        for (int i = 0; i < graph.Nodes.Count; i++)
        {
            if (graph.Nodes[i] is Input { IsIndex: false } input && input.Name == name) return i;
        }

        throw new ArgumentException($"The graph has no input {name} that could have a gradient.");
    }

    /// <summary>Which nodes change smoothly with what is differentiated for: weights, and the inputs wanted.</summary>
    private static bool[] Active(TensorGraph graph, int[] wanted)
    {
        var active = new bool[graph.Nodes.Count];
        for (int i = 0; i < active.Length; i++)
        {
            active[i] = graph.Nodes[i] switch
            {
                Input => wanted.Contains(i),
                Weight => true,
                Choose or OneHot => false,
                Take take => active[take.Values],
                Node node => node.Operands.Any(operand => active[operand]),
            };
        }

        return active;
    }
}
