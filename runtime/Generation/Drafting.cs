using System;
using System.Collections.Generic;
using Sinter.Runtime.Execution;

namespace Sinter.Runtime.Generation;

/// <summary>
/// Multi-token decoding's other half (DeepSeek-V3 report, 5.4.3): after a step of the model its prediction layer runs
/// over the new positions and drafts the token after the next one; from its own hidden states it drafts those after that.
/// </summary>
internal sealed class Drafting(ModelSession session)
{
    private readonly List<RunningGeneration> _members = [];
    private readonly List<RunningGeneration> _drafting = [];
    private readonly SequenceTokens[] _batch = new SequenceTokens[session.MaxSequences];

    /// <summary>The generations of this round.</summary>
    public IReadOnlyList<RunningGeneration> Members => _members;

    public void Clear()
    {
        _members.Clear();
        _drafting.Clear();
    }

    /// <summary>Takes a generation in whose last step's hidden states are there.</summary>
    /// <param name="wantsDrafts">Whether its next token is chosen, so that those after it can be drafted.</param>
    public void Add(RunningGeneration generation, bool wantsDrafts)
    {
        int length = session.Length(generation.Sequence), predicted = session.PredictedLength(generation.Sequence);
        bool drafts = wantsDrafts && generation.WantedDrafts(length, session.Capacity) > 0;
        // Position p is predicted from with token p + 1, which is known by now.
        ReadOnlyMemory<int> next = generation.Tokens[(predicted + 1)..(length + 1)];
        _batch[_members.Count] = new SequenceTokens(generation.Sequence, next, drafts ? LogitRows.Last : LogitRows.None);
        _members.Add(generation);
        if (drafts) _drafting.Add(generation);
    }

    /// <param name="steps">Of the same session; what they gave before is used up.</param>
    public void Run(TokenSteps steps)
    {
        if (_members.Count == 0) return;
        bool isGreedy = _drafting.TrueForAll(static generation => generation.IsGreedy);
        NextTokens next = steps.Run(_batch.AsSpan(0, _members.Count), ModelSession.StepKind.Predict, isGreedy);
        for (int made = 1; _drafting.Count > 0; made++)
        {
            int going = 0;
            for (int i = 0; i < _drafting.Count; i++)
            {
                RunningGeneration generation = _drafting[i];
                int length = session.Length(generation.Sequence);
                ReadOnlyMemory<int> draft = generation.AddDraft(next.Rows(i, 1), length + made);
                if (made >= generation.WantedDrafts(length, session.Capacity)) continue;
                _batch[going] = new SequenceTokens(generation.Sequence, draft, LogitRows.Last);
                _drafting[going++] = generation;
            }

            _drafting.RemoveRange(going, _drafting.Count - going);
            if (going > 0) next = steps.Run(_batch.AsSpan(0, going), ModelSession.StepKind.Further, isGreedy);
        }
    }
}
