using System;
using System.Collections.Generic;
using System.Linq;
using Sinter.Cuda.Kernels;

namespace Sinter.Cuda;

/// <summary>How latent attention is split over positions, and how long it and attention over expanded keys take: the model of <see cref="TileCosts"/>.</summary>
public static class AttentionCosts
{
    /// <summary>The parts that take least, of 1, 2, 4 and so on to 64.</summary>
    public static int Parts(Gpu gpu, int sequences, int heads, int positions)
        => Enumerable.Range(0, 7).Select(power => 1 << power).MinBy(parts => Predict(gpu, sequences, heads, positions, parts).Seconds);

    /// <summary>Predicted time of both kernels with the best number of parts.</summary>
    /// <param name="gpu">Where they run.</param>
    /// <param name="sequences">With a token each.</param>
    /// <param name="heads">Of a token.</param>
    /// <param name="positions">Of each sequence.</param>
    public static Prediction Predict(Gpu gpu, int sequences, int heads, int positions)
        => Predict(gpu, sequences, heads, positions, Parts(gpu, sequences, heads, positions));

    /// <summary>The same with so many parts.</summary>
    public static Prediction Predict(Gpu gpu, int sequences, int heads, int positions, int parts)
    {
        ArgumentNullException.ThrowIfNull(gpu);
        var kernel = CudaKernel.Named("latent_attention");
        var together = TileCosts.BlocksTogether(kernel, gpu);
        if (together == 0 || !gpu.Runs(kernel))
        {
            return Prediction.Impossible;
        }

        var steps = (positions + LatentAttention.Heads - 1) / LatentAttention.Heads;
        var each = (steps + parts - 1) / parts;
        var busy = TileCosts.Busy((long)((heads + LatentAttention.Heads - 1) / LatentAttention.Heads) * parts * sequences, together, gpu);
        double rowBytes = LatentAttention.Width * 2;
        // The merge reads what the parts have written, and writes the result.
        var parted = 4.0 * sequences * heads * LatentAttention.Values * ((2 * parts) + 1);
        return Prediction.Longest(
            ((sequences * (double)positions * rowBytes) + (sequences * (double)heads * rowBytes) + parted) / gpu.Bandwidth,
            busy * each * 2.0 * LatentAttention.Heads * LatentAttention.Heads * (LatentAttention.Width + LatentAttention.Values) / gpu.BF16,
            busy * (each + 1) * LatentAttention.Heads * rowBytes / gpu.CacheBandwidth,
            busy * each * kernel.RoundInstructions * (kernel.Threads / 32) / gpu.IssueRate,
            busy * each * TileCosts.LoadBytes(kernel) / gpu.SharedBandwidth);
    }

    /// <summary>Predicted time of attention over expanded keys and values of DeepSeek-V3's sizes.</summary>
    /// <param name="gpu">Where it runs.</param>
    /// <param name="heads">Of a token.</param>
    /// <param name="sequences">For each: positions in the cache before the step, and the step's tokens.</param>
    public static Prediction PredictExpanded(Gpu gpu, int heads, IReadOnlyList<(int Before, int Count)> sequences)
    {
        ArgumentNullException.ThrowIfNull(gpu);
        ArgumentNullException.ThrowIfNull(sequences);
        var kernel = CudaKernel.Named("flash_attention_192x128_bf16");
        var together = TileCosts.BlocksTogether(kernel, gpu);
        if (together == 0 || !gpu.Runs(kernel))
        {
            return Prediction.Impossible;
        }

        var shape = default(Heads192x128);
        var (depth, row) = (shape.NoRope + shape.Rope, shape.NoRope + shape.Rope + shape.Values);
        double tiles = 0, steps = 0, numbers = 0;
        foreach (var (before, count) in sequences)
        {
            for (var done = 0; done < count; done += FlashAttention.Queries)
            {
                tiles++;
                steps += (before + Math.Min(count, done + FlashAttention.Queries) + FlashAttention.Keys - 1) / FlashAttention.Keys;
            }

            // A rotated key serves all heads.
            numbers += ((double)count * heads * (depth + shape.Values)) + ((before + count) * ((double)heads * (row - shape.Rope) + shape.Rope));
        }

        // Tiles are of different lengths; with the longest first, multiprocessors end together.
        var busy = TileCosts.Busy((long)(tiles * heads), together, gpu) * steps / tiles;
        return Prediction.Longest(
            2 * numbers / gpu.Bandwidth,
            busy * 2.0 * FlashAttention.Queries * FlashAttention.Keys * row / gpu.BF16,
            busy * FlashAttention.Keys * row * 2 / gpu.CacheBandwidth,
            busy * kernel.RoundInstructions * (kernel.Threads / 32) / gpu.IssueRate,
            busy * TileCosts.LoadBytes(kernel) / gpu.SharedBandwidth);
    }
}
