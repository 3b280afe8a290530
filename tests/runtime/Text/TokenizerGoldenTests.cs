using System.Collections.Generic;
using System.Globalization;
using System.IO;
using System.Linq;
using System.Runtime.CompilerServices;
using System.Text;
using System.Text.Json;
using Sinter.Runtime.Text;
using Xunit;

namespace Sinter.Runtime.Tests.Text;

/// <summary>The 80 strings that Hugging Face's tokenizers 0.23.1 encoded and decoded.</summary>
public sealed class TokenizerGoldenTests
{
    private static readonly ModelTokenizer s_tokenizer = ModelTokenizer.Load(Data("tokenizer.json"));

    public static IEnumerable<object[]> Cases()
    {
        using JsonDocument document = JsonDocument.Parse(File.ReadAllBytes(Data("cases.json")));
        foreach (JsonElement golden in document.RootElement.EnumerateArray())
        {
            int[] ids = [.. golden.GetProperty("ids").EnumerateArray().Select(id => id.GetInt32())];
            yield return [new GoldenText(golden.GetProperty("text").GetString()!, ids, golden.GetProperty("decoded").GetString()!)];
        }
    }

    [Fact]
    public void Has_all_eighty_strings() => Assert.Equal(80, Cases().Count());

    [Theory]
    [MemberData(nameof(Cases))]
    public void Encodes_to_the_same_tokens(GoldenText golden) => Assert.Equal(golden.Ids, s_tokenizer.Encode(golden.Text));

    [Theory]
    [MemberData(nameof(Cases))]
    public void Decodes_to_the_same_text(GoldenText golden) => Assert.Equal(golden.Decoded, s_tokenizer.Decode(golden.Ids));

    [Theory]
    [MemberData(nameof(Cases))]
    public void Streams_the_same_text_without_half_a_character(GoldenText golden)
    {
        StreamingDecoder decoder = s_tokenizer.Stream();
        var whole = new StringBuilder();
        foreach (int id in golden.Ids)
        {
            string piece = decoder.Append(id);
            Assert.True(piece.Length == 0 || !char.IsHighSurrogate(piece[^1]), "the piece ends inside a surrogate pair");
            if (!golden.Decoded.Contains('\uFFFD')) Assert.DoesNotContain('\uFFFD', piece);
            whole.Append(piece);
        }

        Assert.Equal("", decoder.Flush());
        Assert.Equal(golden.Decoded, whole.ToString());
    }

    [Fact]
    public void Encodes_a_whole_text_as_its_lines_joined_decode()
    {
        string text = string.Join("\n", Cases().Select(golden => ((GoldenText)golden[0]).Text));
        Assert.Equal(text, s_tokenizer.Decode(s_tokenizer.Encode(text)));
    }

    internal static string Data(string name, [CallerFilePath] string here = "") =>
        Path.Combine(Path.GetDirectoryName(here)!, "../../data/tokenizer", name);
}

/// <summary>One string of the golden file; named by its text in test reports.</summary>
public sealed record GoldenText(string Text, int[] Ids, string Decoded)
{
    public override string ToString() => string.Concat(Text.Select(unit => unit is >= ' ' and <= '~'
        ? unit.ToString()
        : "\\u" + ((int)unit).ToString("x4", CultureInfo.InvariantCulture)));
}
