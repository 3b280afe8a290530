using System;
using System.Collections.Generic;
using System.Linq;
using Sinter.Compiler.Graph;

namespace Sinter.Compiler.Passes;

/// <summary>Writes a graph anew, node by node, and keeps account of where the old nodes went.</summary>
internal sealed class GraphEditor(TensorGraph source)
{
    private readonly List<Node> _nodes = [];
    private readonly int[] _places = Enumerable.Repeat(-1, source.Nodes.Count).ToArray();

    public TensorGraph Source { get; } = source;

    /// <summary>The new graph's node at a new index.</summary>
    public Node this[int index] => _nodes[index];

    /// <summary>Where an old node stands now.</summary>
    public int Place(int old) =>
        _places[old] >= 0 ? _places[old] : throw new InvalidOperationException($"node '{Source.Nodes[old].Name}' is used before it is written");

    public int Add(Node node)
    {
        _nodes.Add(node);
        return _nodes.Count - 1;
    }

    /// <summary>Writes an old node unchanged but for the places of its operands.</summary>
    public int Copy(int old) => _places[old] = Add(Source.Nodes[old].WithOperands(Place));

    /// <summary>Lets a new node stand for an old one.</summary>
    public void Replace(int old, int place) => _places[old] = place;

    /// <summary>The new graph, without the nodes that nothing needs.</summary>
    public TensorGraph Finish()
    {
        var outputs = Source.Outputs.Select(output => output with { Node = Place(output.Node) });
        var traces = Source.Traces.Select(trace => trace with { Node = Place(trace.Node) });
        return RemoveUnused(new TensorGraph(_nodes.ToEquatable(), outputs.ToEquatable(), traces.ToEquatable()));
    }

    private static TensorGraph RemoveUnused(TensorGraph graph)
    {
        var needed = new bool[graph.Nodes.Count];
        foreach (Output output in graph.Outputs) needed[output.Node] = true;
        foreach (Trace trace in graph.Traces) needed[trace.Node] = true;
        for (int i = graph.Nodes.Count - 1; i >= 0; i--)
        {
            // A cache is appended to even where this step reads nothing of it; inputs stay so that their order is known.
            if (graph.Nodes[i] is Cached or Input) needed[i] = true;
            if (!needed[i]) continue;
            foreach (int operand in graph.Nodes[i].Operands) needed[operand] = true;
        }

        var places = new int[graph.Nodes.Count];
        var kept = new List<Node>();
        for (int i = 0; i < places.Length; i++)
        {
            if (!needed[i]) continue;
            kept.Add(graph.Nodes[i].WithOperands(old => places[old]));
            places[i] = kept.Count - 1;
        }

        return new TensorGraph(
            kept.ToEquatable(),
            graph.Outputs.Select(output => output with { Node = places[output.Node] }).ToEquatable(),
            graph.Traces.Select(trace => trace with { Node = places[trace.Node] }).ToEquatable());
    }
}
