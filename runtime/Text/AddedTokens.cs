using System;
using System.Buffers;
using System.Collections.Generic;
using System.Linq;

namespace Sinter.Runtime.Text;

/// <summary>A token that stands beside the vocabulary and is found in the text before anything else is done to it.</summary>
/// <param name="SingleWord">Whether it counts only where no letter or digit adjoins it.</param>
/// <param name="StripsLeft">Whether it swallows the white space before it.</param>
/// <param name="StripsRight">Whether it swallows the white space after it.</param>
/// <param name="IsSpecial">Whether a decoder leaves it out when asked to.</param>
internal sealed record AddedToken(
    int Id, string Content, bool SingleWord, bool StripsLeft, bool StripsRight, bool IsSpecial);

/// <summary>Finds added tokens in text: the leftmost first, the longest among those that start there.</summary>
internal sealed class AddedTokens
{
    private readonly SearchValues<string> _contents;
    private readonly ILookup<char, AddedToken> _byFirstCharacter;

    public AddedTokens(IReadOnlyCollection<AddedToken> tokens)
    {
        _contents = SearchValues.Create(tokens.Select(token => token.Content).ToArray(), StringComparison.Ordinal);
        _byFirstCharacter = tokens.OrderByDescending(token => token.Content.Length).ToLookup(token => token.Content[0]);
    }

    /// <summary>The next token in the text from a place on: null without one; else where it starts and ends, white space included.</summary>
    public (AddedToken Token, int Start, int End)? Find(string text, int from)
    {
        for (int at = from; at < text.Length; at++)
        {
            int distance = text.AsSpan(at).IndexOfAny(_contents);
            if (distance < 0) return null;
            at += distance;
            foreach (AddedToken token in _byFirstCharacter[text[at]])
            {
                int start = at, end = at + token.Content.Length;
                if (!text.AsSpan(at).StartsWith(token.Content, StringComparison.Ordinal)) continue;
                if (token.SingleWord && (IsWord(text, start - 1) || IsWord(text, end))) continue;
                while (token.StripsLeft && start > from && char.IsWhiteSpace(text[start - 1])) start--;
                while (token.StripsRight && end < text.Length && char.IsWhiteSpace(text[end])) end++;
                return (token, start, end);
            }
        }

        return null;
    }

    private static bool IsWord(string text, int at) =>
        at >= 0 && at < text.Length && (char.IsLetterOrDigit(text[at]) || text[at] == '_');
}
