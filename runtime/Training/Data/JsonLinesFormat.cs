using System.Collections.Generic;
using System.IO;
using System.Text;
using System.Text.Json;

namespace Sinter.Runtime.Training.Data;

/// <summary>JSON Lines: each line is an object, and its <c>text</c> (or <c>content</c>) a document.</summary>
/// <param name="mostCharacters">The longest line: a document of this format has to fit into memory.</param>
public sealed class JsonLinesFormat(int mostCharacters = 1 << 27) : IDocumentFormat
{
    private static readonly string[] s_members = ["text", "content"];

    public IReadOnlyList<string> Extensions => [".jsonl", ".ndjson"];

    public IEnumerable<TextPiece> Read(string path)
    {
        using StreamReader reader = TextFiles.Open(path);
        long number = 0;
        foreach (string line in Lines(reader, path))
        {
            number++;
            if (string.IsNullOrWhiteSpace(line)) continue;
            string text = TextOf(line, path, number);
            if (text.Length > 0) yield return new TextPiece(text, true);
        }
    }

    private static string TextOf(string line, string path, long number)
    {
        try
        {
            using JsonDocument document = JsonDocument.Parse(line);
            if (document.RootElement.ValueKind == JsonValueKind.Object)
            {
                foreach (string member in s_members)
                    if (document.RootElement.TryGetProperty(member, out JsonElement text) && text.ValueKind == JsonValueKind.String) return text.GetString()!;
            }
        }
        catch (JsonException fault)
        {
            throw new SinterException($"{path}: line {number} is not JSON.", fault);
        }

        throw new SinterException($"{path}: line {number} has no 'text' to train on; each line should be an object such as {{\"text\": \"…\"}}.");
    }

    private IEnumerable<string> Lines(StreamReader reader, string path)
    {
        var line = new StringBuilder();
        var block = new char[1 << 16];
        long number = 1;
        for (int count; (count = reader.ReadBlock(block)) > 0;)
        {
            int from = 0;
            for (int at; (at = System.Array.IndexOf(block, '\n', from, count - from)) >= 0; from = at + 1)
            {
                line.Append(block, from, at - from);
                yield return line.ToString();
                line.Clear();
                number++;
            }

            line.Append(block, from, count - from);
            if (line.Length > mostCharacters)
                throw new SinterException($"{path}: line {number} is longer than {mostCharacters} characters, and a document of this format has to fit into memory; split it into several.");
        }

        if (line.Length > 0) yield return line.ToString();
    }
}
