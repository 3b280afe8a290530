using System;
using System.Collections.Generic;
using System.Linq;
using System.Text.Json.Nodes;

namespace Sinter.Runtime.Training.Data;

/// <summary>
/// Rows of packed documents, drawn from the domains by weight: always from the one that is furthest behind its share, so that
/// the shares hold exactly. Each token of a domain is read once in each epoch.
/// </summary>
public sealed class PackedRows : IRowSource
{
    private readonly IReadOnlyList<TokenDomain> _domains;
    private readonly DomainRows[] _streams;
    private readonly double[] _natural;
    private readonly double[] _weights;
    private readonly long[] _given;

    /// <exception cref="SinterException">No document is left to train on, or the tokenizer lacks the tokens to fill in the middle.</exception>
    public PackedRows(TokenStore store, DocumentMarks marks, DataOptions options, ulong seed)
    {
        if (options.FillInTheMiddle > 0 && (marks.MiddleBegin is null || marks.MiddleHole is null || marks.MiddleEnd is null))
            throw new SinterException("The tokenizer has no tokens for filling in the middle (<｜fim▁begin｜>, <｜fim▁hole｜>, <｜fim▁end｜>): set fim to 0.");
        _domains = store.Domains;
        _streams = new DomainRows[_domains.Count];
        _natural = new double[_domains.Count];
        _weights = new double[_domains.Count];
        _given = new long[_domains.Count];
        for (int i = 0; i < _domains.Count; i++)
        {
            int[] documents = [.. Enumerable.Range(_domains[i].First, _domains[i].Documents).Where(document => !HeldOutDocuments.Holds(document, options.HeldOut))];
            _natural[i] = documents.Sum(store.Length);
            _streams[i] = new DomainRows(store, documents, marks, options.FillInTheMiddle, SplitMix.Mix(seed, (ulong)i, 0));
        }

        if (_streams.All(stream => stream.IsEmpty)) throw new SinterException("No document is left to train on: all are held out for validation.");
        Mix(options.Mixture);
    }

    public void Mix(IReadOnlyDictionary<string, double>? mixture)
    {
        foreach (string name in mixture?.Keys ?? [])
            if (_domains.All(domain => domain.Name != name))
                throw new SinterException($"The mixture names the domain '{name}', but the data has {string.Join(", ", _domains.Select(domain => domain.Name))}: a domain is a folder of the data.");
        for (int i = 0; i < _weights.Length; i++)
            _weights[i] = _streams[i].IsEmpty ? 0 : mixture is null ? _natural[i] : mixture.GetValueOrDefault(_domains[i].Name);
        double sum = _weights.Sum();
        if (!(sum > 0)) throw new SinterException("The mixture leaves nothing to train on: the domains with a weight have no documents.");
        for (int i = 0; i < _weights.Length; i++) _weights[i] /= sum;
        Array.Clear(_given);
    }

    public void Fill(Span<int> tokens, Span<int> documents, int beyond)
    {
        double rows = _given.Sum() + 1.0;
        int domain = -1;
        for (int i = 0; i < _weights.Length; i++)
            if (_weights[i] > 0 && (domain < 0 || _weights[i] * rows - _given[i] > _weights[domain] * rows - _given[domain])) domain = i;
        _given[domain]++;
        _streams[domain].Fill(tokens, documents, beyond);
    }

    public JsonObject Save() => new()
    {
        ["domains"] = new JsonArray([.. _domains.Select((domain, i) => (JsonNode)new JsonObject
        {
            ["name"] = domain.Name,
            ["rows"] = _given[i],
            ["epoch"] = _streams[i].Position.Epoch,
            ["document"] = _streams[i].Position.Ordinal,
            ["token"] = _streams[i].Position.Offset,
        })]),
    };

    public void Restore(JsonObject state)
    {
        JsonArray domains = state["domains"]!.AsArray();
        for (int i = 0; i < _streams.Length; i++)
        {
            JsonNode saved = domains[i]!;
            _given[i] = (long)saved["rows"]!;
            _streams[i].Position = ((long)saved["epoch"]!, (int)saved["document"]!, (long)saved["token"]!);
        }
    }
}
