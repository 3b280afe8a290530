using System;
using System.Collections.Generic;
using System.Globalization;
using System.IO;
using System.Linq;
using System.Text.Json;
using System.Text.Json.Nodes;
using Sinter.Runtime.Training.Data;
using Sinter.Runtime.Training.Schedules;

namespace Sinter.Runtime.Training.Runs;

/// <summary>Where a run stands, besides its tensors: <c>state.json</c> of a checkpoint.</summary>
internal sealed record RunState(
    ulong Seed, TrainingClock Clock, long SessionSteps, string Stage, TrainingClock StageStart,
    JsonObject Data, JsonObject Schedules, JsonObject? Plateau, IReadOnlyDictionary<string, string> Config, string Tokenizer, IReadOnlyList<TokenSource> Sources)
{
    public const string FileName = "state.json";

    public void Save(string folder)
    {
        var state = new JsonObject
        {
            ["seed"] = Seed,
            ["clock"] = Node(Clock),
            ["session_steps"] = SessionSteps,
            ["stage"] = Stage,
            ["stage_start"] = Node(StageStart),
            ["data"] = Data,
            ["schedules"] = Schedules,
            ["plateau"] = Plateau,
            ["config"] = new JsonObject(Config.Select(entry => KeyValuePair.Create(entry.Key, (JsonNode?)entry.Value))),
            ["tokenizer"] = Tokenizer,
            ["sources"] = new JsonArray([.. Sources.Select(source => (JsonNode)new JsonObject { ["name"] = source.Name, ["bytes"] = source.Bytes, ["sha256"] = source.Sha256 })]),
        };
        DurableFile.Write(Path.Combine(folder, FileName), state.ToJsonString());
    }

    /// <exception cref="SinterException">The file is damaged.</exception>
    public static RunState Load(string folder)
    {
        string path = Path.Combine(folder, FileName);
        try
        {
            JsonNode state = JsonNode.Parse(File.ReadAllText(path))!;
            return new RunState(
                (ulong)state["seed"]!, Clock(state["clock"]!), (long)state["session_steps"]!, (string)state["stage"]!, Clock(state["stage_start"]!),
                state["data"]!.AsObject(), state["schedules"]!.AsObject(), state["plateau"]?.AsObject(),
                state["config"]!.AsObject().ToDictionary(entry => entry.Key, entry => (string)entry.Value!),
                (string)state["tokenizer"]!,
                [.. state["sources"]!.AsArray().Select(source => new TokenSource((string)source!["name"]!, (long)source["bytes"]!, (string)source["sha256"]!))]);

            static TrainingClock Clock(JsonNode clock) => new((long)clock["steps"]!, (long)clock["tokens"]!);
        }
        catch (Exception fault) when (fault is IOException or UnauthorizedAccessException or JsonException or NullReferenceException or InvalidOperationException or FormatException)
        {
            throw new SinterException($"{path}: the file does not say where the run stood: {fault.Message}", fault);
        }
    }

    /// <exception cref="SinterException">The checkpoint is of another model, tokenizer or data.</exception>
    public void RequireSame(string checkpoint, IReadOnlyDictionary<string, string> config, TokenStore store)
    {
        foreach (string name in Config.Keys.Union(config.Keys).Order(StringComparer.Ordinal))
        {
            string then = Config.GetValueOrDefault(name, "nothing"), now = config.GetValueOrDefault(name, "nothing");
            if (then != now) throw new SinterException($"{checkpoint} was trained as another model: {name} is {then} there and {now} now; resume with the same model, or start in another folder.");
        }

        if (Tokenizer != store.Tokenizer) throw new SinterException($"{checkpoint} was trained with another tokenizer.json; resume with the same, or start in another folder.");
        if (Sources.SequenceEqual(store.Sources)) return;
        TokenSource? missing = Sources.Except(store.Sources).FirstOrDefault(), added = store.Sources.Except(Sources).FirstOrDefault();
        string what = missing is null ? $"{added!.Name} was not there" : store.Sources.Any(source => source.Name == missing.Name) ? $"{missing.Name} has changed" : $"{missing.Name} is gone";
        throw new SinterException($"{checkpoint} was trained on other data: {what}; resume with the same data, or start in another folder.");
    }

    /// <summary>A config as texts. What a stage changes, rotary scaling and the longest sequence, is no other model.</summary>
    public static IReadOnlyDictionary<string, string> Texts(IReadOnlyDictionary<string, object?> config) => config
        .Where(entry => !entry.Key.StartsWith("rope_scaling", StringComparison.Ordinal) && entry.Key != "max_position_embeddings")
        .ToDictionary(entry => entry.Key, entry => entry.Value is null ? "null" : Convert.ToString(entry.Value, CultureInfo.InvariantCulture)!);

    private static JsonObject Node(TrainingClock clock) => new() { ["steps"] = clock.Steps, ["tokens"] = clock.Tokens };
}
