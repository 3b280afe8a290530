using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Runtime.InteropServices;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Sinter.Runtime.Checkpoints;
using Sinter.Runtime.Execution;
using Sinter.Runtime.Text;

namespace Sinter.Runtime.Training.Runs;

/// <summary>Writes a model in training in the published layout: config.json, safetensors and the tokenizer.</summary>
internal static class PublishedModel
{
    private static readonly string[] s_tokenizerFiles = ["tokenizer.json", "tokenizer_config.json"];
    private static readonly JsonWriterOptions s_indented = new() { Indented = true };

    /// <param name="tokenizerFolder">Where tokenizer.json lies; null without a tokenizer.</param>
    /// <param name="config">What the model was compiled with.</param>
    public static void Write(string folder, TrainingSession session, IReadOnlyDictionary<string, object?> config, string? tokenizerFolder)
    {
        ModelTokenizer? tokenizer = tokenizerFolder is null ? null : ModelTokenizer.Load(tokenizerFolder);
        JsonObject json = Config(session.Description, config, tokenizer);
        DurableFile.Write(Path.Combine(folder, ModelConfig.FileName), Text(json));
        var generation = new JsonObject { ["_from_model_config"] = true, ["bos_token_id"] = tokenizer?.BeginOfSequence, ["eos_token_id"] = tokenizer?.EndOfSequence };
        DurableFile.Write(Path.Combine(folder, "generation_config.json"), Text(generation));
        foreach (string file in tokenizerFolder is null ? [] : s_tokenizerFiles.Where(file => File.Exists(Path.Combine(tokenizerFolder, file))))
            DurableFile.Copy(Path.Combine(tokenizerFolder!, file), Path.Combine(folder, file));

        var weights = new SafetensorsWriter();
        foreach (TrainedTensor tensor in session.Tensors)
        {
            // As published: weights in BF16, the routing bias, which moves in small steps, in F32.
            if (tensor.IsTrained) weights.Add(tensor.Name, ElementType.BF16, [.. tensor.Shape], stream => SafetensorsWriter.WriteBf16(stream, tensor.Weights));
            else weights.Add(tensor.Name, ElementType.F32, [.. tensor.Shape], stream => stream.Write(MemoryMarshal.AsBytes(tensor.Weights)));
        }

        weights.Save(Path.Combine(folder, Checkpoint.SingleFile));
    }

    private static string Text(JsonObject json)
    {
        using var stream = new MemoryStream();
        using (var writer = new Utf8JsonWriter(stream, s_indented)) json.WriteTo(writer);
        return Encoding.UTF8.GetString(stream.GetBuffer(), 0, (int)stream.Length);
    }

    private static JsonObject Config(ModelDescription description, IReadOnlyDictionary<string, object?> bound, ModelTokenizer? tokenizer)
    {
        string? type = description.ModelTypes.FirstOrDefault();
        var config = new JsonObject();
        if (type is not null)
        {
            config["architectures"] = new JsonArray(ClassName(type));
            config["model_type"] = type;
        }

        foreach ((string name, object? value) in bound.OrderBy(entry => entry.Key, StringComparer.Ordinal)) Set(config, name, value);

        // What other programs ask for, and our descriptions need not.
        foreach ((string name, JsonNode? value) in new (string, JsonNode?)[]
        {
            ("num_key_value_heads", config["num_attention_heads"]?.DeepClone()), ("hidden_act", "silu"), ("tie_word_embeddings", false), ("attention_bias", false),
            ("torch_dtype", "bfloat16"), ("bos_token_id", tokenizer?.BeginOfSequence), ("eos_token_id", tokenizer?.EndOfSequence),
        })
        {
            if (!config.ContainsKey(name) && value is not null) config[name] = value;
        }

        return config;
    }

    /// <summary><c>deepseek_v3</c> → <c>DeepseekV3ForCausalLM</c>.</summary>
    private static string ClassName(string type) =>
        string.Concat(type.Split('_').Where(part => part.Length > 0).Select(part => char.ToUpperInvariant(part[0]) + part[1..])) + "ForCausalLM";

    private static void Set(JsonObject config, string name, object? value)
    {
        int dot = name.IndexOf('.', StringComparison.Ordinal);
        if (dot < 0)
        {
            // A group that has members is more than its own name.
            if (value is not null || !config.ContainsKey(name)) config[name] = Node(value);
            return;
        }

        if (config[name[..dot]] is not JsonObject group) config[name[..dot]] = group = [];
        Set(group, name[(dot + 1)..], value);
    }

    private static JsonNode? Node(object? value) => value switch
    {
        null => null,
        bool flag => JsonValue.Create(flag),
        string text => JsonValue.Create(text),
        int or long => JsonValue.Create(Convert.ToInt64(value, System.Globalization.CultureInfo.InvariantCulture)),
        IConvertible number => JsonValue.Create(number.ToDouble(System.Globalization.CultureInfo.InvariantCulture)),
        _ => throw new ArgumentException($"A config holds {value.GetType()}."),
    };
}
