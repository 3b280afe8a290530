using System;
using System.Numerics;

namespace Sinter.Runtime.Training;

/// <summary>Balance without an auxiliary loss (DeepSeek-V3 section 2.1.2): the routing bias moves against the load.</summary>
public static class RoutingBias
{
    /// <summary>
    /// After a step, each expert of one layer: b ← b + γ where it was chosen less often than the mean over the layer's
    /// experts, b − γ where more often, and unchanged where just as often.
    /// </summary>
    /// <param name="bias">One number for each expert.</param>
    /// <param name="loads">How often each was chosen in the whole batch.</param>
    /// <param name="speed">γ.</param>
    /// <exception cref="ArgumentException">There are not as many loads as experts.</exception>
    public static void Update<T>(Span<T> bias, ReadOnlySpan<int> loads, double speed)
        where T : struct, IFloatingPointIeee754<T>
    {
        if (loads.Length != bias.Length) throw new ArgumentException($"{bias.Length} experts have {loads.Length} loads.", nameof(loads));
        long total = 0;
        foreach (int load in loads) total += load;
        T by = T.CreateChecked(speed);

        // In whole numbers, so that a load that is the mean is seen to be.
        for (int i = 0; i < bias.Length; i++) bias[i] += by * T.CreateChecked(Math.Sign(total - (long)loads[i] * bias.Length));
    }
}
