using System;
using System.Linq;
using System.Numerics;
using System.Runtime.InteropServices;

namespace Sinter.Runtime.Training.Ranks;

/// <summary>
/// Equal shares of all trained numbers, one for each rank, which alone has their moments and moves their weights: the first
/// stage of ZeRO (Rajbhandari et al. 2020, arXiv 1910.02054).
/// </summary>
/// <param name="numbers">Trained numbers, as they lie one after the other in memory.</param>
public sealed unsafe class RankShares(ICommunicator ranks, long numbers) : IDisposable
{
    /// <summary>Numbers that a rank gives to another in one call: large enough that calls cost little, small beside the gradients.</summary>
    private const int Chunk = 1 << 18;

    /// <summary>Shares begin where vectors do.</summary>
    private const int Alignment = 16;

    private readonly float* _given = ranks.Size == 1 ? null : (float*)NativeMemory.Alloc((nuint)(2L * Chunk * ranks.Size), sizeof(float));

    public ICommunicator Ranks => ranks;

    /// <summary>Numbers of a share; the last may reach beyond the numbers that there are.</summary>
    public long Share { get; } = ShareOf(ranks.Size, numbers);

    /// <summary>Of all shares: what memory for the numbers has to hold.</summary>
    public long Total => Share * ranks.Size;

    /// <summary>What passes between ranks lies here meanwhile.</summary>
    public long Bytes => BytesFor(ranks.Size);

    /// <summary><see cref="Share"/> of so many ranks.</summary>
    public static long ShareOf(int ranks, long numbers) => (numbers + (long)ranks * Alignment - 1) / ((long)ranks * Alignment) * Alignment;

    /// <summary><see cref="Bytes"/> of so many ranks.</summary>
    public static long BytesFor(int ranks) => ranks == 1 ? 0 : 2L * Chunk * ranks * sizeof(float);

    /// <summary>Which numbers of a tensor belong to a rank.</summary>
    /// <param name="start">Where the tensor starts among all numbers.</param>
    /// <param name="count">How many it has.</param>
    public (int From, int Count) Of(int rank, long start, int count)
    {
        int from = (int)Math.Clamp(rank * Share - start, 0, count), end = (int)Math.Clamp((rank + 1) * Share - start, 0, count);
        return (from, end - from);
    }

    /// <summary>
    /// Adds up the ranks' gradients, each rank those of its share, in the order of ranks, whichever came first. What the other
    /// ranks own is zero afterwards.
    /// </summary>
    /// <param name="gradients">[<see cref="Total"/>].</param>
    public void Reduce(float* gradients)
    {
        if (ranks.Size == 1) return;
        for (long at = 0; at < Share; at += Chunk)
        {
            int count = (int)Math.Min(Chunk, Share - at), all = count * ranks.Size;
            float* given = _given, taken = _given + all;
            for (int rank = 0; rank < ranks.Size; rank++)
            {
                var part = new Span<float>(gradients + rank * Share + at, count);
                part.CopyTo(new Span<float>(given + (long)rank * count, count));
                if (rank != ranks.Rank) part.Clear();
            }

            ranks.Exchange(new ReadOnlySpan<byte>(given, all * sizeof(float)), new Span<byte>(taken, all * sizeof(float)));
            Add(taken, gradients + ranks.Rank * Share + at, count);
        }
    }

    /// <summary>Gives every rank the weights that the others have moved.</summary>
    /// <param name="weights">[<see cref="Total"/>].</param>
    public void Spread(float* weights)
    {
        if (ranks.Size == 1) return;
        for (int rank = 0; rank < ranks.Size; rank++)
            for (long at = 0; at < Share; at += Chunk)
                ranks.Broadcast(rank, new Span<byte>(weights + rank * Share + at, (int)Math.Min(Chunk, Share - at) * sizeof(float)));
    }

    /// <summary>The sum of a number of each rank, in the order of ranks: the same bits on all of them.</summary>
    public double Sum(double mine) => ranks.Size == 1 ? mine : ranks.Gather([mine]).Sum();

    public void Dispose() => NativeMemory.Free(_given);

    private void Add(float* taken, float* sum, int count)
    {
        new ReadOnlySpan<float>(taken, count).CopyTo(new Span<float>(sum, count));
        for (int rank = 1; rank < ranks.Size; rank++)
        {
            float* part = taken + (long)rank * count;
            int i = 0;
            for (; i + Vector<float>.Count <= count; i += Vector<float>.Count) (Vector.Load(sum + i) + Vector.Load(part + i)).Store(sum + i);
            for (; i < count; i++) sum[i] += part[i];
        }
    }
}
