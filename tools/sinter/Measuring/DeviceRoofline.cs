using System;
using System.Collections.Generic;
using System.Linq;
using System.Text.Json;
using Sinter.Command.Terminal;
using Sinter.Compiler.Emit;
using Sinter.Compiler.Graph;
using Sinter.Compiler.Operations;
using Sinter.Compiler.Reports;
using Sinter.Cuda;

namespace Sinter.Command.Measuring;

/// <summary>A kernel of a step on a GPU, as predicted.</summary>
/// <param name="Calls">In a step.</param>
/// <param name="Seconds">Of all of them.</param>
/// <param name="Limit">What most of that time goes to.</param>
internal sealed record PredictedKernel(string Name, int Calls, double Seconds, string Limit);

/// <summary>
/// What a step would take on a GPU if nothing but its limits held it up: products and latent attention by the cost model of the
/// CUDA kernels, all else by bytes and operations. Nobody has measured it, launches and waiting are not counted, and one GPU is
/// taken to hold the whole model.
/// </summary>
internal sealed record DeviceRoofline(Gpu Gpu, string Phase, int Tokens, IReadOnlyList<PredictedKernel> Kernels)
{
    /// <summary>Activations and cache are BF16 on a GPU.</summary>
    private const int ActivationBytes = 2;

    public double Seconds => Kernels.Sum(kernel => kernel.Seconds);

    /// <summary>Predicts decoding of a token for each of some sequences, and the prefill of one prompt.</summary>
    public static IReadOnlyList<DeviceRoofline> Predict(CompiledProgram program, Gpu gpu, int context, int batch) =>
    [
        Predict(program, program.Orders[0], gpu, $"decoding, {batch} × 1 token after {context}", batch, 1, context),
        Predict(program, program.Orders[^1], gpu, $"prefill of {context} tokens", 1, context, context),
    ];

    public void WriteText()
    {
        Console.WriteLine();
        Console.WriteLine($"{Phase} on {Gpu.Name}, predicted from its data sheet: {1000 * Seconds:0.000} ms a step, {Tokens / Seconds:0} tokens a second");
        Console.WriteLine($"  {"kernel",-44} {"calls",6} {"time",6} {"µs/call",10}  limit");
        foreach (PredictedKernel kernel in Kernels)
            Console.WriteLine($"  {kernel.Name,-44} {kernel.Calls,6} {100 * kernel.Seconds / Seconds,4:0.0} % {1e6 * kernel.Seconds / kernel.Calls,10:0.0}  {kernel.Limit}");
    }

    public void WriteJson(Utf8JsonWriter json)
    {
        json.WriteStartObject();
        json.WriteString("device", Gpu.Name);
        json.WriteString("phase", Phase);
        json.WriteNumber("tokens", Tokens);
        json.WriteNumber("predicted_seconds_per_step", Seconds);
        json.WriteStartArray("kernels");
        foreach (PredictedKernel kernel in Kernels)
        {
            json.WriteStartObject();
            json.WriteString("name", kernel.Name);
            json.WriteNumber("calls_per_step", kernel.Calls);
            json.WriteNumber("predicted_seconds_per_step", kernel.Seconds);
            json.WriteString("limit", kernel.Limit);
            json.WriteEndObject();
        }

        json.WriteEndArray();
        json.WriteEndObject();
    }

    private static DeviceRoofline Predict(CompiledProgram program, OrderedRegions order, Gpu gpu, string phase, int sequences, int tokens, int positions)
    {
        // As DeepSeek-V3 is published (PlanModel): matrices of attention and feed-forward layers in E4M3, where the GPU multiplies it.
        HashSet<WeightTensor> narrow = gpu.E4M3 == 0 ? [] : [.. TakeInventory.Of(program.Model)
            .Where(group => group.Part is ModelPart.Attention or ModelPart.Dense or ModelPart.SharedExperts or ModelPart.RoutedExperts && group.Tensor.Shape.Count == 2)
            .Select(group => group.Tensor)];
        int Stored(WeightArgument argument) => narrow.Contains(argument.Tensor) ? 1 : 2;
        var work = new KernelWork(program, (argument, _) => Stored(argument), sequences, tokens, positions, ActivationBytes);
        var kernels = new Dictionary<string, List<(int Calls, Prediction Each, string Limit)>>();
        foreach (LoweredRegion region in order.Main)
        {
            int layers = Math.Max(1, region.EndLayer - Math.Max(0, region.FirstLayer));
            foreach (Call call in region.Calls)
            {
                (double bytes, double flops) = work.Of(call, region);
                Prediction prediction = call.Operation switch
                {
                    ContractionOperation contraction => Product(contraction, call, work, region, gpu, Stored),
                    AttentionOperation attention when tokens == 1 && IsLatent(attention) => AttentionCosts.Predict(gpu, sequences, attention.Heads, positions),
                    AttentionOperation attention when IsExpanded(attention) => AttentionCosts.PredictExpanded(gpu, attention.Heads, [.. Enumerable.Repeat((positions - tokens, tokens), sequences)]),
                    AttentionOperation => Prediction.Longest(bytes / gpu.Bandwidth, flops / gpu.BF16, 0, 0),
                    _ => Prediction.Longest(bytes / gpu.Bandwidth, 0, 0, flops / gpu.F32),
                };
                // A device without a kernel for it (too little shared memory) is taken at its plain limits.
                if (double.IsInfinity(prediction.Seconds)) prediction = Prediction.Longest(bytes / gpu.Bandwidth, flops / gpu.BF16, 0, 0);
                string name = program.Kernels[call.Operation].Method;
                if (!kernels.TryGetValue(name, out var calls)) kernels[name] = calls = [];
                calls.Add((layers, prediction, Named(prediction.Limit)));
            }
        }

        return new DeviceRoofline(gpu, phase, sequences * tokens, [.. kernels
            .Select(entry => new PredictedKernel(
                entry.Key,
                entry.Value.Sum(call => call.Calls),
                entry.Value.Sum(call => call.Calls * call.Each.Seconds),
                entry.Value.MaxBy(call => call.Calls * call.Each.Seconds).Limit))
            .OrderByDescending(kernel => kernel.Seconds)]);
    }

    /// <summary>Each accumulator is a grouped product; heads side by side are groups, too.</summary>
    private static Prediction Product(
        ContractionOperation contraction, Call call, KernelWork work, LoweredRegion region, Gpu gpu, Func<WeightArgument, int> stored)
    {
        (double rows, double groups) = work.Rows(contraction, call, region);
        if (rows == 0) return new Prediction(0, Limit.Memory);
        int count = Math.Max(1, (int)Math.Round(groups)), each = (int)Math.Ceiling(rows / count);
        int[] experts = [.. Enumerable.Repeat(each, count * contraction.Batch)];
        WeightArgument[] weights = [.. call.Arguments.OfType<WeightArgument>()];
        bool isNarrow = weights.All(weight => stored(weight) == 1);
        double seconds = 0;
        var longest = new Prediction(0, Limit.Memory);
        foreach (Accumulator accumulator in contraction.Accumulators)
        {
            int depth = accumulator.Terms.Sum(term => contraction.Inputs[term.Input].Depth) * (isNarrow ? 1 : 2);
            CudaKernel kernel = TileCosts.Choose(isNarrow, gpu, experts, contraction.Columns, depth);
            Prediction part = TileCosts.Predict(kernel, gpu, experts, contraction.Columns, depth);
            seconds += part.Seconds;
            longest = part.Seconds > longest.Seconds ? part : longest;
        }

        return longest with { Seconds = seconds };
    }

    private static bool IsLatent(AttentionOperation attention) =>
        attention.Value is { Depth: Cuda.Kernels.LatentAttention.Values, Layout.RepeatStride: 0 }
            && attention.Terms.Sum(term => term.Key.Depth) == Cuda.Kernels.LatentAttention.Width;

    private static bool IsExpanded(AttentionOperation attention) =>
        attention.Value.Depth == default(Cuda.Kernels.Heads192x128).Values
            && attention.Terms.Sum(term => term.Key.Depth) == default(Cuda.Kernels.Heads192x128).NoRope + default(Cuda.Kernels.Heads192x128).Rope;

    private static string Named(Limit limit) => limit switch
    {
        Limit.Memory => "memory",
        Limit.TensorCores => "tensor cores",
        Limit.Cache => "cache",
        Limit.SharedMemory => "shared memory",
        _ => "issue",
    };
}
