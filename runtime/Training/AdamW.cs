using System;
using System.Numerics;

namespace Sinter.Runtime.Training;

/// <summary>The numbers of AdamW; those that the DeepSeek-V3 report gives (section 4.2) are the defaults.</summary>
/// <param name="Beta1">How much of the mean of gradients stays from step to step.</param>
/// <param name="Beta2">The same of the mean of their squares.</param>
/// <param name="Epsilon">Added to the root of the mean square, so that a weight without gradient stands still.</param>
/// <param name="Decay">The part of itself, times the rate, that a decaying weight loses in each step.</param>
public sealed record AdamWSettings(double Beta1 = 0.9, double Beta2 = 0.95, double Epsilon = 1e-8, double Decay = 0.1);

/// <summary>AdamW with decoupled weight decay (Loshchilov and Hutter, arXiv 1711.05101, algorithm 2).</summary>
public static class AdamW
{
    /// <summary>Whether a tensor's weights decay: matrices do (embedding, head and router among them), gains of norms and biases do not.</summary>
    /// <param name="dimensions">How many axes the stored tensor has.</param>
    public static bool Decays(int dimensions) => dimensions >= 2;

    /// <summary>
    /// One step of one tensor: with g the gradient times <paramref name="scale"/>,
    /// w ← w − rate·decay·w; m ← β1·m + (1−β1)·g; v ← β2·v + (1−β2)·g²; w ← w − rate · m̂ / (√v̂ + ε),
    /// where m̂ = m / (1−β1ˢ) and v̂ = v / (1−β2ˢ) at step s.
    /// </summary>
    /// <param name="step">Counted from 1.</param>
    /// <param name="scale">What clipping makes of the gradients (<see cref="GradientNorm.ClipFactor"/>).</param>
    /// <param name="mean">The first moment m, zero before the first step.</param>
    /// <param name="square">The second moment v, zero before the first step.</param>
    /// <exception cref="ArgumentException">The spans are not of one length, or the step is below 1.</exception>
    public static void Update<T>(
        AdamWSettings settings, double rate, long step, bool decays, double scale, Span<T> weights, ReadOnlySpan<T> gradient, Span<T> mean, Span<T> square)
        where T : struct, IFloatingPointIeee754<T>
    {
        if (gradient.Length != weights.Length || mean.Length != weights.Length || square.Length != weights.Length)
            throw new ArgumentException($"{weights.Length} weights have {gradient.Length} gradients and moments of {mean.Length} and {square.Length} numbers.");
        if (step < 1) throw new ArgumentException($"Steps count from 1, and this one is {step}.", nameof(step));

        T kept = T.CreateChecked(decays ? 1 - rate * settings.Decay : 1);
        T factor = T.CreateChecked(scale), epsilon = T.CreateChecked(settings.Epsilon);
        T beta1 = T.CreateChecked(settings.Beta1), rest1 = T.CreateChecked(1 - settings.Beta1);
        T beta2 = T.CreateChecked(settings.Beta2), rest2 = T.CreateChecked(1 - settings.Beta2);
        T stride = T.CreateChecked(rate / (1 - Math.Pow(settings.Beta1, step)));
        T root = T.CreateChecked(1 / Math.Sqrt(1 - Math.Pow(settings.Beta2, step)));
        for (int i = 0; i < weights.Length; i++)
        {
            T slope = gradient[i] * factor;
            mean[i] = beta1 * mean[i] + rest1 * slope;
            square[i] = beta2 * square[i] + rest2 * slope * slope;
            weights[i] = kept * weights[i] - stride * mean[i] / (T.Sqrt(square[i]) * root + epsilon);
        }
    }
}
