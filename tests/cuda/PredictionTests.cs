using System;
using System.Linq;
using System.Text;
using Xunit;

namespace Sinter.Cuda.Tests;

/// <summary>The predictions in docs/cuda.md are those of the cost model, beside what others have measured and published.</summary>
public sealed class PredictionTests
{
    [Fact]
    public void The_documented_tiles_are_those_of_the_cost_model() => AssembledTests.IsDocumented("tiles", Choices());

    [Fact]
    public void The_documented_predictions_are_those_of_the_cost_model() => AssembledTests.IsDocumented("published", Published());

    [Fact]
    public void The_documented_times_of_prefill_are_those_of_the_cost_model() => AssembledTests.IsDocumented("prefill", Prefill());

    [Fact]
    public void Attention_of_a_prompt_costs_the_products_of_its_triangle()
    {
        // 128 queries at a time against all positions before them: half of a square, and half a tile more.
        var prediction = AttentionCosts.PredictExpanded(Gpu.A100, 128, [(0, 8192)]);
        var products = 128.0 * 8192 * (8192 + 128) / 2 * 2 * 320;
        Assert.InRange(prediction.Seconds, products / 312e12, 1.5 * products / 312e12);
        // 52 loads of 512 bytes for 80 products of 16 by 8 by 16: 128 bytes and 1024 multiply-adds a cycle do these in 208 and 160 cycles.
        Assert.Equal(Limit.SharedMemory, prediction.Limit);
        // As much behind a cache as long: the square besides.
        Assert.InRange(AttentionCosts.PredictExpanded(Gpu.A100, 128, [(8192, 8192)]).Seconds / prediction.Seconds, 2.8, 3.1);
    }

    [Fact]
    public void Attention_of_one_long_sequence_is_split_until_it_fills_the_device()
    {
        // 128 heads are 4 blocks to a part; 132 multiprocessors of an H100 take 32 parts in one wave.
        Assert.Equal(32, AttentionCosts.Parts(Gpu.H100, 1, 128, 65536));
        Assert.Equal(1, AttentionCosts.Parts(Gpu.H100, 132, 128, 1024));
    }

    [Fact]
    public void Attention_of_few_heads_costs_the_bytes_of_the_cache()
    {
        var prediction = AttentionCosts.Predict(Gpu.H100, 132, 16, 8192, 1);
        // Latents of 1,152 bytes, and queries and results of 16 heads, which are small beside them.
        Assert.Equal(132 * 8192 * 1152.0 / 3.35e12, prediction.Seconds, 0.02 * prediction.Seconds);
        Assert.Equal(Limit.Memory, prediction.Limit);
    }

    [Fact]
    public void Attention_that_does_not_fit_a_device_is_not_predicted()
        => Assert.Equal(double.PositiveInfinity, AttentionCosts.Predict(Gpu.Rtx4090, 1, 16, 1024).Seconds);

    /// <summary>DeepSeek-V3's products: the 576 + 1536 columns of latents, the output of attention, and the experts' gate and up.</summary>
    private static string Choices()
    {
        var text = new StringBuilder("| product (columns × depth) | rows | A100, BF16 | 4090, BF16 | 4090, E4M3 | H100, BF16 | H100, E4M3 |\n|---|---|---|---|---|---|---|\n");
        foreach (var (columns, depth, experts, tokens) in new[] { (2112, 7168, 1, 64), (2112, 7168, 1, 4096), (7168, 16384, 1, 64), (7168, 16384, 1, 4096), (4096, 7168, 256, 128), (4096, 7168, 256, 4096) })
        {
            var rows = Enumerable.Repeat(experts == 1 ? tokens : tokens * 8 / experts, experts).ToArray();
            var cells = new[] { (Gpu.A100, false), (Gpu.Rtx4090, false), (Gpu.Rtx4090, true), (Gpu.H100, false), (Gpu.H100, true) }.Select(at =>
            {
                var bytes = depth * (at.Item2 ? 1 : 2);
                var kernel = TileCosts.Choose(at.Item2, at.Item1, rows, columns, bytes);
                var prediction = TileCosts.Predict(kernel, at.Item1, rows, columns, bytes);
                return FormattableString.Invariant($"{kernel.TileRows}×{kernel.TileColumns}: {prediction.Seconds * 1e6:0} µs, {Named(prediction.Limit)}");
            });
            var group = experts == 1 ? $"{tokens}" : $"{rows[0]} to each of {experts} experts";
            text.Append(FormattableString.Invariant($"| {columns} × {depth} | {group} | {string.Join(" | ", cells)} |\n"));
        }

        return text.ToString();
    }

    /// <summary>Prompts of one sequence and 128 heads, whole, in a chunk behind a cache, and short ones together.</summary>
    private static string Prefill()
    {
        var text = new StringBuilder("| 128 heads, queries of | A100 | 4090 | H100 |\n|---|---|---|---|\n");
        foreach (var (name, sequences) in new (string, (int Before, int Count)[])[]
        {
            ("a prompt of 4,096", [(0, 4096)]), ("a prompt of 32,768", [(0, 32768)]), ("4,096 behind 28,672", [(28672, 4096)]), ("32 prompts of 128", [.. Enumerable.Repeat((0, 128), 32)]),
        })
        {
            var products = sequences.Sum(sequence => 2.0 * 128 * 320 * sequence.Count * (sequence.Before + ((sequence.Count + 1) / 2.0)));
            var cells = new[] { Gpu.A100, Gpu.Rtx4090, Gpu.H100 }.Select(gpu =>
            {
                var prediction = AttentionCosts.PredictExpanded(gpu, 128, sequences);
                return FormattableString.Invariant($"{prediction.Seconds * 1e3:0.00} ms, {products / prediction.Seconds / 1e12:0} TFLOPS, {Named(prediction.Limit)}");
            });
            text.Append(FormattableString.Invariant($"| {name} | {string.Join(" | ", cells)} |\n"));
        }

        return text.ToString();
    }

    /// <summary>DeepGEMM's table of 25 March 2025 (E4M3 on an H800, dense and grouped contiguous), and FlashMLA's README.</summary>
    private static string Published()
    {
        var text = new StringBuilder("| on an H800 | published | predicted for our kernel | limit |\n|---|---|---|---|\n");
        foreach (var (experts, m, n, k, teraflops) in new[]
        {
            (1, 64, 2112, 7168, 206), (1, 64, 24576, 1536, 289), (1, 64, 7168, 16384, 336), (1, 128, 4096, 7168, 533), (1, 128, 7168, 16384, 645),
            (1, 4096, 2112, 7168, 1009), (1, 4096, 24576, 1536, 1125), (1, 4096, 7168, 16384, 1426), (1, 4096, 4096, 7168, 1265), (1, 4096, 7168, 2048, 1168),
            (4, 8192, 4096, 7168, 1346), (4, 8192, 7168, 2048, 1214),
        })
        {
            var rows = Enumerable.Repeat(m, experts).ToArray();
            var kernel = TileCosts.Choose(e4m3: true, Gpu.H800, rows, n, k);
            var prediction = TileCosts.Predict(kernel, Gpu.H800, rows, n, k);
            var shape = experts == 1 ? $"{m} × {n} × {k}" : $"{experts} experts of {m} × {n} × {k}";
            text.Append(FormattableString.Invariant($"| E4M3 product, {shape} | {teraflops} TFLOPS | {2.0 * experts * m * n * k / prediction.Seconds / 1e12:0} TFLOPS | {Named(prediction.Limit)} |\n"));
        }

        var few = AttentionCosts.Predict(Gpu.H800, 132, 16, 8192);
        text.Append(FormattableString.Invariant($"| latent attention, BF16, few heads (ours: 132 sequences of 8,192 positions, 16 heads) | 3000 GB/s | {132 * 8192.0 * 1152 / few.Seconds / 1e9:0} GB/s | {Named(few.Limit)} |\n"));
        var many = AttentionCosts.Predict(Gpu.H800, 132, 128, 8192);
        text.Append(FormattableString.Invariant($"| latent attention, BF16, many heads (ours: 132 sequences of 8,192 positions, 128 heads) | 660 TFLOPS | {132 * 8192.0 * 128 * 2 * 1088 / many.Seconds / 1e12:0} TFLOPS | {Named(many.Limit)} |\n"));
        return text.ToString();
    }

    private static string Named(Limit limit) => limit switch
    {
        Limit.Memory => "memory",
        Limit.TensorCores => "tensor cores",
        Limit.Cache => "cache",
        Limit.SharedMemory => "shared memory",
        _ => "issue",
    };
}
