using Sinter.Runtime.Training.Data;

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

    public BatchReport Evaluate(TrainingSession session, bool masks) => session.Evaluate(_tokens, Count, masks ? _documents : default);
}
