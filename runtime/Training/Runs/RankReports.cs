using System;
using System.Collections.Generic;
using System.Linq;
using Sinter.Runtime.Training.Ranks;

namespace Sinter.Runtime.Training.Runs;

/// <summary>Reports of the ranks' parts of a batch, as one.</summary>
public static class RankReports
{
    /// <summary>What all ranks' sequences gave; the same bits on every rank. Null where there were none, or a rank was told to stop.</summary>
    /// <param name="mine">Of this rank's sequences; null where it had none.</param>
    /// <param name="stops">Whether this rank was told to stop.</param>
    public static BatchReport? Add(this ICommunicator ranks, TrainingSession session, BatchReport? mine, bool stops)
    {
        if (ranks.Size == 1) return stops ? null : mine;
        double[] numbers = Numbers(session, mine, stops), all = ranks.Gather<double>(numbers);
        BatchReport? sum = null;
        for (int rank = 0; rank < ranks.Size; rank++)
        {
            ReadOnlySpan<double> one = all.AsSpan(rank * numbers.Length, numbers.Length);
            if (one[0] != 0) return null;
            if (one[1] == 0) continue;
            BatchReport report = Report(session, one);
            sum = sum is null ? report : sum.Add(report);
        }

        return sum;
    }

    /// <summary>Where in a batch a rank's sequences lie: as many for each as can be.</summary>
    public static (int First, int End) Part(this ICommunicator ranks, int sequences) =>
        ((int)((long)sequences * ranks.Rank / ranks.Size), (int)((long)sequences * (ranks.Rank + 1) / ranks.Size));

    private static double[] Numbers(TrainingSession session, BatchReport? report, bool stops)
    {
        int loads = session.BalancedLayers.Sum(layer => layer.Experts);
        double isStopped = stops ? 1 : 0;
        return report is null
            ? [isStopped, .. new double[3 + session.Depth + loads]]
            : [isStopped, report.Sequences, report.Main, report.Balance, .. report.Prediction, .. report.Loads.SelectMany(layer => layer).Select(load => (double)load)];
    }

    private static BatchReport Report(TrainingSession session, ReadOnlySpan<double> numbers)
    {
        double[] prediction = numbers.Slice(4, session.Depth).ToArray();
        int at = 4 + session.Depth;
        var loads = new List<int[]>();
        foreach (BalancedLayer layer in session.BalancedLayers)
        {
            loads.Add([.. numbers.Slice(at, layer.Experts).ToArray().Select(load => (int)load)]);
            at += layer.Experts;
        }

        return new BatchReport((int)numbers[1], numbers[2], prediction, numbers[3], loads);
    }
}
