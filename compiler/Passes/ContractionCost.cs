using System.Collections.Generic;
using System.Linq;
using Sinter.Compiler.Graph;

namespace Sinter.Compiler.Passes;

/// <summary>
/// Multiplications that a sequence costs: PerToken·t + PerPosition·s + PerPair·t·s for t tokens in the step and s positions
/// in the cache.
/// </summary>
public sealed record ContractionCost(double PerToken, double PerPosition, double PerPair)
{
    public static ContractionCost Zero { get; } = new(0, 0, 0);

    public static ContractionCost operator +(ContractionCost left, ContractionCost right) =>
        new(left.PerToken + right.PerToken, left.PerPosition + right.PerPosition, left.PerPair + right.PerPair);

    public static ContractionCost operator *(ContractionCost cost, double factor) =>
        new(cost.PerToken * factor, cost.PerPosition * factor, cost.PerPair * factor);

    public double Of(Workload workload) =>
        PerToken * workload.Tokens + PerPosition * workload.Positions + PerPair * workload.Tokens * (double)workload.Positions;

    /// <summary>Of all the products in a graph.</summary>
    public static ContractionCost Of(TensorGraph graph)
    {
        ContractionCost cost = Zero;
        foreach (Node node in graph.Nodes)
        {
            if (node is Contract contract) cost += OfProduct(contract.Factors.SelectMany(factor => graph.Nodes[factor].Axes));
            if (node is not Attend attend) continue;
            foreach (QueryKey term in attend.Terms) cost += OfProduct(graph.Nodes[term.Query].Axes.Concat(graph.Nodes[term.Key].Axes));
            cost += OfProduct(attend.Axes.Concat(graph.Nodes[attend.Value].Axes));
        }

        return cost;
    }

    private static ContractionCost OfProduct(IEnumerable<Axis> axes)
    {
        List<Axis> all = [.. axes.Distinct()];
        double size = all.Where(axis => axis.Extent == Extent.Fixed).Aggregate(1.0, (product, axis) => product * axis.Size);
        bool tokens = all.Any(axis => axis.Extent == Extent.Tokens), positions = all.Any(axis => axis.Extent == Extent.Positions);
        return (tokens, positions) switch
        {
            (true, true) => new ContractionCost(0, 0, size),
            (false, true) => new ContractionCost(0, size, 0),
            _ => new ContractionCost(size, 0, 0),
        };
    }
}
