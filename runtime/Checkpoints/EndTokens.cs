using System.Collections.Generic;
using System.IO;

namespace Sinter.Runtime.Checkpoints;

/// <summary>The tokens that end a text, as a checkpoint states them.</summary>
public static class EndTokens
{
    private const string Entry = "eos_token_id";

    /// <summary>
    /// <c>eos_token_id</c> of <c>generation_config.json</c>, one or a list; where that file or entry is absent, of
    /// <c>config.json</c>; empty where neither has one.
    /// </summary>
    /// <exception cref="SinterException">A file is not JSON, or an entry is not a token number.</exception>
    public static IReadOnlyList<int> Load(string folder)
    {
        foreach (string name in (string[])["generation_config.json", ModelConfig.FileName])
        {
            string path = Path.Combine(folder, name);
            if (!File.Exists(path)) continue;
            List<int> tokens = Read(path, ModelConfig.Flatten(path));
            if (tokens.Count > 0) return tokens;
        }

        return [];
    }

    private static List<int> Read(string path, Dictionary<string, object?> values)
    {
        var tokens = new List<int>();
        if (values.GetValueOrDefault(Entry) is { } single) tokens.Add(Token(path, single));
        for (int i = 0; values.TryGetValue($"{Entry}.{i}", out object? item); i++) tokens.Add(Token(path, item));
        return tokens;
    }

    private static int Token(string path, object? value) => value is long and >= 0 and <= int.MaxValue
        ? (int)(long)value
        : throw new SinterException($"{path}: {Entry} is {value ?? "null"}, which is not a token number.");
}
