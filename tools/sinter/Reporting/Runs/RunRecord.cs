using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Text.Json;
using System.Text.Json.Nodes;
using Sinter.Runtime;
using Sinter.Runtime.Training.Runs;

namespace Sinter.Command.Reporting.Runs;

/// <summary>A value at a step.</summary>
internal readonly record struct Sample(long Step, double Value);

/// <summary>What a run's metrics.jsonl tells.</summary>
internal sealed class RunRecord
{
    private readonly Dictionary<string, List<Sample>> _series = new(StringComparer.Ordinal);

    /// <summary>By step, for each balanced layer, how often each expert was chosen.</summary>
    public List<(long Step, int[][] Loads)> Loads { get; } = [];

    public long Tokens { get; private set; }

    public long Steps { get; private set; }

    /// <summary>Where stages begin.</summary>
    public List<(long Step, string Name)> Stages { get; } = [];

    /// <summary>The numbers of one name, or none.</summary>
    public IReadOnlyList<Sample> this[string name] => _series.GetValueOrDefault(name) ?? [];

    /// <exception cref="SinterException">The folder holds no metrics, or they cannot be read.</exception>
    public static RunRecord Read(string folder)
    {
        string path = Path.Combine(folder, MetricsLog.FileName);
        if (!File.Exists(path)) throw new SinterException($"{path}: there is no such file; the folder of a run of 'sinter train' holds one.");
        var record = new RunRecord();
        int number = 0;
        foreach (string line in File.ReadLines(path))
        {
            number++;
            try
            {
                record.Add(JsonNode.Parse(line)!.AsObject());
            }
            catch (Exception fault) when (fault is JsonException or InvalidOperationException or NullReferenceException or FormatException)
            {
                throw new SinterException($"{path}: line {number} is not a line of metrics.", fault);
            }
        }

        return record.Steps > 0 ? record : throw new SinterException($"{path}: no step has been made yet.");
    }

    private void Add(JsonObject line)
    {
        long step = (long)line["step"]!;
        if (line["validation"] is JsonObject validation)
        {
            Add("validation main", step, (double)validation["main"]!);
            if (Mean(validation["mtp"]!) is { } foreseen) Add("validation mtp", step, foreseen);
            return;
        }

        (Steps, Tokens) = (step, (long)line["tokens"]!);
        foreach (string name in (string[])["main", "balance", "rate", "norm", "maxvio", "tokens_per_second", "sequences"]) Add(name, step, (double)line[name]!);
        if (Mean(line["mtp"]!) is { } ahead) Add("mtp", step, ahead);
        string stage = (string)line["stage"]!;
        if (Stages.Count == 0 || Stages[^1].Name != stage) Stages.Add((step, stage));
        int[][] loads = [.. line["loads"]!.AsArray().Select(layer => layer!.AsArray().Select(load => (int)load!).ToArray())];
        if (loads.Length > 0) Loads.Add((step, loads));
    }

    private void Add(string name, long step, double value)
    {
        if (!_series.TryGetValue(name, out List<Sample>? series)) _series.Add(name, series = []);
        series.Add(new Sample(step, value));
    }

    private static double? Mean(JsonNode losses) => losses.AsArray() is { Count: > 0 } some ? some.Average(loss => (double)loss!) : null;
}
