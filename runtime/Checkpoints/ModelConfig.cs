using System;
using System.Collections.Generic;
using System.IO;
using System.Text.Json;

namespace Sinter.Runtime.Checkpoints;

/// <summary>
/// A checkpoint's <c>config.json</c>, flattened: <c>rope_scaling.factor</c>, <c>architectures.0</c>. A value is a long,
/// double, string, bool or null; an entry that is null itself keeps its name.
/// </summary>
public sealed class ModelConfig
{
    public const string FileName = "config.json";

    private ModelConfig(string path, IReadOnlyDictionary<string, object?> values)
    {
        Path = path;
        Values = values;
    }

    public string Path { get; }

    public IReadOnlyDictionary<string, object?> Values { get; }

    /// <summary>In the folder of a training run, the folder that its models are in.</summary>
    public const string CheckpointsOfRun = "checkpoints";

    /// <summary><c>model_type</c>, or null where there is none.</summary>
    public string? ModelType => Values.GetValueOrDefault("model_type") as string;

    /// <param name="folder">The checkpoint's folder.</param>
    /// <exception cref="SinterException">The file is missing or not a JSON object.</exception>
    public static ModelConfig Load(string folder)
    {
        string path = System.IO.Path.Combine(folder, FileName), checkpoints = System.IO.Path.Combine(folder, CheckpointsOfRun);
        if (!File.Exists(path) && Directory.Exists(checkpoints)) throw new SinterException($"{folder} is the folder of a run; the models that it made are in {checkpoints}.");
        return LoadFile(path);
    }

    /// <inheritdoc cref="Load"/>
    public static ModelConfig LoadFile(string path) => new(path, Flatten(path));

    internal static Dictionary<string, object?> Flatten(string path)
    {
        using JsonDocument document = JsonText.Read(path);
        if (document.RootElement.ValueKind != JsonValueKind.Object) throw new SinterException($"{path}: the file is not a JSON object.");
        var values = new Dictionary<string, object?>(StringComparer.Ordinal);
        Flatten(document.RootElement, "", values);
        return values;
    }

    private static void Flatten(JsonElement element, string name, Dictionary<string, object?> values)
    {
        string prefix = name.Length == 0 ? "" : name + ".";
        switch (element.ValueKind)
        {
            case JsonValueKind.Object:
                foreach (JsonProperty property in element.EnumerateObject()) Flatten(property.Value, prefix + property.Name, values);
                break;
            case JsonValueKind.Array:
                int index = 0;
                foreach (JsonElement item in element.EnumerateArray()) Flatten(item, prefix + index++, values);
                break;
            default:
                values[name] = Value(element);
                break;
        }
    }

    private static object? Value(JsonElement element) => element.ValueKind switch
    {
        JsonValueKind.Number => element.TryGetInt64(out long whole) ? (object)whole : element.GetDouble(),
        JsonValueKind.String => element.GetString(),
        JsonValueKind.True => true,
        JsonValueKind.False => false,
        _ => null,
    };
}
