using System;
using System.Collections.Generic;
using System.Linq;

namespace Sinter.Compiler.Operations.Training;

/// <summary>
/// Where the buffers of a training step lie: bytes for each token of the sequence, for each pair of tokens, or in all.
/// </summary>
/// <param name="Offsets">By region and buffer; -1 for what the pass provides.</param>
/// <param name="KeptStrides">By region and buffer: from one layer's kept values to the next layer's.</param>
public sealed record TrainingPlan(
    EquatableArray<EquatableArray<int>> Offsets, EquatableArray<EquatableArray<int>> KeptStrides, int TokenBytes, int PairBytes, int FixedBytes, int KeptBytes);

/// <summary>
/// Gives each buffer a place for the stages in which it is needed, large ones first, at the lowest offset that no buffer
/// needed at the same time has. Kept values have places of their own, layer after layer.
/// </summary>
public static class PlanTrainingMemory
{
    private const int Alignment = 64;

    /// <param name="regions">Forward, then backward; a backward region finds kept values by the name of its forward region.</param>
    /// <param name="forwardOf">For each region the forward region that keeps its values.</param>
    public static TrainingPlan Run(IReadOnlyList<TrainingRegion> regions, IReadOnlyList<int> forwardOf)
    {
        Dictionary<string, int> boundary = [];
        Dictionary<(int Region, string Name), (int Offset, int Stride)> kept = [];
        int boundaryBytes = 0, keptBytes = 0;
        for (int i = 0; i < regions.Count; i++)
        {
            int layers = Math.Max(1, regions[i].EndLayer - regions[i].FirstLayer);
            foreach (TrainingBuffer buffer in regions[i].Buffers)
            {
                if (buffer.Home == TrainingHome.Boundary && !boundary.ContainsKey(buffer.Name))
                {
                    boundary.Add(buffer.Name, boundaryBytes);
                    boundaryBytes = checked(boundaryBytes + Bytes(buffer));
                }

                if (buffer.Home != TrainingHome.Kept || kept.ContainsKey((forwardOf[i], buffer.Name))) continue;
                kept.Add((forwardOf[i], buffer.Name), (keptBytes, Bytes(buffer)));
                keptBytes = checked(keptBytes + Bytes(buffer) * layers);
            }
        }

        int tokens = boundaryBytes, pairs = 0, once = 0;
        List<EquatableArray<int>> offsets = [], strides = [];
        for (int i = 0; i < regions.Count; i++)
        {
            TrainingRegion region = regions[i];
            int[] places = [.. Enumerable.Repeat(-1, region.Buffers.Count)], layers = new int[region.Buffers.Count];
            once = Math.Max(once, Lay(region, 0, places, 0));
            if (!region.IsStretched) tokens = Math.Max(tokens, Lay(region, 1, places, boundaryBytes));
            pairs = Math.Max(pairs, Lay(region, 2, places, 0));
            for (int k = 0; k < places.Length; k++)
            {
                if (region.Buffers[k].Home == TrainingHome.Boundary) places[k] = boundary[region.Buffers[k].Name];
                if (region.Buffers[k].Home == TrainingHome.Kept) (places[k], layers[k]) = kept[(forwardOf[i], region.Buffers[k].Name)];
            }

            offsets.Add(places.ToEquatable());
            strides.Add(layers.ToEquatable());
        }

        return new TrainingPlan(offsets.ToEquatable(), strides.ToEquatable(), tokens, pairs, once, keptBytes);
    }

    private static int Bytes(TrainingBuffer buffer)
    {
        int bytes = checked(4 * buffer.Numbers);
        return buffer.Sequences == 0 ? (bytes + Alignment - 1) / Alignment * Alignment : bytes;
    }

    /// <summary>What a region that runs a stretch at a time has for its tokens does not grow with the sequence.</summary>
    private static int Bytes(TrainingRegion region, TrainingBuffer buffer) => region.IsStretched && buffer.Sequences == 1
        ? Bytes(buffer with { Numbers = checked(buffer.Numbers * region.Stretch), Sequences = 0 })
        : Bytes(buffer);

    /// <summary>Places the buffers with so many axes over the sequence from an offset on; gives the end of the last.</summary>
    private static int Lay(TrainingRegion region, int sequences, int[] places, int start)
    {
        List<Lifetime> lifetimes = [];
        for (int i = 0; i < region.Buffers.Count; i++)
        {
            TrainingBuffer buffer = region.Buffers[i];
            string key = TrainingRegion.Key(i);
            if ((region.IsStretched ? 0 : buffer.Sequences) != sequences || buffer.Home != TrainingHome.Plan) continue;
            List<int> stages = [.. region.Calls.Where(call => call.Reads.Contains(key) || call.Writes.Contains(key)).Select(call => call.Stage)];
            if (stages.Count > 0) lifetimes.Add(new Lifetime(i, Bytes(region, buffer), stages.Min(), stages.Max()));
        }

        return Lifetime.Lay(lifetimes, places, start);
    }
}
