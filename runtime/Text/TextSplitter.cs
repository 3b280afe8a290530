using System;
using System.Collections.Generic;
using System.Text.RegularExpressions;
using Microsoft.ML.Tokenizers;

namespace Sinter.Runtime.Text;

/// <summary>
/// Cuts text into the words inside which BPE merges: each pattern in turn isolates its matches within the pieces that the
/// patterns before it left.
/// </summary>
internal sealed class TextSplitter(IReadOnlyList<Regex> patterns) : PreTokenizer
{
    public override IEnumerable<(int Offset, int Length)> PreTokenize(ReadOnlySpan<char> text) => PreTokenize(text.ToString());

    public override IEnumerable<(int Offset, int Length)> PreTokenize(string text)
    {
        if (PlaneFolding.Fold(text) is not (string folded, int[] starts)) return Split(text);

        List<(int Offset, int Length)> pieces = Split(folded);
        for (int i = 0; i < pieces.Count; i++)
        {
            (int offset, int length) = pieces[i];
            pieces[i] = (starts[offset], starts[offset + length] - starts[offset]);
        }

        return pieces;
    }

    private List<(int Offset, int Length)> Split(string text)
    {
        var pieces = new List<(int Offset, int Length)>();
        if (text.Length > 0) pieces.Add((0, text.Length));
        foreach (Regex pattern in patterns)
        {
            var finer = new List<(int Offset, int Length)>(pieces.Count);
            foreach ((int offset, int length) in pieces) Isolate(pattern, text, offset, length, finer);
            pieces = finer;
        }

        return pieces;
    }

    /// <summary>A pattern sees its piece alone: a lookahead must not see the piece after it.</summary>
    private static void Isolate(Regex pattern, string text, int offset, int length, List<(int Offset, int Length)> pieces)
    {
        int at = 0;
        foreach (ValueMatch match in pattern.EnumerateMatches(text.AsSpan(offset, length)))
        {
            if (match.Index > at) pieces.Add((offset + at, match.Index - at));
            if (match.Length > 0) pieces.Add((offset + match.Index, match.Length));
            at = match.Index + match.Length;
        }

        if (at < length) pieces.Add((offset + at, length - at));
    }
}
