using System;
using System.Collections.Generic;
using System.Linq;

namespace Sinter.Runtime.Training;

/// <summary>What the sequences of one call gave; reports of the calls of one batch add up.</summary>
/// <param name="Sequences">How many there were.</param>
/// <param name="Main">Cross-entropy of the next token in nats, the mean over tokens and sequences.</param>
/// <param name="Prediction">The same of each depth of multi-token prediction; empty where the model has none.</param>
/// <param name="Balance">The balance loss without α: the mean over sequences of the sum over layers; zero where no layer has one.</param>
/// <param name="Loads">
/// [balanced layer][expert]: how often each was chosen by all tokens; layers in the order of <see cref="TrainingSession.BalancedLayers"/>.
/// </param>
public sealed record BatchReport(int Sequences, double Main, IReadOnlyList<double> Prediction, double Balance, IReadOnlyList<int[]> Loads)
{
    /// <summary>Both calls as if they had been one.</summary>
    public BatchReport Add(BatchReport other)
    {
        double mine = (double)Sequences / (Sequences + other.Sequences), its = 1 - mine;
        return new BatchReport(
            Sequences + other.Sequences,
            mine * Main + its * other.Main,
            [.. Prediction.Zip(other.Prediction, (a, b) => mine * a + its * b)],
            mine * Balance + its * other.Balance,
            [.. Loads.Zip(other.Loads, (a, b) => a.Zip(b, (x, y) => checked(x + y)).ToArray())]);
    }

    /// <summary>main + λ · the mean over depths + α · balance.</summary>
    public double Total(ObjectiveFactors factors) =>
        Main + factors.Prediction * (Prediction.Count > 0 ? Prediction.Average() : 0) + factors.Balance * Balance;

    /// <summary>
    /// How far the busiest expert of a layer is above the mean load, as a part of it (MaxVio, Wang et al. 2024,
    /// arXiv 2408.15664): 0 where all have the same.
    /// </summary>
    /// <param name="layer">Index of a balanced layer.</param>
    public double LargestViolation(int layer) => Loads[layer].Sum() is > 0 and int total ? Loads[layer].Max() / ((double)total / Loads[layer].Length) - 1 : 0;
}

/// <summary>A layer whose experts are balanced by a routing bias.</summary>
/// <param name="Layer">The layer's number, as in the published names.</param>
/// <param name="Experts">How many experts it routes to.</param>
/// <param name="Bias">The stored bias, moved by <see cref="RoutingBias"/>; null where the model has none.</param>
public sealed record BalancedLayer(int Layer, int Experts, TrainedTensor? Bias);
