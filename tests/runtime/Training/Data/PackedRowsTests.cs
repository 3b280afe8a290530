using System;
using System.Collections.Generic;
using System.Linq;
using System.Text.Json.Nodes;
using Sinter.Runtime.Training.Data;
using Xunit;

namespace Sinter.Runtime.Tests.Training.Data;

/// <summary>Packing: nothing read twice or lost, whatever the order.</summary>
public sealed class PackedRowsTests : IDisposable
{
    private static readonly DocumentMarks s_marks = DocumentMarks.Of(TinyStore.Tokenizer);

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void An_epoch_reads_each_document_once_between_its_begin_and_end()
    {
        using TokenStore store = TinyStore.Make(_folder, ("a.jsonl", TinyStore.Lines(40)));
        List<int> stream = Epoch(store, new DataOptions(), seed: 1);
        IEnumerable<string> read = Split(stream).Select(document => string.Join(' ', document));
        IEnumerable<string> there = Documents(store).Select(document => string.Join(' ', document.Prepend(0)));
        Assert.Equal(there.Order(), read.Order());
        Assert.NotEqual(there, read);
    }

    [Fact]
    public void The_order_depends_on_the_seed_and_the_epoch_only()
    {
        using TokenStore store = TinyStore.Make(_folder, ("a.jsonl", TinyStore.Lines(40)));
        List<int> first = Epoch(store, new DataOptions(), seed: 1), again = Epoch(store, new DataOptions(), seed: 1), other = Epoch(store, new DataOptions(), seed: 2);
        Assert.Equal(first, again);
        Assert.NotEqual(first, other);
        int length = first.Count;
        var twice = new PackedRows(store, s_marks, new DataOptions(), 1);
        List<int> two = [.. TinyStore.Rows(twice, 2, length, 0).SelectMany(row => row)];
        Assert.Equal(first, two[..length]);
        Assert.NotEqual(first, two[length..]);
        Assert.Equal(first.Order(), two[length..].Order());
    }

    [Fact]
    public void A_row_ends_with_the_tokens_that_the_next_begins_with()
    {
        using TokenStore store = TinyStore.Make(_folder, ("a.jsonl", TinyStore.Lines(10)));
        List<int[]> rows = TinyStore.Rows(new PackedRows(store, s_marks, new DataOptions(), 1), 30, 8, 2);
        for (int i = 1; i < rows.Count; i++) Assert.Equal(rows[i - 1][8..], rows[i][..2]);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(7)]
    [InlineData(50)]
    public void Saved_and_restored_it_goes_on_with_the_same_rows(int before)
    {
        using TokenStore store = TinyStore.Make(_folder, ("web/a.jsonl", TinyStore.Lines(20)), ("code/b.jsonl", TinyStore.Lines(9, "code")));
        var options = new DataOptions { FillInTheMiddle = 0.5, Mixture = new Dictionary<string, double> { ["web"] = 2, ["code"] = 1 } };
        var source = new PackedRows(store, s_marks, options, 5);
        TinyStore.Rows(source, before, 16, 2);
        string saved = source.Save().ToJsonString();
        var resumed = new PackedRows(store, s_marks, options, 5);
        resumed.Restore(JsonNode.Parse(saved)!.AsObject());
        Assert.Equal(TinyStore.Rows(source, 60, 16, 2), TinyStore.Rows(resumed, 60, 16, 2));
    }

    [Fact]
    public void Domains_have_the_shares_of_the_mixture_exactly()
    {
        using TokenStore store = TinyStore.Make(_folder, ("web/a.txt", string.Concat(Enumerable.Repeat("aaaa ", 300))), ("code/b.txt", string.Concat(Enumerable.Repeat("zzzz ", 300))));
        int code = TinyStore.Tokenizer.Encode("zzzz zzzz")[^1];
        var options = new DataOptions { Mixture = new Dictionary<string, double> { ["web"] = 3, ["code"] = 1 } };
        List<int[]> rows = TinyStore.Rows(new PackedRows(store, s_marks, options, 1), 40, 16, 0);
        Assert.Equal(10, rows.Count(row => row.Contains(code)));
    }

    [Fact]
    public void A_mixture_of_a_domain_that_is_not_there_is_refused()
    {
        using TokenStore store = TinyStore.Make(_folder, ("web/a.txt", "some text"));
        var options = new DataOptions { Mixture = new Dictionary<string, double> { ["wob"] = 1 } };
        Assert.Contains("the domain 'wob', but the data has web", Assert.Throws<SinterException>(() => new PackedRows(store, s_marks, options, 1)).Message);
    }

    [Fact]
    public void Filling_in_the_middle_keeps_the_text_and_turns_as_many_documents_as_asked()
    {
        using TokenStore store = TinyStore.Make(_folder, ("a.jsonl", TinyStore.Lines(400)));
        List<int> stream = Epoch(store, new DataOptions { FillInTheMiddle = 0.1 }, seed: 3);
        int begin = s_marks.MiddleBegin!.Value, hole = s_marks.MiddleHole!.Value, end = s_marks.MiddleEnd!.Value, turned = 0;
        var read = new List<string>();
        foreach (List<int> document in Split(stream))
        {
            Assert.Equal(0, document[0]);
            List<int> text = document[1..];
            if (text.Count > 0 && text[0] == begin)
            {
                turned++;
                int holeAt = text.IndexOf(hole), endAt = text.IndexOf(end);
                Assert.True(0 < holeAt && holeAt < endAt);
                text = [.. text[1..holeAt], .. text[(endAt + 1)..], .. text[(holeAt + 1)..endAt]];
            }

            read.Add(string.Join(' ', text));
        }

        Assert.Equal(Documents(store).Select(document => string.Join(' ', document)).Order(), read.Order());

        // Of 400 at 0.1: four standard deviations of the binomial distribution are 24.
        Assert.InRange(turned, 16, 64);
    }

    [Fact]
    public void What_is_held_out_is_not_trained_on_and_all_else_is()
    {
        using TokenStore store = TinyStore.Make(_folder, ("a.jsonl", TinyStore.Lines(200)));
        List<string> trained = [.. Split(Epoch(store, new DataOptions { HeldOut = 0.2 }, seed: 1)).Select(document => string.Join(' ', document[1..]))];
        List<string> held = [.. Enumerable.Range(0, store.Documents).Where(document => HeldOutDocuments.Holds(document, 0.2)).Select(document => string.Join(' ', store.Tokens(store.Start(document), (int)store.Length(document)).ToArray()))];
        Assert.InRange(held.Count, 18, 62);
        Assert.Empty(trained.Intersect(held));
        Assert.Equal(Documents(store).Select(document => string.Join(' ', document)).Order(), trained.Concat(held).Order());
    }

    [Fact]
    public void Tokens_know_their_document()
    {
        using TokenStore store = TinyStore.Make(_folder, ("a.jsonl", TinyStore.Lines(40)));
        var source = new PackedRows(store, s_marks, new DataOptions(), 1);
        int[] tokens = new int[64], documents = new int[64];
        source.Fill(tokens, documents, 2);
        for (int i = 1; i < tokens.Length; i++) Assert.Equal(documents[i - 1] + (tokens[i] == 0 ? 1 : 0), documents[i]);
        Assert.True(documents[^1] > 2);
    }

    private static List<int> Epoch(TokenStore store, DataOptions options, ulong seed)
    {
        var source = new PackedRows(store, s_marks, options, seed);
        var stream = new List<int>();
        while ((long)source.Save()["domains"]![0]!["epoch"]! == 0) stream.AddRange(TinyStore.Rows(source, 1, 1, 0)[0]);

        // The token that showed the next epoch belongs to it.
        stream.RemoveAt(stream.Count - 1);
        return stream;
    }

    private static List<List<int>> Split(List<int> stream)
    {
        var documents = new List<List<int>>();
        var current = new List<int>();
        foreach (int token in stream)
        {
            if (token == s_marks.End)
            {
                documents.Add(current);
                current = [];
            }
            else current.Add(token);
        }

        Assert.Empty(current);
        return documents;
    }

    private static IEnumerable<int[]> Documents(TokenStore store) =>
        Enumerable.Range(0, store.Documents).Select(document => store.Tokens(store.Start(document), (int)store.Length(document)).ToArray());
}
