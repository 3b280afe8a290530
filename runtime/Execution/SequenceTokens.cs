using System;

namespace Sinter.Runtime.Execution;

/// <summary>Tokens to append to a sequence.</summary>
/// <param name="Sequence">What <see cref="ModelSession.AddSequence"/> returned.</param>
/// <param name="Tokens">At least one token.</param>
/// <param name="Rows">Which of its tokens logits are wanted for; null for what is wanted of the whole batch.</param>
public readonly record struct SequenceTokens(int Sequence, ReadOnlyMemory<int> Tokens, LogitRows? Rows = null);

/// <summary>Which tokens logits are wanted for.</summary>
public enum LogitRows
{
    /// <summary>None: the tokens only fill the caches.</summary>
    None,

    /// <summary>The last of each sequence.</summary>
    Last,

    /// <summary>All of them.</summary>
    All,
}
