using System;
using System.Collections.Generic;
using Sinter.Runtime.Execution;

namespace Sinter.Runtime.Generation;

/// <summary>
/// The session's places for sequences. A place that a generation leaves keeps its caches, and with them the tokens that
/// they hold, until another needs it: a prompt that begins with the same tokens goes on from there.
/// </summary>
internal sealed class KeptCaches(ModelSession session)
{
    private readonly List<Kept> _kept = [];
    private int _started;

    /// <summary>Whether a place can be had.</summary>
    public bool HasFree => _kept.Count > 0 || _started < session.MaxSequences;

    /// <summary>The place whose caches hold most of a prompt's beginning; else one that holds nothing, or the one left longest ago.</summary>
    /// <param name="prompt">The tokens to come, of which at least the last is left to process.</param>
    /// <param name="predicts">Whether the prediction layer's cache is needed too.</param>
    /// <param name="shared">How many of the tokens the caches hold.</param>
    /// <returns>The sequence's number.</returns>
    public int Take(ReadOnlySpan<int> prompt, bool predicts, out int shared)
    {
        shared = 0;
        int best = -1;
        for (int i = 0; i < _kept.Count; i++)
        {
            int here = Shared(_kept[i], prompt, predicts);
            if (here <= shared) continue;
            shared = here;
            best = i;
        }

        if (best < 0 && _started < session.MaxSequences)
        {
            _started++;
            return session.AddSequence();
        }

        // They stand in the order in which they were left.
        Kept taken = _kept[Math.Max(best, 0)];
        _kept.Remove(taken);
        session.Truncate(taken.Sequence, shared, predicts ? shared : Math.Max(0, shared - 1));
        return taken.Sequence;
    }

    /// <summary>Leaves a place with what its caches hold.</summary>
    /// <param name="sequence">The sequence's number.</param>
    /// <param name="tokens">Its tokens, those of its positions first.</param>
    public void Leave(int sequence, ReadOnlyMemory<int> tokens)
    {
        session.Truncate(sequence, Math.Min(session.Length(sequence), tokens.Length));
        _kept.Add(new Kept(sequence, tokens[..session.Length(sequence)]));
    }

    private int Shared(Kept kept, ReadOnlySpan<int> prompt, bool predicts)
    {
        int shared = Math.Min(kept.Tokens.Span.CommonPrefixLength(prompt), prompt.Length - 1);
        // The prediction layer's entry at a position was made from the token after it, and its hidden state is gone.
        return predicts ? Math.Max(0, Math.Min(shared - 1, session.PredictedLength(kept.Sequence))) : shared;
    }

    private sealed record Kept(int Sequence, ReadOnlyMemory<int> Tokens);
}
