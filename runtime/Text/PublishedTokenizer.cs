using System;
using System.Collections.Generic;
using System.IO;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace Sinter.Runtime.Text;

/// <summary>
/// A tokenizer in the form in which DeepSeek-V3's is published: its patterns, its added tokens, and byte-level BPE. Written as
/// <c>tokenizer.json</c> and <c>tokenizer_config.json</c>.
/// </summary>
public static class PublishedTokenizer
{
    private const string Begin = "<｜begin▁of▁sentence｜>", End = "<｜end▁of▁sentence｜>";

    /// <summary>Tokens left free behind the vocabulary, for later use.</summary>
    private const int PlaceHolders = 9;

    private static readonly string[] s_first = [Begin, End, "<｜▁pad▁｜>"];

    private static readonly string[] s_last =
    [
        "<｜fim▁hole｜>", "<｜fim▁begin｜>", "<｜fim▁end｜>", "<｜User｜>", "<｜Assistant｜>", "<|EOT|>",
        "<｜tool▁calls▁begin｜>", "<｜tool▁calls▁end｜>", "<｜tool▁call▁begin｜>", "<｜tool▁call▁end｜>",
        "<｜tool▁outputs▁begin｜>", "<｜tool▁outputs▁end｜>", "<｜tool▁output▁begin｜>", "<｜tool▁output▁end｜>", "<｜tool▁sep｜>",
    ];

    private static readonly JsonWriterOptions s_json = new() { Indented = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>How text is split into words: numbers by three digits, CJK characters, and the rest.</summary>
    internal static IReadOnlyList<string> Patterns { get; } =
    [
        @"\p{N}{1,3}",
        "[一-龥぀-ゟ゠-ヿ]+",
        "[!\"#$%&'()*+,\\-./:;<=>?@\\[\\\\\\]^_`{|}~][A-Za-z]+|[^\r\n\\p{L}\\p{P}\\p{S}]?[\\p{L}\\p{M}]+| ?[\\p{P}\\p{S}]+[\r\n]*|\\s*[\r\n]+|\\s+(?!\\S)|\\s+",
    ];

    /// <summary>The fewest tokens: the added ones and the 256 bytes.</summary>
    public static int LeastSize => s_first.Length + 256 + PlaceHolders + s_last.Length;

    /// <summary>Learns the vocabulary from what was added and writes the tokenizer's two files to a folder.</summary>
    /// <param name="size">How many tokens there are to be, all added ones among them.</param>
    /// <returns>How many merges were learnt.</returns>
    /// <exception cref="SinterException">The size is too small, the text has too little repetition for it, or the files cannot be written.</exception>
    public static int Train(BytePairTraining training, int size, string folder)
    {
        if (size < LeastSize) throw new SinterException($"A tokenizer has {LeastSize} tokens at least: the 256 bytes and {LeastSize - 256} added ones; {size} are too few.");
        (IReadOnlyList<string> tokens, IReadOnlyList<(string Left, string Right)> merges) = training.Learn(s_first, size - PlaceHolders - s_last.Length);
        try
        {
            Directory.CreateDirectory(folder);
            Write(Path.Combine(folder, "tokenizer.json"), json => WriteTokenizer(json, tokens, merges));
            Write(Path.Combine(folder, "tokenizer_config.json"), WriteConfig);
        }
        catch (Exception fault) when (fault is IOException or UnauthorizedAccessException)
        {
            throw new SinterException($"{folder}: the tokenizer cannot be written: {fault.Message}", fault);
        }

        return merges.Count;
    }

    private static void Write(string path, Action<Utf8JsonWriter> members)
    {
        string temporary = $"{path}.{Guid.NewGuid():N}.tmp";
        using (FileStream stream = File.Create(temporary))
        {
            using (var json = new Utf8JsonWriter(stream, s_json))
            {
                json.WriteStartObject();
                members(json);
                json.WriteEndObject();
            }

            stream.Flush(flushToDisk: true);
        }

        File.Move(temporary, path, overwrite: true);
    }

    private static void WriteTokenizer(Utf8JsonWriter json, IReadOnlyList<string> tokens, IReadOnlyList<(string Left, string Right)> merges)
    {
        json.WriteString("version", "1.0");
        json.WriteNull("truncation");
        json.WriteNull("padding");
        json.WriteStartArray("added_tokens");
        int number = 0;
        foreach (string token in s_first) WriteAdded(json, number++, token, isSpecial: true);
        number = tokens.Count;
        for (int i = 0; i < PlaceHolders; i++) WriteAdded(json, number++, $"<｜place▁holder▁no▁{i}｜>", isSpecial: true);
        foreach (string token in s_last) WriteAdded(json, number++, token, isSpecial: token == "<|EOT|>");
        json.WriteEndArray();
        json.WriteNull("normalizer");
        json.WriteStartObject("pre_tokenizer");
        json.WriteString("type", "Sequence");
        json.WriteStartArray("pretokenizers");
        foreach (string pattern in Patterns)
        {
            json.WriteStartObject();
            json.WriteString("type", "Split");
            json.WriteStartObject("pattern");
            json.WriteString("Regex", pattern);
            json.WriteEndObject();
            json.WriteString("behavior", "Isolated");
            json.WriteBoolean("invert", false);
            json.WriteEndObject();
        }

        json.WriteStartObject();
        WriteByteLevel(json, prefixSpace: false, regex: false);
        json.WriteEndObject();
        json.WriteEndArray();
        json.WriteEndObject();
        json.WriteNull("post_processor");
        json.WriteStartObject("decoder");
        WriteByteLevel(json, prefixSpace: true, regex: true);
        json.WriteEndObject();
        json.WriteStartObject("model");
        json.WriteString("type", "BPE");
        json.WriteStartObject("vocab");
        for (int id = 0; id < tokens.Count; id++) json.WriteNumber(tokens[id], id);
        json.WriteEndObject();
        json.WriteStartArray("merges");
        foreach ((string left, string right) in merges) json.WriteStringValue($"{left} {right}");
        json.WriteEndArray();
        json.WriteEndObject();
    }

    private static void WriteAdded(Utf8JsonWriter json, int id, string content, bool isSpecial)
    {
        json.WriteStartObject();
        json.WriteNumber("id", id);
        json.WriteString("content", content);
        foreach (string flag in (string[])["single_word", "lstrip", "rstrip", "normalized"]) json.WriteBoolean(flag, false);
        json.WriteBoolean("special", isSpecial);
        json.WriteEndObject();
    }

    private static void WriteByteLevel(Utf8JsonWriter json, bool prefixSpace, bool regex)
    {
        json.WriteString("type", "ByteLevel");
        json.WriteBoolean("add_prefix_space", prefixSpace);
        json.WriteBoolean("trim_offsets", true);
        json.WriteBoolean("use_regex", regex);
    }

    private static void WriteConfig(Utf8JsonWriter json)
    {
        json.WriteBoolean("add_bos_token", true);
        json.WriteBoolean("add_eos_token", false);
        json.WriteString("bos_token", Begin);
        json.WriteString("eos_token", End);
        json.WriteString("pad_token", End);
        json.WriteBoolean("clean_up_tokenization_spaces", false);
        json.WriteString("tokenizer_class", "PreTrainedTokenizerFast");
    }
}
