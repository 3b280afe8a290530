using System;
using System.Text.Json;
using Sinter.Command.Terminal;
using Sinter.Compiler.Graph;
using Sinter.Compiler.Reports;

namespace Sinter.Command.Reporting;

/// <summary>A model's size, for people and for programs.</summary>
internal static class SummaryText
{
    public static void Write(ModelGraph model, ModelSummary summary)
    {
        Console.WriteLine($"{model.Name}, {model.Architecture} with {model.Layers} layers: {Quantity.Count(summary.Total)} parameters, {Quantity.Count(summary.Active)} active a token");
        Console.WriteLine();
        Console.WriteLine($"  {"part",-16}{"parameters",20}{"active a token",20}");
        foreach (PartCount part in summary.Parts) Row(Name(part.Part), part.Total, part.Active);
        Row("all", summary.Total, summary.Active);
        Console.WriteLine();
        if (summary.Prediction > 0)
        {
            Console.WriteLine($"  multi-token prediction: {Quantity.Count(summary.Prediction)} of its own, "
                + $"{Quantity.Count(summary.Prediction + summary.SharedWithPrediction)} with the embedding and head that it shares");
        }

        Console.WriteLine($"  cache: {summary.CacheNumbers} numbers a token and layer, {Quantity.Bytes(CacheBytes(summary))} a token in {summary.CachedLayers} layers (F32)");
        Console.WriteLine("  active: what one token needs; of the embedding its row, of the experts those chosen");
    }

    public static void Write(Utf8JsonWriter json, ModelGraph model, ModelSummary summary)
    {
        json.WriteString("model", model.Name);
        json.WriteString("architecture", model.Architecture);
        json.WriteNumber("layers", model.Layers);
        json.WriteNumber("parameters", summary.Total);
        json.WriteNumber("active_parameters", summary.Active);
        json.WriteStartObject("parts");
        foreach (PartCount part in summary.Parts)
        {
            json.WriteStartObject(Name(part.Part).Replace(' ', '_'));
            json.WriteNumber("parameters", part.Total);
            json.WriteNumber("active", part.Active);
            json.WriteEndObject();
        }

        json.WriteEndObject();
        json.WriteNumber("prediction_parameters", summary.Prediction);
        json.WriteNumber("prediction_parameters_with_shared", summary.Prediction + summary.SharedWithPrediction);
        json.WriteNumber("cache_numbers_per_token_and_layer", summary.CacheNumbers);
        json.WriteNumber("cache_bytes_per_token", CacheBytes(summary));
    }

    private static long CacheBytes(ModelSummary summary) => (long)sizeof(float) * summary.CacheNumbers * summary.CachedLayers;

    private static void Row(string name, long total, long active) =>
        Console.WriteLine($"  {name,-16}{total,20:N0}{active,20:N0}");

    private static string Name(ModelPart part) => part switch
    {
        ModelPart.Embedding => "embedding",
        ModelPart.Attention => "attention",
        ModelPart.Dense => "dense",
        ModelPart.SharedExperts => "shared experts",
        ModelPart.RoutedExperts => "routed experts",
        ModelPart.Router => "router",
        ModelPart.Norms => "norms",
        ModelPart.Head => "head",
        _ => "other",
    };
}
