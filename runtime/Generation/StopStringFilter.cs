using System;
using System.Collections.Generic;

namespace Sinter.Runtime.Generation;

/// <summary>
/// Lets text through until a stop string comes, wherever the pieces are cut: what may be the beginning of one is held
/// back until the next piece decides.
/// </summary>
internal sealed class StopStringFilter(IReadOnlyList<string> stops)
{
    private string _held = "";

    /// <summary>Whether a stop string has come; then no more text comes through.</summary>
    public bool Found { get; private set; }

    /// <summary>The text that is certain by now.</summary>
    public string Append(string piece)
    {
        if (Found || piece.Length == 0) return "";
        string text = _held.Length == 0 ? piece : _held + piece;
        int first = -1;
        foreach (string stop in stops)
        {
            int at = text.IndexOf(stop, StringComparison.Ordinal);
            if (at >= 0 && (first < 0 || at < first)) first = at;
        }

        Found = first >= 0;
        int end = Found ? first : text.Length - LongestBeginning(text);
        _held = Found ? "" : text[end..];
        return text[..end];
    }

    /// <summary>What was held back, once no more text comes.</summary>
    public string Flush()
    {
        string rest = _held;
        _held = "";
        return rest;
    }

    /// <summary>How many of the last characters may begin a stop string.</summary>
    private int LongestBeginning(string text)
    {
        int longest = 0;
        foreach (string stop in stops)
        {
            for (int length = Math.Min(stop.Length - 1, text.Length); length > longest; length--)
                if (text.AsSpan(text.Length - length).SequenceEqual(stop.AsSpan(0, length))) longest = length;
        }

        return longest;
    }
}
