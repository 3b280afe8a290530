using System.IO;
using System.Text.Json;

namespace Sinter.Runtime.Text;

/// <summary>How a checkpoint's files name the tokens that open and end a sequence: by their text, or else by number.</summary>
internal sealed record SequenceMarks(string? Begin, string? End, int? BeginId, int? EndId, bool AddsBegin)
{
    /// <summary>From <c>tokenizer_config.json</c>, which has the texts, and <c>config.json</c>, which has the numbers.</summary>
    public static SequenceMarks Read(string folder)
    {
        using JsonDocument? texts = Open(Path.Combine(folder, "tokenizer_config.json"));
        using JsonDocument? numbers = Open(Path.Combine(folder, "config.json"));
        return new SequenceMarks(
            Text(texts, "bos_token"),
            Text(texts, "eos_token"),
            Number(numbers, "bos_token_id"),
            Number(numbers, "eos_token_id"),
            Member(texts, "add_bos_token") is { ValueKind: JsonValueKind.True });
    }

    private static JsonDocument? Open(string path)
    {
        if (!File.Exists(path)) return null;
        try
        {
            return JsonDocument.Parse(File.ReadAllBytes(path));
        }
        catch (JsonException fault)
        {
            throw new SinterException($"{path} is not valid JSON: line {fault.LineNumber + 1} is where it breaks.", fault);
        }
    }

    private static JsonElement? Member(JsonDocument? document, string name) =>
        document is { RootElement.ValueKind: JsonValueKind.Object } && document.RootElement.TryGetProperty(name, out JsonElement value)
            ? value
            : null;

    /// <summary>The text itself, or that of an added token written as an object.</summary>
    private static string? Text(JsonDocument? document, string name) => Member(document, name) switch
    {
        { ValueKind: JsonValueKind.String } text => text.GetString(),
        { ValueKind: JsonValueKind.Object } token when token.TryGetProperty("content", out JsonElement content)
            && content.ValueKind == JsonValueKind.String => content.GetString(),
        _ => null,
    };

    /// <summary>A number, or the first of a list.</summary>
    private static int? Number(JsonDocument? document, string name) => Member(document, name) switch
    {
        { ValueKind: JsonValueKind.Number } number when number.TryGetInt32(out int value) => value,
        { ValueKind: JsonValueKind.Array } list when list.GetArrayLength() > 0
            && list[0].ValueKind == JsonValueKind.Number && list[0].TryGetInt32(out int first) => first,
        _ => null,
    };
}
