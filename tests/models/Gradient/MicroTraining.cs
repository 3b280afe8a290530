using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Text.Json;
using Sinter.Compiler;
using Sinter.Compiler.Binding;
using Sinter.Compiler.Graph;
using Sinter.Compiler.Passes.Differentiation;
using Sinter.Tests.Data;
using Sinter.Tests.Reference;

namespace Sinter.Models.Tests.Gradient;

/// <summary>The smallest checkpoint, trained by PyTorch for twenty steps: the description as its training graph, and what came out there.</summary>
internal sealed class MicroTraining
{
    public const string Name = "micro-train";

    private readonly int[] _tokens;

    public MicroTraining()
    {
        Facts = JsonDocument.Parse(File.ReadAllText(Repository.Data(Name, "golden.json"))).RootElement;
        Golden = new TensorFile(Repository.Data(Name, "golden.safetensors"));
        _tokens = Golden["tokens"].Integers;
    }

    public JsonElement Facts { get; }

    public TensorFile Golden { get; }

    public int Batch => (int)Setting("batch");

    public double Setting(string name) => Facts.GetProperty("hyper").GetProperty(name).GetDouble();

    /// <summary>How far float32 was from float64.</summary>
    public double Measured(string name) => Facts.GetProperty("measured").GetProperty(name).GetDouble();

    /// <summary>One sequence's tokens, two more than the model reads.</summary>
    public int[] Tokens(int step, int sequence)
    {
        int length = (int)Setting("seq") + 2;
        int from = (step * Batch + sequence) * length;
        return _tokens[from..(from + length)];
    }

    /// <summary>A batch: losses as means over its sequences, gradients of the objective, and how often each expert of each layer was chosen.</summary>
    public BatchStep Run(TrainingGraph training, IWeightSource weights, int step, double prediction, double balance)
    {
        Dictionary<string, double> worths = new()
        {
            [Objective.Main] = 1.0 / Batch,
            [Objective.Prediction] = prediction / Batch,
            [Objective.Balance] = balance / Batch,
        };
        TrainingStep[] sequences = [.. Enumerable.Range(0, Batch).AsParallel().AsOrdered()
            .Select(sequence => TrainingEvaluator.Run(training, weights, Tokens(step, sequence), worths))];

        Dictionary<string, double[]> gradients = sequences[0].Gradients.Keys.ToDictionary(
            name => name,
            name => sequences.Select(sequence => sequence.Gradients[name]).Aggregate((left, right) => [.. left.Zip(right, (a, b) => a + b)]));
        Dictionary<int, int[]> loads = sequences[0].Traces.Where(trace => trace.Name == "router.topk_idx").ToDictionary(
            trace => trace.Layer,
            trace => Count(sequences.SelectMany(sequence => sequence.Traces).Where(other => other.Name == trace.Name && other.Layer == trace.Layer)));
        return new BatchStep(
            sequences[0].Losses.Keys.ToDictionary(name => name, name => sequences.Average(sequence => sequence.Losses[name])),
            gradients,
            loads);
    }

    /// <summary>The language's own description of the model, with the config beside the checkpoint.</summary>
    /// <param name="edit">What to change in the description's texts.</param>
    public static ModelGraph Model(string checkpoint = Name, Func<string, string>? edit = null, int? predicted = null)
    {
        string folder = Path.Combine(Repository.Root, "models");
        List<SourceFile> files = [.. Directory.GetFiles(folder, "*.sinter", SearchOption.AllDirectories).Select(path => new SourceFile(path, edit is null ? File.ReadAllText(path) : edit(File.ReadAllText(path))))];
        SourceClosure source = SourceClosure.Of(files.Single(file => Path.GetFileName(file.Path) == "deepseek_v3.sinter"), files);
        using JsonDocument config = JsonDocument.Parse(File.ReadAllText(Path.Combine(Repository.Checkpoint(checkpoint), "config.json")));
        Dictionary<string, string> values = config.RootElement.EnumerateObject().Where(property => property.Value.ValueKind != JsonValueKind.Array)
            .ToDictionary(property => property.Name, property => property.Value.ToString().Replace("True", "true").Replace("False", "false"));
        if (predicted is { } depth) values["num_nextn_predict_layers"] = $"{depth}";
        BoundFile bound = ModelBinder.BindConfig(source.File.Path, source.File.Text, source.Find, "MicroTrain", values);
        if (bound.Diagnostics.Count > 0) throw new InvalidOperationException(string.Join("\n", bound.Diagnostics));
        BuiltGraph built = GraphBuilder.Build(bound.Models[0]);
        return built.Graph ?? throw new InvalidOperationException(string.Join("\n", built.Diagnostics));
    }

    private static int[] Count(IEnumerable<TracedValue> choices)
    {
        var loads = new int[8];
        foreach (int expert in choices.SelectMany(choice => choice.Value.Integers)) loads[expert]++;
        return loads;
    }
}

internal sealed record BatchStep(
    IReadOnlyDictionary<string, double> Losses,
    IReadOnlyDictionary<string, double[]> Gradients,
    IReadOnlyDictionary<int, int[]> Loads);
