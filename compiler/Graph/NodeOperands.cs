using System;
using System.Linq;

namespace Sinter.Compiler.Graph;

/// <summary>What all nodes have in common: operands that can be moved and counted.</summary>
public static class NodeOperands
{
    /// <summary>The node with every operand moved.</summary>
    public static Node WithOperands(this Node node, Func<int, int> move) => node switch
    {
        Input => node,
        Weight weight => weight.Index < 0 ? weight : weight with { Index = move(weight.Index) },
        Contract contract => contract with { Factors = contract.Factors.Select(move).ToEquatable() },
        Map map => map with { Inputs = map.Inputs.Select(move).ToEquatable() },
        Reduce reduce => reduce with { Input = move(reduce.Input) },
        Softmax softmax => softmax with { Input = move(softmax.Input) },
        LogSumExp sum => sum with { Input = move(sum.Input) },
        Cast cast => cast with { Input = move(cast.Input) },
        Rotary rotary => rotary with { Input = move(rotary.Input) },
        Causal causal => causal with { Input = move(causal.Input) },
        Choose choose => choose with { Scores = move(choose.Scores) },
        Take take => take with { Values = move(take.Values), Index = move(take.Index) },
        Cached cached => cached with { Input = move(cached.Input) },
        OneHot hot => hot with { Index = move(hot.Index) },
        Rename rename => rename with { Input = move(rename.Input) },
        Assemble assemble => assemble with { Parts = assemble.Parts.Select(part => part with { Value = move(part.Value) }).ToEquatable() },
        AttendGradient gradient => gradient with { Attend = (Attend)gradient.Attend.WithOperands(move), Gradient = move(gradient.Gradient) },
        Attend attend => attend with
        {
            Terms = attend.Terms.Select(term => new QueryKey(move(term.Query), move(term.Key))).ToEquatable(),
            Value = move(attend.Value),
        },
        _ => throw new NotSupportedException(node.GetType().Name),
    };

    /// <summary>How often each node is used: by other nodes, as an output, by a trace.</summary>
    public static int[] CountUses(this TensorGraph graph)
    {
        var uses = new int[graph.Nodes.Count];
        foreach (Node node in graph.Nodes)
        {
            foreach (int operand in node.Operands) uses[operand]++;
        }

        foreach (Output output in graph.Outputs) uses[output.Node]++;
        foreach (Trace trace in graph.Traces) uses[trace.Node]++;
        return uses;
    }
}
