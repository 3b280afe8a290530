using System;
using Sinter.Runtime.Checkpoints;

namespace Sinter.Runtime.Execution;

/// <summary>A session's sizes, settled for one model and machine, and the memory that they take.</summary>
public sealed record SessionSizes
{
    private const int PositionsWhereUnknown = 4096;
    private const int MostExpandedPositions = 16384;

    // Buffers begin at multiples of it, so they are aligned to 64 bytes whatever their width.
    private const int RowStep = 16;

    public required int Sequences { get; init; }

    /// <summary>Positions a sequence.</summary>
    public required int Capacity { get; init; }

    /// <summary>The most tokens a step.</summary>
    public required int Tokens { get; init; }

    /// <summary>Rows of buffers over positions.</summary>
    public required int Keys { get; init; }

    public required int Threads { get; init; }

    internal static SessionSizes Settle(ModelDescription description, SessionOptions options, long memoryBytes)
    {
        int capacity = Positions(description, options, memoryBytes);
        long keys = options.ExpandedPositions ?? Math.Min((long)capacity * options.MaxSequences, MostExpandedPositions);
        return new SessionSizes
        {
            Sequences = AtLeastOne(options.MaxSequences, nameof(SessionOptions.MaxSequences)),
            Capacity = capacity,
            Tokens = RoundUp(AtLeastOne(options.MaxTokensPerStep, nameof(SessionOptions.MaxTokensPerStep))),
            Keys = RoundUp((int)Math.Max(keys, 1)),
            Threads = options.Threads is { } threads ? AtLeastOne(threads, nameof(SessionOptions.Threads)) : ThreadTeam.DefaultCount,
        };
    }

    public long CacheBytes(ModelDescription description) => LatentCache.BytesFor(description, Sequences, Capacity);

    public long ScratchBytes(ModelDescription description) => Arena.Align(description.ScratchBytes);

    /// <summary>Everything besides weights and caches.</summary>
    public long BufferBytes(ModelDescription description) =>
        description.TokenBytes * Tokens
        + description.PositionBytes * Keys
        + description.FixedBytes
        + ScratchBytes(description) * Threads
        + RotaryTables.BytesFor(description, Capacity)
        + (2L * Tokens + Sequences) * description.HiddenSize * sizeof(float)
        + (long)description.VocabularySize * sizeof(float);

    /// <exception cref="SinterException">The machine has less memory than the session takes.</exception>
    internal void RequireMemory(ModelDescription description, long memoryBytes, string owner = "this machine")
    {
        long caches = CacheBytes(description), buffers = BufferBytes(description);
        if (caches + buffers <= memoryBytes) return;
        throw new SinterException(
            $"There is not enough memory: {Sequences} sequences of {Capacity} positions take {Wording.Bytes(caches)} of caches and steps of {Tokens} tokens "
            + $"{Wording.Bytes(buffers)} of buffers, but {owner} has {Wording.Bytes(memoryBytes)}; lower {nameof(SessionOptions.Capacity)}, "
            + $"{nameof(SessionOptions.MaxSequences)}, {nameof(SessionOptions.MaxTokensPerStep)} or {nameof(SessionOptions.ExpandedPositions)}.");
    }

    private static int Positions(ModelDescription description, SessionOptions options, long memoryBytes)
    {
        int most = description.MaxPositions > 0 ? description.MaxPositions : PositionsWhereUnknown;
        if (options.Capacity is { } wanted)
        {
            if (description.MaxPositions > 0 && wanted > most)
                throw new SinterException($"A {nameof(SessionOptions.Capacity)} of {wanted} positions is more than the {most} that {description.Name} was made for.");
            return AtLeastOne(wanted, nameof(SessionOptions.Capacity));
        }

        while (most > 1024 && LatentCache.BytesFor(description, options.MaxSequences, most) > memoryBytes / 4) most /= 2;
        return most;
    }

    private static int AtLeastOne(int value, string option) =>
        value >= 1 ? value : throw new SinterException($"{option} is {value}; it must be at least 1.");

    private static int RoundUp(int rows) => checked((rows + RowStep - 1) / RowStep * RowStep);
}
