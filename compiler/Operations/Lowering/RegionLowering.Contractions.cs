using System.Collections.Generic;
using System.Linq;
using Sinter.Compiler.Graph;

namespace Sinter.Compiler.Operations.Lowering;

// Contractions, and the maps that become their epilogues.
internal sealed partial class RegionLowering
{
    /// <summary>
    /// A map of contractions that serve nothing else, all with the same rows, batch and columns, becomes their epilogue; its
    /// other inputs must be numbers of the same place or of the whole row.
    /// </summary>
    private void ChooseEpilogues()
    {
        for (int i = 0; i < Graph.Nodes.Count; i++)
        {
            // What is used more than once, such as the residual stream after attention, is worth storing as an epilogue.
            if (Graph.Nodes[i] is not Map map || !_mustStore[i] && _uses[i] < 2) continue;
            List<int> leaves = [];
            CollectLeaves(i, map.Axes, leaves);
            List<int> fusable = [.. leaves.Where(leaf => CanFuse(leaf, map.Axes))];
            if (fusable.Count == 0) continue;

            ContractionShape shape = _shapes[fusable[0]]!;
            List<int> accumulators = [.. fusable.Where(leaf => _shapes[leaf]!.Matches(shape))];
            List<int> extras = [.. leaves.Where(leaf => !accumulators.Contains(leaf))];
            if (!extras.All(leaf => CanBeExtra(leaf, map.Axes, shape))) continue;
            _mustStore[i] = true;
            foreach (int accumulator in accumulators) _epilogues[accumulator] = i;
            foreach (int extra in extras) _mustStore[extra] = true;
        }
    }

    /// <summary>The values that a map starts from, seen through maps over the same axes that serve nothing else.</summary>
    private void CollectLeaves(int node, EquatableArray<Axis> axes, List<int> leaves, bool isRoot = true)
    {
        if (Graph.Nodes[node] is Map map && (isRoot || _uses[node] == 1 && !_mustStore[node] && map.Axes.Equals(axes)))
        {
            foreach (int input in map.Inputs) CollectLeaves(input, axes, leaves, isRoot: false);
        }
        else if (!leaves.Contains(node))
        {
            leaves.Add(node);
        }
    }

    private bool CanFuse(int leaf, EquatableArray<Axis> axes) =>
        _shapes[leaf] is { } shape && _uses[leaf] == 1 && !_mustStore[leaf] && !_epilogues.ContainsKey(leaf)
        && !shape.LeavesParts(Graph.Nodes[leaf]) && Graph.Nodes[leaf].Axes.Equals(axes);

    private bool CanBeExtra(int leaf, EquatableArray<Axis> axes, ContractionShape shape)
    {
        Node node = Graph.Nodes[leaf];
        if (node is Weight or Cached or Choose || _shapes[leaf]?.LeavesParts(node) == true) return false;
        if (node.Axes.Equals(axes)) return shape.Rows != RowSource.Experts || _stored[leaf] is null;
        if (node is Reduce) return false;
        IEnumerable<Axis> rows = axes.Where(axis => axis.IsRow() || axis == shape.Chosen || shape.Batch.Contains(axis));
        return node.Axes.Any(axis => axis.IsRow()) && node.Axes.SequenceEqual(rows.Where(axis => node.Axes.Contains(axis)));
    }

    private void LowerEpilogue(int root)
    {
        List<int> leaves = [];
        CollectLeaves(root, Graph.Nodes[root].Axes, leaves);
        List<int> accumulators = [.. leaves.Where(leaf => _epilogues.TryGetValue(leaf, out int owner) && owner == root).OrderBy(leaf => leaf)];
        List<int> extras = [.. leaves.Where(leaf => !accumulators.Contains(leaf))];
        List<int> arguments = [.. accumulators, .. extras];
        LowerContraction(root, accumulators, extras, Inline(root));

        Scalar Inline(int node) => arguments.IndexOf(node) is var place and >= 0
            ? new Argument(place)
            : ((Map)Graph.Nodes[node]).Function.Substitute(index => Inline(((Map)Graph.Nodes[node]).Inputs[index]));
    }

    private void LowerContraction(int root, List<int> contractions, List<int> extras, Scalar epilogue)
    {
        Node result = Graph.Nodes[root];
        ContractionShape shape = _shapes[contractions[0]]!;
        bool isLogits = Graph.Outputs.Any(output => output.Node == root && output.Name == "logits");
        bool leavesParts = shape.LeavesParts(Graph.Nodes[contractions[0]]);
        RowSource rows = isLogits && shape.Rows == RowSource.Tokens ? RowSource.Listed : shape.Rows;

        List<CallArgument> arguments = [];
        if (rows == RowSource.Listed) arguments.AddRange([new LogitRowsArgument(), new LogitRowCountArgument()]);
        int groups = shape.ChoiceNode >= 0 ? _groupsOf[shape.ChoiceNode] : -1;
        if (groups >= 0) arguments.Add(new GroupsArgument(groups));

        List<ContractionInput> inputs = [];
        List<ContractionWeight> weights = [];
        List<CallArgument> weightArguments = [];
        List<Accumulator> accumulators = [];
        List<int> activations = [];
        foreach (int contraction in contractions)
        {
            ContractionShape product = _shapes[contraction]!;
            int input = activations.IndexOf(product.Activations);
            if (input < 0)
            {
                input = activations.Count;
                activations.Add(product.Activations);
                inputs.Add(InputOf(product, rows));
                arguments.Add(ArgumentOf(product.Activations));
            }

            var weight = (Weight)Graph.Nodes[product.Weight];
            weights.Add(WeightOf(product, weight));
            weightArguments.Add(new WeightArgument(weight.Tensor));
            accumulators.Add(new Accumulator(new[] { new Term(input, weights.Count - 1) }.ToEquatable()));
        }

        arguments.AddRange(weightArguments);
        List<ContractionExtra> extraLayouts = [];
        foreach (int extra in extras)
        {
            extraLayouts.Add(ExtraOf(extra, result.Axes, shape));
            arguments.Add(new BufferArgument(_stored[extra]!.Buffer));
        }

        // What the chosen experts add is kept apart, pair by pair, until a row operation sums it.
        int width = leavesParts ? checked(result.Axes.Width() * shape.Chosen!.Size) : 0;
        int target = leavesParts ? AddBuffer(new BufferSpecification(result.Name + "_parts", BufferRows.Tokens, width)) : BufferFor(root);
        arguments.Add(new BufferArgument(target));
        StorageForm form = leavesParts ? StorageForm.ExpertParts : groups >= 0 ? StorageForm.ByExpert : StorageForm.Plain;
        _stored[root] = new Storage(target, form, groups);

        EquatableArray<Axis> outAxes = shape.Chosen is null ? result.Axes : result.Axes.Where(axis => axis != shape.Chosen).ToEquatable();
        if (outAxes.JoinedStride(shape.Columns) != 1) throw new UnsupportedException($"'{result.Name}' wants its axes in another order than rows, batch, columns: write {string.Join(",", shape.Batch.Concat(shape.Columns))} last");
        var operation = new ContractionOperation(
            NameOf(contractions, shape),
            string.Join("\n", contractions.Where(node => node != root).Append(root).Select(node => Equations.Of(Graph, node))),
            rows,
            shape.Batch.Width(),
            shape.Columns.Width(),
            inputs.ToEquatable(),
            weights.ToEquatable(),
            accumulators.ToEquatable(),
            extraLayouts.ToEquatable(),
            epilogue,
            new Layout(outAxes.Width(), Batched(outAxes.JoinedStride(shape.Batch), result)));
        AddCall(operation, arguments, [target]);
    }

    private CallArgument ArgumentOf(int node) =>
        Graph.Nodes[node] is Cached cached ? new CacheArgument(cached.Cache) : new BufferArgument(_stored[node]!.Buffer);

    private ContractionInput InputOf(ContractionShape shape, RowSource rows)
    {
        Node x = Graph.Nodes[shape.Activations];
        bool isByExpert = _stored[shape.Activations]?.Form == StorageForm.ByExpert;
        EquatableArray<Axis> axes = isByExpert ? x.Axes.Where(axis => axis != shape.Chosen).ToEquatable() : x.Axes;
        if (axes.JoinedStride(shape.Depth) != 1) throw new UnsupportedException($"'{x.Name}' has the summed axes {string.Join(",", shape.Depth)} apart: write them last and in the weight's order");
        bool isIndexed = rows == RowSource.Listed || rows == RowSource.Experts && !isByExpert;
        return new ContractionInput(new Layout(axes.Width(), Batched(axes.JoinedStride(shape.Batch), x)), shape.Depth.Width(), isIndexed);
    }

    private static ContractionWeight WeightOf(ContractionShape shape, Weight weight)
    {
        int depth = weight.JoinedStride(shape.Depth), batch = weight.JoinedStride(shape.Batch);
        if (depth < 0 || batch < 0) throw new UnsupportedException($"'{weight.Name}' has the axes {string.Join(",", shape.Depth.Concat(shape.Batch))} apart: no schedule walks it");
        int columns = weight.JoinedStride(shape.Columns);
        if (columns >= 0) return new ContractionWeight(weight.Offset, batch, shape.Columns.Width(), 0, columns, depth);

        Axis inner = shape.Columns[shape.Columns.Count - 1];
        int block = weight.JoinedStride([.. shape.Columns.Where(axis => axis != inner)]);
        if (block < 0) throw new UnsupportedException($"'{weight.Name}' has the axes {string.Join(",", shape.Columns)} apart: no schedule walks it");
        return new ContractionWeight(weight.Offset, batch, inner.Size, block, weight.StrideOf(inner), depth);
    }

    private ContractionExtra ExtraOf(int extra, EquatableArray<Axis> axes, ContractionShape shape)
    {
        Node node = Graph.Nodes[extra];
        bool isByExpert = _stored[extra]!.Form == StorageForm.ByExpert;
        if (node.Axes.Equals(axes))
        {
            return new ContractionExtra(new Layout(node.Axes.Where(axis => axis != shape.Chosen).Width(), Batched(node.Axes.JoinedStride(shape.Batch), node)));
        }

        // One number a row: of the token, of the token and head, or of the pair of token and expert.
        bool isOfPair = shape.Chosen is not null && node.Axes.Contains(shape.Chosen);
        int rowStride = isOfPair ? 1 : node.Axes.Width();
        if (shape.Rows == RowSource.Experts && !isOfPair) throw new UnsupportedException($"'{node.Name}' scales experts by token: multiply it where the experts are added up");
        return new ContractionExtra(new Layout(rowStride, Batched(node.Axes.JoinedStride(shape.Batch), node)), PerRow: true, Indexed: isOfPair && !isByExpert);
    }

    private static int Batched(int stride, Node node) =>
        stride >= 0 ? stride : throw new UnsupportedException($"'{node.Name}' has the axes of its batch apart: no schedule walks it");

    /// <summary>By the weights, since they say what is done: <c>GateProjAndUpProj_384x256</c>.</summary>
    private string NameOf(List<int> contractions, ContractionShape shape)
    {
        IEnumerable<string> names = contractions
            .Select(contraction => Naming.Weight(((Weight)Graph.Nodes[_shapes[contraction]!.Weight]).Tensor.Name)).Distinct();
        string kind = shape.Rows == RowSource.Experts ? "Experts" : shape.Rows == RowSource.Keys ? "Keys" : "";
        string batch = shape.Batch.Count > 0 ? $"{shape.Batch.Width()}x" : "";
        return $"{kind}{string.Join("And", names)}_{batch}{shape.Columns.Width()}x{shape.Depth.Width()}";
    }
}
