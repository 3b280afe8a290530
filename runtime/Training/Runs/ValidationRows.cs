using System;
using Sinter.Runtime.Training.Data;
using Sinter.Runtime.Training.Ranks;

namespace Sinter.Runtime.Training.Runs;

/// <summary>The rows that a run is validated on, the same each time.</summary>
internal sealed class ValidationRows
{
    private readonly int[] _tokens;
    private readonly int[] _documents;

    private ValidationRows(int[] tokens, int[] documents, int count) => (_tokens, _documents, Count) = (tokens, documents, count);

    public int Count { get; }

    public static ValidationRows Cut(TokenStore store, DocumentMarks marks, double part, int length, int beyond, int most)
    {
        (int[] tokens, int[] documents, int rows) = HeldOutDocuments.Rows(store, marks, part, length, beyond, most);
        return new ValidationRows(tokens, documents, rows);
    }

    /// <summary>The losses of all rows, of which each rank looks at its part.</summary>
    public BatchReport Evaluate(TrainingSession session, bool masks, ICommunicator ranks)
    {
        (int first, int end) = ranks.Part(Count);
        int row = _tokens.Length / Count;
        Range mine = (first * row)..(end * row);
        BatchReport? report = first == end ? null : session.Evaluate(_tokens.AsSpan(mine), end - first, masks ? _documents.AsSpan(mine) : default);
        return ranks.Add(session, report, stops: false)!;
    }
}
