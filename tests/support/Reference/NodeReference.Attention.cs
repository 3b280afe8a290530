using System;
using System.Collections.Generic;
using System.Linq;
using Sinter.Compiler.Graph;

namespace Sinter.Tests.Reference;

// Attention as its definition reads: products, mask, softmax and the product with the values, one after the other.
public sealed partial class NodeReference
{
    private NamedArray Evaluate(Attend attend) => Lay(ContractionReference.Contract(Names(attend), [Probabilities(attend), _values[attend.Value]]), attend);

    /// <summary>By the chain rule through the same steps: d score = p · (d p − Σ over positions of p · d p), times the slope of the map.</summary>
    private NamedArray Evaluate(AttendGradient node)
    {
        Attend attend = node.Attend;
        NamedArray p = Probabilities(attend), gradient = _values[node.Gradient];
        int[] operands = [.. attend.Operands];
        if (node.Of == operands.Length - 1) return Lay(ContractionReference.Contract(Names(node), [p, gradient]), node);

        NamedArray change = ContractionReference.Contract([.. p.Axes], [gradient, _values[attend.Value]]);
        double slope = SlopeOf(attend.Map);
        foreach (int[] row in Rows(p, attend.Over.Name))
        {
            double mean = row.Sum(place => p.Numbers[place] * change.Numbers[place]);
            foreach (int place in row) change.Numbers[place] = slope * p.Numbers[place] * (change.Numbers[place] - mean);
        }

        // The other factor of the term that this operand is in.
        return Lay(ContractionReference.Contract(Names(node), [change, _values[operands[node.Of ^ 1]]]), node);
    }

    private NamedArray Probabilities(Attend attend)
    {
        Axis[] batch = [.. attend.Axes.Where(axis => axis.Extent == Extent.Tokens), .. attend.Heads];
        Axis[] axes = [.. batch, attend.Over];
        string[] names = [.. axes.Select(axis => axis.Name)];
        var score = new NamedArray(names, [.. axes.Select(SizeOf)]);
        foreach (QueryKey term in attend.Terms)
        {
            NamedArray product = ContractionReference.Contract(names, [_values[term.Query], _values[term.Key]]);
            for (int i = 0; i < score.Numbers.Length; i++) score.Numbers[i] += product.Numbers[i];
        }

        int[] queries = Indices(score, batch.First(axis => axis.Extent == Extent.Tokens).Name);
        int[] keys = Indices(score, attend.Over.Name);
        for (int i = 0; i < score.Numbers.Length; i++)
        {
            score.Numbers[i] = attend.IsCausal && keys[i] > firstPosition + queries[i]
                ? double.NegativeInfinity
                : ScalarReference.Evaluate(attend.Map, [score.Numbers[i]]);
        }

        foreach (int[] row in Rows(score, attend.Over.Name))
        {
            double max = row.Max(place => score.Numbers[place]);
            double sum = row.Sum(place => Math.Exp(score.Numbers[place] - max));
            foreach (int place in row) score.Numbers[place] = Math.Exp(score.Numbers[place] - max) / sum;
        }

        return score;
    }

    /// <summary>Gradients of attention exist for maps that scale only.</summary>
    private static double SlopeOf(Scalar map)
    {
        double At(double x) => ScalarReference.Evaluate(map, [x]);
        double slope = At(1) - At(0);
        return At(3) - At(1) == 2 * slope ? slope : throw new NotSupportedException("the reference has the gradient of scaled attention only");
    }
}
