using System;
using Sinter.Runtime.Execution;

namespace Sinter.Runtime.Generation;

/// <summary>
/// Steps of a session with what next tokens are taken from: where all that read it are greedy, tokens that are chosen where the step
/// runs; else logits. What a step gave is there until the next one.
/// </summary>
internal sealed class TokenSteps(ModelSession session)
{
    private int[] _greedy = [];
    private float[] _logits = [];

    /// <param name="batch">Each with the rows that are wanted of it.</param>
    /// <param name="kind">What runs.</param>
    /// <param name="isGreedy">Whether only the greatest logit's token is wanted of each row.</param>
    public NextTokens Run(ReadOnlySpan<SequenceTokens> batch, ModelSession.StepKind kind, bool isGreedy)
    {
        int vocabulary = session.Description.VocabularySize, rows = ModelSession.CountLogitRows(batch, LogitRows.None);
        if (isGreedy)
        {
            if (_greedy.Length < rows) _greedy = new int[rows];
            session.RunGreedily(batch, _greedy, LogitRows.None, kind);
            return new NextTokens(_greedy);
        }

        long room = (long)rows * vocabulary;
        if (_logits.Length < room) _logits = new float[room];
        session.Run(batch, _logits, LogitRows.None, kind);
        return new NextTokens(_logits, vocabulary);
    }
}
