using System;
using System.Collections.Generic;
using System.Linq;
using Sinter.Runtime.Checkpoints;
using Sinter.Runtime.Execution;

namespace Sinter.Runtime.Weights;

/// <summary>
/// Whether weights are copied into memory of our own. Huge pages are what it is about: where the file system gives none for
/// mapped files, decoding from 4 KB pages was measured at 60 % of its speed (docs/performance.md).
/// </summary>
internal static unsafe class PlacementChoice
{
    /// <summary>Less than this stays in the tables of a processor's small pages, or its caches, and starts fastest where it is.</summary>
    private const long Least = 64 << 20;

    /// <summary>Copies where there are huge pages for memory but none for the file, and room for the copy and a quarter more.</summary>
    public static WeightPlacement For(IReadOnlyList<BoundWeight?> weights, long bytes)
    {
        if (bytes < Least || !Pages.CanBeHuge || AvailableBytes() < bytes + bytes / 4) return WeightPlacement.Mapped;
        return Pages.AreHuge(Samples(weights)) ? WeightPlacement.Mapped : WeightPlacement.Copied;
    }

    /// <summary>Places spread over all weights, no two in one huge page.</summary>
    private static List<nint> Samples(IReadOnlyList<BoundWeight?> weights)
    {
        const int most = 16;
        List<StoredTensor> tensors = [.. weights.OfType<BoundWeight>().Select(w => w.Tensor).Distinct()];
        return [.. Enumerable.Range(0, most)
            .Select(i => tensors[i * tensors.Count / most])
            .Select(tensor => (nint)tensor.Data + (nint)(tensor.ByteCount / 2))
            .DistinctBy(place => place / (nint)Pages.Huge)];
    }

    /// <summary>What the machine has left, with what it would give up of its file cache, and the container allows.</summary>
    private static long AvailableBytes()
    {
        long left = Arena.MachineBytes - Environment.WorkingSet;
        return Math.Min(left, KernelAccount.ReadLines("/proc/meminfo").Select(line => KernelAccount.Bytes(line, "MemAvailable")).FirstOrDefault(bytes => bytes is not null) ?? left);
    }
}
