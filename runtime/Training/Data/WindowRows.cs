using System;
using System.Collections.Generic;
using System.Linq;
using System.Text.Json.Nodes;

namespace Sinter.Runtime.Training.Data;

/// <summary>
/// Rows that start anywhere in the documents as they lie, each document after its begin. Row n starts at token
/// splitmix64(seed · 2³² + n) mod (tokens − length of a row).
/// </summary>
public sealed class WindowRows : IRowSource
{
    private readonly LaidOutDocument[] _documents;
    private readonly long[] _starts;
    private readonly long _count;
    private readonly ulong _seed;
    private long _row;

    /// <exception cref="SinterException">No document is left to train on.</exception>
    public WindowRows(TokenStore store, DocumentMarks marks, DataOptions options, ulong seed)
    {
        _documents = [.. Enumerable.Range(0, store.Documents)
            .Where(document => !HeldOutDocuments.Holds(document, options.HeldOut))
            .Select(document => LaidOutDocument.Plain(store, document, marks, ends: false))];
        if (_documents.Length == 0) throw new SinterException("No document is left to train on: all are held out for validation.");
        if (options.FillInTheMiddle > 0) throw new SinterException("Windows take the text as it lies: filling in the middle needs packed documents.");
        _starts = new long[_documents.Length];
        for (int i = 0; i < _documents.Length; i++)
        {
            _starts[i] = _count;
            _count += _documents[i].Length;
        }

        _seed = seed;
        Mix(options.Mixture);
    }

    public void Mix(IReadOnlyDictionary<string, double>? mixture)
    {
        if (mixture is not null) throw new SinterException("Windows are drawn from all of the data alike: a mixture needs packed documents.");
    }

    public void Fill(Span<int> tokens, Span<int> documents, int beyond)
    {
        if (_count <= tokens.Length) throw new SinterException($"The data has {_count} tokens, fewer than the {tokens.Length} of a row; give more text or a shorter length.");
        long at = (long)(SplitMix.Mix((_seed << 32) + (ulong)_row++) % (ulong)(_count - tokens.Length));
        int document = Array.BinarySearch(_starts, at);
        if (document < 0) document = ~document - 1;
        long offset = at - _starts[document];
        for (int number = 0; tokens.Length > 0; number++, document++, offset = 0)
        {
            int count = _documents[document].CopyTo(offset, tokens);
            documents[..count].Fill(number);
            tokens = tokens[count..];
            documents = documents[count..];
        }
    }

    public JsonObject Save() => new() { ["row"] = _row };

    public void Restore(JsonObject state) => _row = (long)state["row"]!;
}
