using System.Collections.Generic;
using System.Linq;
using Sinter.Compiler.Graph;

namespace Sinter.Compiler.Operations.Lowering;

// Attention, and the choice of experts.
internal sealed partial class RegionLowering
{
    private void LowerAttention(int index, Attend attend)
    {
        List<Axis> heads = [.. attend.Heads];
        List<CallArgument> arguments = [];
        List<ScoreTerm> terms = [];
        foreach (QueryKey term in attend.Terms)
        {
            Node query = Graph.Nodes[term.Query];
            KeyLayout key = KeyOf(term.Key, heads);
            List<Axis> depth = [.. query.Axes.Where(axis => !axis.IsRow() && !heads.Contains(axis))];
            if (query.Axes.JoinedStride(depth) != 1 || depth.Width() != key.Depth) throw new UnsupportedException($"'{query.Name}' and '{Graph.Nodes[term.Key].Name}' have other axes than rows, heads and one depth");
            terms.Add(new ScoreTerm(new Layout(query.Axes.Width(), Batched(query.Axes.JoinedStride(heads), query)), key));
            arguments.Add(new BufferArgument(_stored[term.Query]!.Buffer));
            arguments.Add(ArgumentOf(term.Key));
        }

        KeyLayout value = KeyOf(attend.Value, heads);
        CallArgument values = ArgumentOf(attend.Value);
        bool valuesAreKeys = values == arguments[1] && value == terms[0].Key;
        arguments.Add(values);
        int target = BufferFor(index);
        arguments.Add(new BufferArgument(target));
        _stored[index] = new Storage(target);
        string depths = string.Join("And", terms.Select(term => term.Key.Depth));
        var operation = new AttentionOperation(
            $"Attention_{heads.Width()}x{depths}To{value.Depth}",
            Equations.Of(Graph, index),
            heads.Width(),
            terms.ToEquatable(),
            attend.Map,
            attend.IsCausal,
            value,
            new Layout(attend.Axes.Width(), Batched(attend.Axes.JoinedStride(heads), attend)),
            valuesAreKeys);
        AddCall(operation, arguments, [target]);
    }

    private KeyLayout KeyOf(int index, List<Axis> heads)
    {
        Node node = Graph.Nodes[index];
        List<Axis> depth = [.. node.Axes.Where(axis => !axis.IsRow() && !heads.Contains(axis))];
        if (node.Axes.JoinedStride(depth) != 1) throw new UnsupportedException($"'{node.Name}' has its entries apart: write the heads before them");
        return new KeyLayout(node is Cached, depth.Width(), new Layout(node.Axes.Width(), Batched(node.Axes.JoinedStride(heads), node)));
    }

    private void LowerChoice(int index, Choose choose)
    {
        Node scores = Graph.Nodes[choose.Scores];
        int count = choose.Axes.Width();
        int chosen = AddBuffer(new BufferSpecification(choose.Name, BufferRows.Tokens, count, IsIndex: true));
        _stored[index] = new Storage(chosen);
        var operation = new ChooseOperation(
            $"Choose_{count}Of{choose.Among.Size}",
            Equations.Of(Graph, index),
            choose.Among.Size,
            count,
            choose.Groups,
            choose.Keep,
            choose.GroupScore,
            new Layout(scores.Axes.Width()));
        AddCall(operation, [new BufferArgument(_stored[choose.Scores]!.Buffer), new BufferArgument(chosen)], [chosen]);

        Weight? expert = Graph.Nodes.OfType<Weight>().FirstOrDefault(weight => weight.Index == index && weight.IndexStride == 0);
        if (expert is not null) LowerGroups(index, expert.Tensor.Experts, count, chosen);
    }

    private void LowerGroups(int choice, int experts, int count, int chosen)
    {
        string name = Graph.Nodes[choice].Name;
        int offsets = AddBuffer(new BufferSpecification(name + "_offsets", BufferRows.Once, experts + 1, IsIndex: true));
        int pairs = AddBuffer(new BufferSpecification(name + "_pairs", BufferRows.Tokens, count, IsIndex: true));
        int rank = AddBuffer(new BufferSpecification(name + "_rank", BufferRows.Tokens, count, IsIndex: true));
        _groups.Add(new GroupSpecification(experts, count, offsets, pairs, rank));
        _groupsOf[choice] = _groups.Count - 1;
        var operation = new GroupOperation($"Group_{count}Of{experts}", $"rows of {name}[t,k] ordered by expert", experts, count);
        AddCall(operation, [new BufferArgument(chosen), new GroupsArgument(_groups.Count - 1)], [offsets, pairs, rank]);
    }
}
