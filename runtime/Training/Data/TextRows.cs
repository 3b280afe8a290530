using System.Collections.Generic;
using Sinter.Runtime.Text;

namespace Sinter.Runtime.Training.Data;

/// <summary>Rows of tokens of a corpus as it lies, for evaluation.</summary>
public static class TextRows
{
    /// <summary>Losses want one token after the row, and multi-token prediction one more.</summary>
    private const int Beyond = 2;

    /// <summary>
    /// Each document after the token that begins a sequence; row i has its tokens from <paramref name="length"/>·i on, two more
    /// than the model reads. The last row of a document is shorter; what is left of fewer than three tokens falls away.
    /// </summary>
    public static IEnumerable<int[]> Cut(Corpus corpus, ModelTokenizer tokenizer, int length)
    {
        var left = new List<int>();
        foreach (CorpusFile file in corpus.Files)
        {
            bool begins = true;
            foreach (TextPiece piece in file.Format.Read(file.Path))
            {
                left.AddRange(tokenizer.Encode(piece.Text, addBeginOfSequence: begins));
                begins = piece.EndsDocument;
                int at = 0;
                for (; left.Count - at >= length + Beyond; at += length) yield return [.. left[at..(at + length + Beyond)]];
                if (piece.EndsDocument)
                {
                    if (left.Count - at > Beyond) yield return [.. left[at..]];
                    at = left.Count;
                }

                left.RemoveRange(0, at);
            }
        }
    }
}
