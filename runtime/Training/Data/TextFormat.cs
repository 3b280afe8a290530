using System.Collections.Generic;
using System.IO;
using System.Text;

namespace Sinter.Runtime.Training.Data;

/// <summary>
/// Plain text in UTF-8: a file is one document. Long ones come in pieces, cut after a line break that no further white space
/// follows: there every tokenizer of the family has a border anyway.
/// </summary>
/// <param name="pieceCharacters">From how many characters on a piece is cut where it can be.</param>
/// <param name="mostCharacters">The most characters without such a place.</param>
public sealed class TextFormat(int pieceCharacters = 1 << 20, int mostCharacters = 1 << 26) : IDocumentFormat
{
    public IReadOnlyList<string> Extensions => [".txt", ".text", ".md"];

    public IEnumerable<TextPiece> Read(string path)
    {
        using StreamReader reader = TextFiles.Open(path);
        var text = new StringBuilder();
        var block = new char[1 << 16];
        long before = 0;
        int searched = 0;
        for (int count; (count = reader.ReadBlock(block)) > 0;)
        {
            text.Append(block, 0, count);
            if (text.Length < pieceCharacters) continue;
            int cut = LastBorder(text, searched);
            searched = text.Length - 1;
            if (cut == 0)
            {
                if (text.Length > mostCharacters)
                    throw new SinterException($"{path}: {text.Length} characters from character {before} on have no line break at which the text could be cut into pieces that fit into memory; break its lines.");
                continue;
            }

            yield return new TextPiece(text.ToString(0, cut), false);
            before += cut;
            text.Remove(0, cut);
            searched = 0;
        }

        if (text.Length > 0) yield return new TextPiece(text.ToString(), true);
        else if (before > 0) yield return new TextPiece("", true);
    }

    /// <summary>The last place from <paramref name="from"/> on with a line break before it and no white space after it; 0 if there is none.</summary>
    private static int LastBorder(StringBuilder text, int from)
    {
        // A copy: characters of a long StringBuilder are slow to reach one by one.
        string part = text.ToString(from, text.Length - from);
        for (int at = part.Length - 1; at > 0; at--)
            if (part[at - 1] == '\n' && !char.IsWhiteSpace(part[at])) return from + at;
        return 0;
    }
}
