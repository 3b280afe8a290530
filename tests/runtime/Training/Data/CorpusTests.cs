using System;
using System.IO;
using System.Linq;
using System.Text.Json.Nodes;
using Sinter.Runtime.Training.Data;
using Sinter.Tests.Data;
using Xunit;

namespace Sinter.Runtime.Tests.Training.Data;

/// <summary>Files become tokens; bad ones are refused.</summary>
public sealed class CorpusTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void A_text_cut_into_pieces_has_the_same_tokens()
    {
        string path = Repository.Data("corpus", "val.txt");
        TextPiece[] pieces = [.. new TextFormat(pieceCharacters: 70_000).Read(path)];
        Assert.True(pieces.Length > 1);
        Assert.Equal(TinyStore.Tokenizer.Encode(File.ReadAllText(path)), pieces.SelectMany(piece => TinyStore.Tokenizer.Encode(piece.Text)));
        Assert.All(pieces[..^1], piece => Assert.False(piece.EndsDocument));
        Assert.True(pieces[^1].EndsDocument);
    }

    [Fact]
    public void A_document_that_cannot_be_cut_to_fit_into_memory_is_refused()
    {
        File.WriteAllText(_folder["long.txt"], new string('a', 300_000));
        var fault = Assert.Throws<SinterException>(() => new TextFormat(1000, 100_000).Read(_folder["long.txt"]).Count());
        Assert.Contains("have no line break at which the text could be cut", fault.Message);
        File.WriteAllText(_folder["long.jsonl"], "{\"text\": \"ok\"}\n{\"text\": \"" + new string('a', 300_000) + "\"}");
        Assert.Contains("line 2 is longer than 100000 characters", Assert.Throws<SinterException>(() => new JsonLinesFormat(100_000).Read(_folder["long.jsonl"]).Count()).Message);
    }

    [Theory]
    [InlineData("{\"text\": \"a\"}\nnot json", "line 2 is not JSON")]
    [InlineData("{\"txt\": \"a\"}", "line 1 has no 'text' to train on")]
    public void A_line_without_text_is_refused(string content, string message)
    {
        File.WriteAllText(_folder["a.jsonl"], content);
        Assert.Contains(message, Assert.Throws<SinterException>(() => new JsonLinesFormat().Read(_folder["a.jsonl"]).Count()).Message);
    }

    [Fact]
    public void An_empty_corpus_is_refused()
    {
        Directory.CreateDirectory(_folder["text"]);
        Assert.Contains("there is nothing to train on", Assert.Throws<SinterException>(() => TinyStore.Open(_folder)).Message);
        File.WriteAllText(Path.Combine(_folder["text"], "a.txt"), "");
        Assert.Contains("the corpus is empty", Assert.Throws<SinterException>(() => TinyStore.Open(_folder)).Message);
        Assert.Empty(Directory.GetDirectories(_folder.Path, "tokens*"));
    }

    [Fact]
    public void A_tokenizer_with_more_tokens_than_the_model_is_refused()
    {
        TinyStore.Make(_folder, ("a.txt", "text")).Dispose();
        Assert.Contains("has 1024 tokens, but the model's vocab_size is 1000", Assert.Throws<SinterException>(() => TinyStore.Open(_folder, vocabulary: 1000)).Message);
    }

    [Fact]
    public void Tokens_are_made_anew_when_a_file_has_changed()
    {
        using (TokenStore store = TinyStore.Make(_folder, ("a.txt", "some text"))) Assert.Equal(1, store.Documents);
        DateTime made = File.GetLastWriteTimeUtc(Path.Combine(_folder["tokens"], "data.json"));
        using (TokenStore store = TinyStore.Open(_folder)) Assert.Equal(made, File.GetLastWriteTimeUtc(Path.Combine(_folder["tokens"], "data.json")));
        using (TokenStore store = TinyStore.Make(_folder, ("a.txt", "other text"))) Assert.Equal(TinyStore.Tokenizer.Encode("other text"), store.Tokens(0, (int)store.Count).ToArray());
    }

    [Fact]
    public void Windows_start_where_the_reference_run_of_the_small_model_did()
    {
        using TokenStore store = TokenStoreBuilder.Open(
            _folder["tokens"], Corpus.Open(Repository.Data("corpus", "train.txt"), Corpus.PlainFormats), TinyStore.Tokenizer, Path.Combine(TinyStore.TokenizerFolder, "tokenizer.json"), 1024);

        // curve.json: corpus_tokens, with the token that begins the text.
        Assert.Equal(686176, store.Count + 1);
        int[] text = [0, .. store.Tokens(0, (int)store.Count)];
        var rows = new WindowRows(store, DocumentMarks.Of(TinyStore.Tokenizer), new DataOptions { Order = RowOrder.Windows }, seed: 1);

        // splitmix64(2³² + n) of the first four rows and of the last, computed by another program.
        ulong[] bits = [14135772400868000056, 2324861979054413167, 12929899232056340514, 11674506412762640283];
        foreach (ulong random in bits)
        {
            int start = (int)(random % (686176 - 256 - 2));
            Assert.Equal(text[start..(start + 258)], TinyStore.Rows(rows, 1, 256, 2)[0]);
        }

        rows.Restore(new JsonObject { ["row"] = 7199L });
        int last = (int)(2630662341521659196UL % (686176 - 256 - 2));
        Assert.Equal(text[last..(last + 258)], TinyStore.Rows(rows, 1, 256, 2)[0]);
    }
}
