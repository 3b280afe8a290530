using System;
using System.Collections.Generic;
using System.Linq;
using Sinter.Runtime.Execution;
using Sinter.Runtime.Weights;

namespace Sinter.Command.Measuring;

/// <summary>Bytes of weights that decoding one token reads.</summary>
internal static class WeightTraffic
{
    /// <summary>Every matrix of the main model once, in the format that it is kept in; of the embedding one row; of the experts as many as a token goes through.</summary>
    public static long BytesPerToken(ModelDescription description, WeightTable weights)
    {
        double bytes = 0;
        foreach (WeightDeclaration declaration in description.Weights.Where(declaration => !declaration.Predicts))
        {
            double all = Enumerable.Range(declaration.Slot, declaration.Layers * Math.Max(declaration.Experts, 1))
                .Sum(slot => Bytes(declaration.Shape, Format(weights, slot)));
            if (declaration.Experts > 0) all *= Chosen(description, declaration.Experts) / declaration.Experts;
            else if (declaration.Name.Contains("embed", StringComparison.Ordinal)) all /= declaration.Shape[0];
            bytes += all;
        }

        return (long)bytes;
    }

    /// <summary>Bytes a number, scales left out.</summary>
    public static int BytesPerNumber(WeightFormat format) => format switch
    {
        WeightFormat.F32 => 4,
        WeightFormat.BF16 or WeightFormat.F16 => 2,
        _ => 1,
    };

    public static unsafe WeightFormat Format(WeightTable weights, int slot) => weights.Weights[slot].Format;

    private static double Bytes(IReadOnlyList<int> shape, WeightFormat format)
    {
        double numbers = shape.Aggregate(1.0, (product, side) => product * side);
        double scales = shape.Count == 2 ? ScaleBlocks.Count(format, shape[0], shape[1]) : 0;
        return numbers * BytesPerNumber(format) + scales * sizeof(float);
    }

    /// <summary>Under the name that all published configs have; without it, as if every expert were read.</summary>
    private static double Chosen(ModelDescription description, int experts) =>
        description.Config.GetValueOrDefault("num_experts_per_tok") is long chosen ? chosen : experts;
}
