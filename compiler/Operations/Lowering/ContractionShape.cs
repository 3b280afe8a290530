using System.Collections.Generic;
using System.Linq;
using Sinter.Compiler.Graph;

namespace Sinter.Compiler.Operations.Lowering;

/// <summary>
/// What the axes of a product of activations and a stored weight mean: rows belong to the activations alone, columns to the
/// weight alone, the batch to both, and the depth is summed.
/// </summary>
internal sealed record ContractionShape(
    int Activations,
    int Weight,
    RowSource Rows,
    int ChoiceNode,
    Axis? Chosen,
    EquatableArray<Axis> Batch,
    EquatableArray<Axis> Columns,
    EquatableArray<Axis> Depth)
{
    /// <summary>Whether the results of the chosen experts are still to be added up.</summary>
    public bool LeavesParts(Node contract) => Chosen is not null && !contract.Axes.Contains(Chosen);

    /// <summary>Whether two products can be accumulators of one contraction.</summary>
    public bool Matches(ContractionShape other) =>
        (Rows, ChoiceNode, Chosen) == (other.Rows, other.ChoiceNode, other.Chosen)
        && Batch.Equals(other.Batch) && Columns.Equals(other.Columns);

    /// <summary>Null where a factor is no weight.</summary>
    public static ContractionShape? Of(TensorGraph graph, Contract contract)
    {
        if (contract.Factors.Count != 2) return null;
        int activations = contract.Factors[0], weight = contract.Factors[1];
        if (graph.Nodes[activations] is Weight) (activations, weight) = (weight, activations);
        if (graph.Nodes[weight] is not Weight view || graph.Nodes[activations] is Weight) return null;

        Node x = graph.Nodes[activations];
        bool isExpert = view.Index >= 0 && view.IndexStride == 0;
        Axis? chosen = isExpert ? graph.Nodes[view.Index].Axes.Single(axis => !axis.IsRow()) : null;
        bool IsInner(Axis axis) => !axis.IsRow() && axis != chosen;

        List<Axis> batch = [], depth = [];
        foreach (Axis axis in x.Axes.Where(IsInner))
        {
            bool stays = contract.Axes.Contains(axis);
            if (view.Axes.Contains(axis)) (stays ? batch : depth).Add(axis);
            else throw new UnsupportedException($"'{contract.Name}' multiplies '{x.Name}' with '{view.Name}', which lacks axis '{axis}': no schedule does that");
        }

        List<Axis> columns = [.. contract.Axes.Where(axis => IsInner(axis) && !x.Axes.Contains(axis))];
        RowSource rows = isExpert ? RowSource.Experts : x is Cached ? RowSource.Keys : RowSource.Tokens;
        return new ContractionShape(activations, weight, rows, isExpert ? view.Index : -1, chosen,
            batch.ToEquatable(), columns.ToEquatable(), depth.ToEquatable());
    }
}
