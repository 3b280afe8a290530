using System;
using System.Text.Json;
using Sinter.Command.Terminal;
using Sinter.Compiler.Graph;
using Sinter.Compiler.Reports;

namespace Sinter.Command.Reporting;

/// <summary>What a model needs, for people and for programs.</summary>
internal static class PlanText
{
    public static void Write(ModelGraph model, ModelSummary summary, PlanReport plan, BufferPlan? buffers)
    {
        Console.WriteLine($"{model.Name}: {Quantity.Count(summary.Total)} parameters, {Quantity.Count(summary.Active)} active a token; "
            + $"{plan.Batch} × {plan.Context} tokens");
        Console.WriteLine();
        Console.WriteLine("memory");
        Console.WriteLine($"  weights     {Quantity.Bytes(plan.Bf16Bytes)} in BF16, {Quantity.Bytes(plan.Fp8Bytes)} as published in FP8");
        if (summary.Prediction > 0)
            Console.WriteLine($"  prediction  {Quantity.Bytes(plan.PredictionBf16Bytes)} more in BF16, {Quantity.Bytes(plan.PredictionFp8Bytes)} in FP8");
        Console.WriteLine($"  cache       {Quantity.Bytes(plan.CacheBytes)}: {plan.CacheNumbers} numbers a token and layer, {Quantity.Bytes(plan.CacheBytesPerToken)} a token (F32)");
        if (buffers is not null)
            Console.WriteLine($"  buffers     {Quantity.Bytes(buffers.TotalBytes)} for steps of {buffers.StepTokens} tokens: {Quantity.Bytes(buffers.TokenBytes)} a token, "
                + $"{Quantity.Bytes(buffers.PositionBytes)} a position where keys and values are expanded");
        Phase("prefill", $"a prompt of {plan.Context} tokens, {plan.Batch} at a time", plan.Prefill);
        Phase("decoding", $"after {plan.Context} tokens, {plan.Batch} sequences at a time", plan.Decoding);
    }

    public static void Write(Utf8JsonWriter json, ModelGraph model, ModelSummary summary, PlanReport plan, BufferPlan? buffers)
    {
        SummaryText.Write(json, model, summary);
        json.WriteNumber("context", plan.Context);
        json.WriteNumber("batch", plan.Batch);
        json.WriteNumber("weight_bytes_bf16", plan.Bf16Bytes);
        json.WriteNumber("weight_bytes_fp8", plan.Fp8Bytes);
        json.WriteNumber("prediction_bytes_bf16", plan.PredictionBf16Bytes);
        json.WriteNumber("prediction_bytes_fp8", plan.PredictionFp8Bytes);
        json.WriteNumber("cache_bytes", plan.CacheBytes);
        if (buffers is not null)
        {
            json.WriteNumber("buffer_bytes", buffers.TotalBytes);
            json.WriteNumber("buffer_bytes_per_token", buffers.TokenBytes);
            json.WriteNumber("buffer_bytes_per_position", buffers.PositionBytes);
        }

        Phase(json, "prefill", plan.Prefill);
        Phase(json, "decoding", plan.Decoding);
    }

    private static void Phase(string name, string what, PhaseWork work)
    {
        string cheaper = work.AbsorbedFlops < work.ExpandedFlops ? "absorbed" : "expanded";
        Console.WriteLine();
        Console.WriteLine($"{name}, a token ({what})");
        Console.WriteLine($"  arithmetic  {Quantity.Flops(work.AbsorbedFlops)} absorbed, {Quantity.Flops(work.ExpandedFlops)} expanded: {cheaper} attention is cheaper");
        Console.WriteLine($"  weights     {Quantity.Bytes(work.Bf16WeightBytes)} read in BF16, {Quantity.Bytes(work.Fp8WeightBytes)} in FP8");
        Console.WriteLine($"  cache       {Quantity.Bytes(work.CacheBytes)} read");
    }

    private static void Phase(Utf8JsonWriter json, string name, PhaseWork work)
    {
        json.WriteStartObject(name);
        json.WriteNumber("flops_per_token_absorbed", Math.Round(work.AbsorbedFlops));
        json.WriteNumber("flops_per_token_expanded", Math.Round(work.ExpandedFlops));
        json.WriteNumber("weight_bytes_per_token_bf16", Math.Round(work.Bf16WeightBytes));
        json.WriteNumber("weight_bytes_per_token_fp8", Math.Round(work.Fp8WeightBytes));
        json.WriteNumber("cache_bytes_per_token", Math.Round(work.CacheBytes));
        json.WriteEndObject();
    }
}

/// <summary>Memory for activations, as the compiled program lays it out.</summary>
/// <param name="StepTokens">Tokens of a step.</param>
/// <param name="TokenBytes">A token of the step.</param>
/// <param name="PositionBytes">A position whose keys and values are expanded.</param>
/// <param name="TotalBytes">All of it for such a step over the whole context.</param>
internal sealed record BufferPlan(int StepTokens, long TokenBytes, long PositionBytes, long TotalBytes);
