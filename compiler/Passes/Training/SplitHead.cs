using System.Collections.Generic;
using System.Linq;
using Sinter.Compiler.Graph;
using Sinter.Compiler.Passes.Differentiation;

namespace Sinter.Compiler.Passes.Training;

/// <summary>
/// Cuts a region with a cross-entropy before the product that makes its scores. What comes after, the head, then runs by
/// itself: token by token it needs nothing of other tokens, so that a stretch of tokens at a time is enough.
/// </summary>
public static class SplitHead
{
    /// <summary>The name of what the head takes is that of its loss and this.</summary>
    public const string Suffix = ".input";

    /// <summary>The region up to the head, and the head; or the region alone where it cannot be cut.</summary>
    public static IReadOnlyList<Region> Run(Region region)
    {
        TensorGraph graph = region.Graph;
        int sum = graph.Nodes.ToList().FindIndex(node => node is LogSumExp);
        if (sum < 0 || graph.Nodes[((LogSumExp)graph.Nodes[sum]).Input] is not Contract { Factors.Count: 2 } logits) return [region];
        if (graph.Outputs.FirstOrDefault(output => IsOfHead(output.Name)) is not { } loss) return [region];
        int[] values = [.. logits.Factors.Where(factor => graph.Nodes[factor] is not Weight)];
        if (values.Length != 1) return [region];
        int cut = values[0];

        var isHead = new bool[graph.Nodes.Count];
        isHead[loss.Node] = true;
        for (int i = loss.Node; i >= 0; i--)
        {
            if (isHead[i] && i != cut) foreach (int operand in graph.Nodes[i].Operands) isHead[operand] = true;
        }

        // Nothing but tensors, targets and the cut itself may come from before.
        for (int i = 0; i < cut; i++)
        {
            if (isHead[i] && graph.Nodes[i] is not (Weight or Input { IsIndex: true })) return [region];
        }

        string name = loss.Name + Suffix;
        var places = new int[graph.Nodes.Count];
        List<Node> nodes = [];
        for (int i = 0; i < places.Length; i++)
        {
            if (!isHead[i]) continue;
            places[i] = nodes.Count;
            nodes.Add(i == cut ? new Input(name, graph.Nodes[i].Axes, IsIndex: false) : graph.Nodes[i].WithOperands(operand => places[operand]));
        }

        IEnumerable<Output> outputs = graph.Outputs.Where(output => output != loss && output.Node != loss.Node && graph.Nodes[output.Node] != logits).Append(new Output(name, cut));
        var editor = new GraphEditor(graph with { Outputs = outputs.ToEquatable(), Traces = default });
        for (int i = 0; i < graph.Nodes.Count; i++) editor.Copy(i);
        TensorGraph rest = editor.Finish();
        var head = new TensorGraph(nodes.ToEquatable(), new[] { loss with { Node = places[loss.Node] } }.ToEquatable(), default);
        return [region with { Graph = WithoutIdleTargets(rest) }, region with { Name = $"scores of {region.Name}", Graph = head }];
    }

    /// <summary>The head together with its gradients: the loss is another output of the backward graph.</summary>
    public static TensorGraph Join(TensorGraph head, TensorGraph backward)
    {
        List<Node> nodes = [.. backward.Nodes];
        var places = new int[head.Nodes.Count];
        for (int i = 0; i < places.Length; i++)
        {
            places[i] = nodes.Count;
            nodes.Add(head.Nodes[i].WithOperands(operand => places[operand]));
        }

        return new TensorGraph(
            nodes.ToEquatable(), backward.Outputs.Concat(head.Outputs.Select(output => output with { Node = places[output.Node] })).ToEquatable(), default);
    }

    public static bool IsHead(Region region) => region.Graph.Nodes.Any(node =>
        node is Input { Name: var name } && name.EndsWith(Suffix, System.StringComparison.Ordinal) && IsOfHead(name.Substring(0, name.Length - Suffix.Length)));

    private static bool IsOfHead(string loss) => loss == Objective.Main || Objective.DepthOf(Objective.Prediction, loss) > 0;

    private static TensorGraph WithoutIdleTargets(TensorGraph graph)
    {
        int[] uses = graph.CountUses();
        var places = new int[uses.Length];
        List<Node> nodes = [];
        for (int i = 0; i < uses.Length; i++)
        {
            if (graph.Nodes[i] is Input { IsIndex: true } && uses[i] == 0) continue;
            places[i] = nodes.Count;
            nodes.Add(graph.Nodes[i].WithOperands(operand => places[operand]));
        }

        return graph with { Nodes = nodes.ToEquatable(), Outputs = graph.Outputs.Select(output => output with { Node = places[output.Node] }).ToEquatable() };
    }
}
