using System;
using System.Collections.Generic;

namespace Sinter.Runtime.Training.Data;

/// <summary>
/// A document as it is trained on: begin, text, end; or, turned round, begin, ‹fim begin› prefix ‹fim hole› suffix ‹fim end›
/// middle, end (DeepSeek-V3 section 4.1). Its tokens stay where they are.
/// </summary>
internal sealed class LaidOutDocument
{
    private readonly TokenStore _store;
    private readonly List<(long Start, long Length, int Mark)> _parts = [];

    private LaidOutDocument(TokenStore store) => _store = store;

    public long Length { get; private set; }

    public static LaidOutDocument Plain(TokenStore store, int document, DocumentMarks marks, bool ends = true)
    {
        var laid = new LaidOutDocument(store);
        laid.Add(marks.Begin);
        laid.Add(store.Start(document), store.Length(document));
        if (ends) laid.Add(marks.End);
        return laid;
    }

    /// <param name="random">Where the middle begins and ends.</param>
    public static LaidOutDocument Turned(TokenStore store, int document, DocumentMarks marks, ulong random)
    {
        long start = store.Start(document), length = store.Length(document);
        long first = (long)(SplitMix.Mix(random) % (ulong)(length + 1)), second = (long)(SplitMix.Mix(random + 1) % (ulong)(length + 1));
        (first, second) = (Math.Min(first, second), Math.Max(first, second));
        var laid = new LaidOutDocument(store);
        laid.Add(marks.Begin);
        laid.Add(marks.MiddleBegin);
        laid.Add(start, first);
        laid.Add(marks.MiddleHole);
        laid.Add(start + second, length - second);
        laid.Add(marks.MiddleEnd);
        laid.Add(start + first, second - first);
        laid.Add(marks.End);
        return laid;
    }

    /// <summary>Copies tokens from a place within the document on, as many as there are and fit; returns how many.</summary>
    public int CopyTo(long offset, Span<int> tokens)
    {
        int copied = 0;
        foreach ((long start, long length, int mark) in _parts)
        {
            if (offset >= length)
            {
                offset -= length;
                continue;
            }

            int count = (int)Math.Min(length - offset, tokens.Length - copied);
            if (mark >= 0) tokens[copied] = mark;
            else _store.Tokens(start + offset, count).CopyTo(tokens[copied..]);
            copied += count;
            offset = 0;
            if (copied == tokens.Length) break;
        }

        return copied;
    }

    private void Add(int? mark)
    {
        if (mark is { } token) Add(0, 1, token);
    }

    private void Add(long start, long length, int mark = -1)
    {
        if (length == 0) return;
        _parts.Add((start, length, mark));
        Length += length;
    }
}
