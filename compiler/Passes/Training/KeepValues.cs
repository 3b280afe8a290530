using System.Collections.Generic;
using System.Linq;
using Sinter.Compiler.Graph;

namespace Sinter.Compiler.Passes.Training;

/// <summary>Which forward values the backward pass finds in memory; it makes the others anew.</summary>
public enum Keeping
{
    /// <summary>Products, choices and sums along rows, as long as they are no larger than the sequence: what is cheap to make (norms, SwiGLU, a score) is made anew.</summary>
    Products,

    /// <summary>What a region takes, and its choices: everything else is made anew, and memory grows least with the layers.</summary>
    Inputs,
}

/// <summary>
/// Lets a backward region read forward values instead of making them anew: the forward region hands them out under the name
/// <c>kept.NAME</c>, and the backward region takes them in. Choices are always kept: repeated, they might fall otherwise.
/// </summary>
/// <remarks>The third result names the forward values that the backward region makes anew.</remarks>
public static class KeepValues
{
    public const string Prefix = "kept.";

    public static (TensorGraph Forward, TensorGraph Backward, EquatableArray<string> MadeAnew) Run(TensorGraph forward, TensorGraph backward, Keeping keeping)
    {
        Dictionary<Node, int> made = [];
        int[] names = Number(forward, made);
        int before = made.Count;
        int[] same = Number(backward, made);
        int[] origin = same.Select(id => id < before ? System.Array.IndexOf(names, id) : -1).ToArray();

        // From the gradients back to what they need, no further than what is kept.
        var needed = new bool[backward.Nodes.Count];
        SortedSet<int> kept = [];
        foreach (Output output in backward.Outputs) needed[output.Node] = true;
        for (int i = backward.Nodes.Count - 1; i >= 0; i--)
        {
            if (!needed[i]) continue;
            if (origin[i] >= 0 && IsKept(backward.Nodes[i], keeping)) kept.Add(i);
            else foreach (int operand in backward.Nodes[i].Operands) needed[operand] = true;
        }

        var editor = new GraphEditor(backward);
        List<Output> handed = [.. forward.Outputs];
        HashSet<string> taken = [];
        List<string> anew = [];
        for (int i = 0; i < backward.Nodes.Count; i++)
        {
            if (!kept.Contains(i))
            {
                // What nothing needs stays where it can: the editor leaves it out in the end.
                editor.Copy(i);
                bool isAnew = needed[i] && origin[i] >= 0 && backward.Nodes[i] is not (Cast or Weight) && backward.Nodes[i].Operands.Any();
                if (isAnew && !anew.Contains(backward.Nodes[i].Name)) anew.Add(backward.Nodes[i].Name);
                continue;
            }

            Node node = backward.Nodes[i];
            string name = Prefix + node.Name;
            for (int k = 2; !taken.Add(name); k++) name = $"{Prefix}{node.Name}.{k}";
            editor.Replace(i, editor.Add(new Input(name, node.Axes, node is Choose)));
            handed.Add(new Output(name, origin[i]));
        }

        TensorGraph rewritten = editor.Finish();
        return (forward with { Outputs = handed.ToEquatable() }, WithoutIdleInputs(rewritten), anew.ToEquatable());
    }

    private static bool IsKept(Node node, Keeping keeping)
    {
        if (node is Choose or Input { IsIndex: false }) return true;
        if (keeping == Keeping.Inputs) return false;
        return node is Contract or Attend or Reduce or Rotary or Cast { IsOfRows: true } && node.Axes.Count(axis => axis.Extent != Extent.Fixed) == 1;
    }

    /// <summary>The same number for the same value, in both graphs.</summary>
    private static int[] Number(TensorGraph graph, Dictionary<Node, int> made)
    {
        var numbers = new int[graph.Nodes.Count];
        for (int i = 0; i < numbers.Length; i++)
        {
            Node key = MergeEqual.Key(graph.Nodes[i].WithOperands(operand => numbers[operand]));
            if (!made.TryGetValue(key, out numbers[i])) made[key] = numbers[i] = made.Count;
        }

        return numbers;
    }

    private static TensorGraph WithoutIdleInputs(TensorGraph graph)
    {
        int[] uses = graph.CountUses();
        var places = new int[uses.Length];
        List<Node> nodes = [];
        for (int i = 0; i < uses.Length; i++)
        {
            if (graph.Nodes[i] is Input && uses[i] == 0) continue;
            places[i] = nodes.Count;
            nodes.Add(graph.Nodes[i].WithOperands(operand => places[operand]));
        }

        return new TensorGraph(nodes.ToEquatable(), graph.Outputs.Select(output => output with { Node = places[output.Node] }).ToEquatable(), default);
    }
}
