namespace Sinter.Runtime.Execution;

/// <summary>How much a session can hold and how it runs.</summary>
public record SessionOptions
{
    /// <summary>Sequences at a time.</summary>
    public int MaxSequences { get; init; } = 1;

    /// <summary>
    /// Positions a sequence; null for the model's <see cref="ModelDescription.MaxPositions"/>, or the largest half,
    /// quarter … of it whose caches take at most a quarter of the machine's memory.
    /// </summary>
    public int? Capacity { get; init; }

    /// <summary>Tokens a step: longer prompts are processed in chunks of it.</summary>
    public int MaxTokensPerStep { get; init; } = 512;

    /// <summary>
    /// Positions for which keys and values can be expanded from the latent cache in one step; beyond it attention runs
    /// absorbed. Null for all of the session's positions, at most 16384.
    /// </summary>
    public int? ExpandedPositions { get; init; }

    /// <summary>Threads; null for the machine's cores.</summary>
    public int? Threads { get; init; }

    /// <summary>What to run on; null for this machine's processor.</summary>
    public ISessionTarget? Target { get; init; }

    /// <summary>The order of attention's contractions.</summary>
    public AttentionOrder AttentionOrder { get; init; } = AttentionOrder.Cheapest;
}
