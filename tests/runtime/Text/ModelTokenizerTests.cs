using System;
using System.Collections.Generic;
using System.Globalization;
using System.IO;
using System.Linq;
using System.Text;
using System.Text.Json.Nodes;
using Sinter.Runtime.Text;
using Xunit;

namespace Sinter.Runtime.Tests.Text;

public sealed class ModelTokenizerTests : IDisposable
{
    private static readonly ModelTokenizer s_tokenizer = ModelTokenizer.Load(TokenizerGoldenTests.Data("tokenizer.json"));

    private readonly string _folder = Directory.CreateTempSubdirectory("sinter-tokenizer").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void Knows_the_marks_of_a_sequence()
    {
        Assert.Equal(0, s_tokenizer.BeginOfSequence);
        Assert.Equal(1, s_tokenizer.EndOfSequence);
        Assert.True(s_tokenizer.AddsBeginOfSequence);
        Assert.Equal(1024, s_tokenizer.Count);
        Assert.Equal([0, 67], s_tokenizer.Encode("a", addBeginOfSequence: true));
    }

    [Fact]
    public void Takes_the_marks_from_config_json_where_tokenizer_config_is_missing()
    {
        File.Copy(TokenizerGoldenTests.Data("tokenizer.json"), Path.Combine(_folder, "tokenizer.json"));
        File.WriteAllText(Path.Combine(_folder, "config.json"), """{ "bos_token_id": 5, "eos_token_id": [7, 8] }""");
        ModelTokenizer tokenizer = ModelTokenizer.Load(_folder);
        Assert.Equal(5, tokenizer.BeginOfSequence);
        Assert.Equal(7, tokenizer.EndOfSequence);
        Assert.False(tokenizer.AddsBeginOfSequence);
    }

    [Fact]
    public void Leaves_special_tokens_out_when_asked()
    {
        int[] ids = s_tokenizer.Encode("<｜begin▁of▁sentence｜>text<｜end▁of▁sentence｜>");
        Assert.Equal("text", s_tokenizer.Decode(ids, skipSpecial: true));
        StreamingDecoder decoder = s_tokenizer.Stream(skipSpecial: true);
        Assert.Equal("text", string.Concat(ids.Select(decoder.Append)) + decoder.Flush());
    }

    [Fact]
    public void Tokens_that_only_the_model_has_decode_to_nothing() => Assert.Equal("a", s_tokenizer.Decode([1024, 67, int.MaxValue, -1]));

    [Fact]
    public void Half_a_surrogate_pair_counts_as_the_replacement_character() =>
        Assert.Equal(s_tokenizer.Encode("a\uFFFDb\uFFFD"), s_tokenizer.Encode("a\uD83Db\uDE00"));

    [Fact]
    public void A_character_that_never_becomes_whole_is_replaced_at_the_end()
    {
        int[] ids = s_tokenizer.Encode("😀");
        Assert.True(ids.Length > 1);
        StreamingDecoder decoder = s_tokenizer.Stream();
        Assert.All(ids[..^1], id => Assert.Equal("", decoder.Append(id)));
        Assert.Equal("\uFFFD", decoder.Flush());
    }

    [Fact]
    public void Any_sequence_of_tokens_streams_what_it_decodes_to()
    {
        var random = new Random(20241226);
        for (int round = 0; round < 500; round++)
        {
            int[] ids = [.. Enumerable.Range(0, 40).Select(_ => random.Next(3, 300))];
            StreamingDecoder decoder = s_tokenizer.Stream();
            var text = new StringBuilder();
            foreach (int id in ids) text.Append(decoder.Append(id));
            Assert.Equal(s_tokenizer.Decode(ids), text.Append(decoder.Flush()).ToString());
        }
    }

    [Fact]
    public void Any_text_comes_back_from_its_tokens()
    {
        var random = new Random(20241227);
        for (int round = 0; round < 500; round++)
        {
            string text = string.Concat(Enumerable.Range(0, 60).Select(_ => new Rune(RandomScalar(random))));
            Assert.Equal(text, s_tokenizer.Decode(s_tokenizer.Encode(text)));
        }
    }

    [Fact]
    public void Stand_ins_have_the_category_that_they_stand_for()
    {
        foreach (UnicodeCategory category in Enum.GetValues<UnicodeCategory>())
            Assert.Equal(category, char.GetUnicodeCategory(PlaneFolding.StandIn(category)));
    }

    [Theory]
    [InlineData(false, false, false, "ab [X] cd", "ab |[X]| cd")]
    [InlineData(false, true, false, "ab  [X]  cd", "ab|  [X]|  cd")]
    [InlineData(false, false, true, "ab  [X]  cd", "ab  |[X]  |cd")]
    [InlineData(true, false, false, "a[X] [X]", "a[X] |[X]")]
    public void Added_tokens_keep_their_borders(bool single, bool left, bool right, string text, string expected)
    {
        var tokens = new AddedTokens([new AddedToken(9, "[X]", single, left, right, false)]);
        var pieces = new List<string>();
        int at = 0;
        while (tokens.Find(text, at) is (_, int start, int end))
        {
            if (start > at) pieces.Add(text[at..start]);
            pieces.Add(text[start..end]);
            at = end;
        }

        if (at < text.Length) pieces.Add(text[at..]);
        Assert.Equal(expected, string.Join("|", pieces));
    }

    [Fact]
    public void The_longest_added_token_wins()
    {
        var tokens = new AddedTokens([new(1, "<a", false, false, false, false), new(2, "<a>", false, false, false, false)]);
        Assert.Equal(2, tokens.Find("x<a>", 0)!.Value.Token.Id);
    }

    [Fact]
    public void A_missing_file_is_named()
    {
        string message = Assert.Throws<SinterException>(() => ModelTokenizer.Load(_folder)).Message;
        Assert.Equal($"{Path.Combine(_folder, "tokenizer.json")} is missing: a checkpoint's tokenizer.json belongs beside its config.json.", message);
    }

    [Theory]
    [InlineData("", "cannot be read as a tokenizer")]
    [InlineData("{", "cannot be read as a tokenizer")]
    [InlineData("[1,2]", "'model' is missing")]
    [InlineData("""{ "model": 3 }""", "cannot be read as a tokenizer")]
    [InlineData("""{ "model": { "type": "Unigram" } }""", "uses the model type 'Unigram', which is not supported; BPE would be")]
    [InlineData("""{ "model": { "type": "BPE", "vocab": { "a": -1 } } }""", "-1 is not a token number")]
    [InlineData("""{ "model": { "type": "BPE", "vocab": { "a": 2000000000 } } }""", "2000000000 is not a token number")]
    [InlineData("""{ "model": { "type": "BPE", "vocab": { "a": 0 } } }""", "'merges' is missing")]
    public void A_broken_file_gets_one_sentence(string content, string expected)
    {
        string path = Path.Combine(_folder, "tokenizer.json");
        File.WriteAllText(path, content);
        string message = Assert.Throws<SinterException>(() => ModelTokenizer.Load(path)).Message;
        Assert.StartsWith(path, message);
        Assert.Contains(expected, message);
        Assert.DoesNotContain('\n', message);
    }

    [Theory]
    [InlineData("normalizer", """{ "type": "NFC" }""", "the normalizer 'NFC'")]
    [InlineData("pre_tokenizer", """{ "type": "Metaspace" }""", "the pre-tokenizer 'Metaspace'")]
    [InlineData("pre_tokenizer", """{ "type": "Split", "pattern": { "Regex": "a(" }, "behavior": "Isolated" }""", "which .NET cannot read")]
    [InlineData("pre_tokenizer", """{ "type": "Split", "pattern": { "Regex": "[\\p{L}&&[^a]]" }, "behavior": "Isolated" }""", "'&&' in the pattern")]
    [InlineData("pre_tokenizer", """{ "type": "Split", "pattern": { "Regex": "a" }, "behavior": "Removed" }""", "the split behavior 'Removed'")]
    [InlineData("decoder", """{ "type": "WordPiece" }""", "the decoder 'WordPiece'")]
    public void An_unsupported_part_is_refused(string part, string content, string expected)
    {
        JsonNode root = JsonNode.Parse(File.ReadAllText(TokenizerGoldenTests.Data("tokenizer.json")))!;
        root[part] = JsonNode.Parse(content);
        string path = Path.Combine(_folder, "tokenizer.json");
        File.WriteAllText(path, root.ToJsonString());
        Assert.Contains(expected, Assert.Throws<SinterException>(() => ModelTokenizer.Load(path)).Message);
    }

    [Fact]
    public void A_merge_of_unknown_pieces_is_refused()
    {
        JsonNode root = JsonNode.Parse(File.ReadAllText(TokenizerGoldenTests.Data("tokenizer.json")))!;
        root["model"]!["merges"] = new JsonArray("no such");
        string path = Path.Combine(_folder, "tokenizer.json");
        File.WriteAllText(path, root.ToJsonString());
        Assert.Contains(path, Assert.Throws<SinterException>(() => ModelTokenizer.Load(path)).Message);
    }

    private static int RandomScalar(Random random)
    {
        int scalar;
        do scalar = random.Next(random.Next(4) switch { 0 => 0x80, 1 => 0x800, 2 => 0x10000, _ => 0x110000 });
        while (!Rune.IsValid(scalar));
        return scalar;
    }
}
