using System.Linq;
using Sinter.Compiler.Graph;
using Sinter.Compiler.Passes;

namespace Sinter.Compiler.Reports;

/// <summary>
/// Counts the multiplications and additions of a model's contractions. Maps and norms are left out: they are a thousandth
/// of it.
/// </summary>
public static class CountFlops
{
    /// <summary>For one sequence's step of a workload, divided by its tokens; logits are computed for the last token alone.</summary>
    /// <param name="order">The workload whose cheapest order of contractions is taken.</param>
    public static double PerToken(ModelGraph model, Workload step, Workload order)
    {
        // A token attends to no position after its own: of a prompt's pairs of token and position, half count.
        double seen = step.Positions - (step.Tokens - 1) / 2.0;
        double products = 0;
        foreach (Region region in model.Main)
        {
            int layers = region.IsRepeated ? region.EndLayer - region.FirstLayer : 1;
            ContractionCost cost = ContractionCost.Of(ReorderContractions.Run(region.Graph, order)) * layers;
            bool isHead = region.Graph.Outputs.Any(output => output.Name == "logits");
            products += cost.PerToken / (isHead ? step.Tokens : 1) + cost.PerPosition * step.Positions / step.Tokens + cost.PerPair * seen;
        }

        return 2 * products;
    }
}
