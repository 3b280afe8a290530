using System;

namespace Sinter.Runtime.Training;

/// <summary>How a number moves from one value to another while a phase of training lasts.</summary>
public static class RateCurve
{
    /// <summary>Evenly.</summary>
    /// <param name="fraction">How much of the phase is over, 0 to 1.</param>
    public static double Linear(double from, double to, double fraction) => from + (to - from) * fraction;

    /// <summary>Along half a wave of the cosine: slowly at first and at the end.</summary>
    /// <inheritdoc cref="Linear"/>
    public static double Cosine(double from, double to, double fraction) => to + (from - to) * 0.5 * (1 + Math.Cos(Math.PI * fraction));

    /// <summary>
    /// The learning rate of one step: evenly up to the peak, which the last step of the warm-up has, then along a cosine to
    /// <paramref name="floor"/> · <paramref name="peak"/>, which the step after the last would have.
    /// </summary>
    /// <param name="step">Counted from 0.</param>
    /// <param name="steps">Of the whole run, warm-up included.</param>
    /// <exception cref="ArgumentOutOfRangeException">The step is before the first; or the run is no longer than its warm-up.</exception>
    public static double WarmUpThenCosine(long step, long warmUp, long steps, double peak, double floor)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(step);
        ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(steps, warmUp);
        if (step < warmUp) return Linear(0, peak, (step + 1.0) / warmUp);
        return Cosine(peak, floor * peak, Math.Min(1, (step - warmUp) / (double)(steps - warmUp)));
    }
}
