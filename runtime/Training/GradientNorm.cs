using System;
using System.Numerics;

namespace Sinter.Runtime.Training;

/// <summary>Clipping by the norm over all gradients of the model (DeepSeek-V3 section 4.2: to 1.0).</summary>
public static class GradientNorm
{
    // Keeps the factor finite where every gradient is zero; part of the rule that the reference runs were made with.
    private const double Margin = 1e-6;

    /// <summary>Σ g² over one tensor, in double precision, in the order of the numbers: add up over the tensors and take the root.</summary>
    public static double SumOfSquares<T>(ReadOnlySpan<T> gradient)
        where T : struct, IFloatingPointIeee754<T>
    {
        double sum = 0;
        foreach (T number in gradient)
        {
            double value = double.CreateChecked(number);
            sum += value * value;
        }

        return sum;
    }

    /// <summary>What to multiply every gradient with so that their norm is no larger than a limit: limit / (norm + 1e-6), at most 1.</summary>
    /// <param name="norm">The root of the sum of squares over all gradients.</param>
    public static double ClipFactor(double norm, double limit) => Math.Min(1, limit / (norm + Margin));
}
