using System;
using System.Collections.Generic;
using System.Linq;
using Sinter.Models.Tests.Golden;
using Sinter.Runtime.Execution;
using Sinter.Tests.Data;
using Xunit;

namespace Sinter.Cuda.Tests.Models;

/// <summary>Sessions whose products of many rows and attention of many tokens run on tensor cores, which round activations to BF16.</summary>
public sealed class TensorCoreSessionTests
{
    private const string Smallest = "tiny-v3-noqlora-sharded";

    /// <summary>
    /// Only what products and attention read is rounded, so that logits lie nearer to those of float32 than what transformers makes in BF16
    /// throughout: the median token 0.54 to 0.68 times as far, where three quarters are allowed. A token whose experts are
    /// chosen differently is far away in both; there are three of 33 at most.
    /// </summary>
    [Theory]
    [Trait("Category", "Slow")]
    [InlineData(Smallest, 33, AttentionOrder.Absorbed)]
    [InlineData(Smallest, 33, AttentionOrder.Expanded)]
    [InlineData("tiny-v3", 33, AttentionOrder.Absorbed)]
    [InlineData("tiny-v3-yarn", 33, AttentionOrder.Expanded)]
    [InlineData("tiny-trained", 16, AttentionOrder.Absorbed)]
    [InlineData("tiny-trained", 16, AttentionOrder.Expanded)]
    public void Logits_of_a_prefill_are_nearer_to_float32_than_BF16_throughout(string name, int tokens, AttentionOrder order)
    {
        CheckDistances(name, tokens, new StandInDriver(), order, "_BF16");
    }

    /// <summary>The same with warpgroups.</summary>
    [Fact]
    [Trait("Category", "Slow")]
    public void Logits_of_a_prefill_on_Hopper_are_too() => CheckDistances(Smallest, 33, new StandInDriver { Multiprocessors = 1 }, AttentionOrder.Absorbed, "_BF16_Hopper");

    private static void CheckDistances(string name, int tokens, StandInDriver driver, AttentionOrder order, string suffix)
    {
        (double[] own, double[] theirs) = Distances(name, tokens, driver, order);
        Assert.Empty(driver.Findings);
        Assert.Contains(driver.Calls, call => call.Contains($"Tensor{suffix} ", StringComparison.Ordinal));
        string[] attentions = [.. driver.Calls.Where(call => call.StartsWith("launch Attention_", StringComparison.Ordinal)).Select(call => call.Split(' ')[1])];
        Assert.NotEmpty(attentions);
        Assert.All(attentions, attention => Assert.EndsWith("Tensor", attention, StringComparison.Ordinal));
        double median = Median(theirs);
        Assert.InRange(Median(own), 0, 0.75 * median);
        Assert.InRange(own.Count(distance => distance > 4 * median), 0, tokens / 10);
    }

    /// <summary>
    /// E4M3 weights, of which nothing is lost, with activations in BF16: far nearer to the logits of the dequantised weights than
    /// DeepSeek's own FP8 path, which casts activations to E4M3.
    /// </summary>
    [Fact]
    [Trait("Category", "Slow")]
    public void Logits_of_a_prefill_with_FP8_weights_are_nearer_to_float32_than_with_FP8_activations()
    {
        CheckFP8(new StandInDriver(), "");
    }

    /// <summary>The same with warpgroups. Races of such kernels are looked for where each runs alone.</summary>
    [Fact]
    [Trait("Category", "Slow")]
    public void With_warpgroups_they_are_too() => CheckFP8(new StandInDriver { Multiprocessors = 1, FindsRaces = false }, "_Hopper");

    private static void CheckFP8(StandInDriver driver, string suffix)
    {
        (double[] own, double[] theirs) = FP8Distances(16, driver, suffix);
        Assert.Empty(driver.Findings);
        double median = Median(theirs);
        Assert.InRange(Median(own), 0, 0.15 * median);
        Assert.InRange(own.Count(distance => distance > median), 0, 1);
    }

    /// <summary>The changes of units left out in one product.</summary>
    [Fact]
    [Trait("Category", "Slow")]
    public void A_fault_in_one_product_with_FP8_weights_is_seen()
    {
        var driver = new StandInDriver
        {
            Change = text => text.Contains(".entry OProj_", StringComparison.Ordinal) && text.Contains("Tensor_E4M3(", StringComparison.Ordinal) ? text.Replace("div.rn.f32", "max.f32", StringComparison.Ordinal) : text,
        };
        (double[] own, double[] theirs) = FP8Distances(16, driver);
        Assert.True(driver.Findings.Count > 0 || Median(own) > Median(theirs));
    }

    /// <summary>The depth of one product read in another order than its weights': every token is far away.</summary>
    [Fact]
    [Trait("Category", "Slow")]
    public void A_fault_in_one_product_of_the_model_is_seen()
    {
        var driver = new StandInDriver
        {
            Change = text => text.Contains(".entry OProj_", StringComparison.Ordinal) && text.Contains("Tensor_BF16(", StringComparison.Ordinal) ? text.Replace("xor.b32", "or.b32", StringComparison.Ordinal) : text,
        };
        (double[] own, double[] theirs) = Distances(Smallest, 16, driver, AttentionOrder.Absorbed);
        Assert.True(driver.Findings.Count > 0 || Median(own) > 4 * Median(theirs));
    }

    /// <summary>Chunks of queries, keys and values read from where others were stored.</summary>
    [Fact]
    [Trait("Category", "Slow")]
    public void A_fault_in_the_models_attention_is_seen()
    {
        var driver = new StandInDriver
        {
            Change = text => text.Contains(".entry Attention_", StringComparison.Ordinal) && text.Contains("mma.sync", StringComparison.Ordinal) ? text.Replace("xor.b32", "or.b32", StringComparison.Ordinal) : text,
        };
        (double[] own, double[] theirs) = Distances(Smallest, 33, driver, AttentionOrder.Expanded);
        Assert.True(driver.Findings.Count > 0 || Median(own) > 4 * Median(theirs));
    }

    [Fact]
    public void Products_of_a_prefill_run_on_tensor_cores_and_the_choice_of_experts_does_not()
    {
        List<string> launches = Launched(tokens: 16, rounds: true);
        foreach (string product in new[] { "OProj_", "GateProjAndUpProj_", "DownProj_", "ExpertsGateProjAndUpProj_", "ExpertsDownProj_", "LmHead_" })
        {
            Assert.Contains(launches, name => name.StartsWith(product, StringComparison.Ordinal));
            Assert.All(launches.Where(name => name.StartsWith(product, StringComparison.Ordinal)), name => Assert.EndsWith("Tensor_BF16", name, StringComparison.Ordinal));
        }

        Assert.All(launches.Where(name => name.StartsWith("Attention_", StringComparison.Ordinal)), name => Assert.EndsWith("Tensor", name, StringComparison.Ordinal));
        Assert.Contains("Gate_12x48_BF16", launches);
        // As many launches as without: a kernel for a kernel.
        Assert.Equal(Launched(tokens: 16, rounds: false).Count, launches.Count);
    }

    [Theory]
    [InlineData(15, true)]
    [InlineData(16, false)]
    public void Few_rows_and_sessions_that_do_not_want_it_keep_float32(int tokens, bool rounds) =>
        Assert.DoesNotContain(Launched(tokens, rounds), name => name.Contains("Tensor", StringComparison.Ordinal));

    [Fact]
    public void A_graph_has_them_as_other_launches()
    {
        using var checkpoint = new CudaCheckpoint(Smallest, new StandInDriver { SkipsLaunches = true }, rounds: true);
        using ModelSession session = checkpoint.Open(AttentionOrder.Absorbed);
        int sequence = session.AddSequence();
        int[] tokens = [.. Enumerable.Range(0, 16)];
        for (int step = 0; step < 2; step++) CudaCheckpoint.Forward(session, sequence, tokens);
        int Count(string kind) => checkpoint.Driver.Calls.Count(call => call.StartsWith(kind, StringComparison.Ordinal) && call.Contains("Tensor_BF16", StringComparison.Ordinal));
        Assert.NotEqual(0, Count("launch"));
        Assert.Equal(Count("launch"), Count("record"));
    }

    private static List<string> Launched(int tokens, bool rounds)
    {
        using var checkpoint = new CudaCheckpoint(Smallest, new StandInDriver { SkipsLaunches = true }, rounds);
        using ModelSession session = checkpoint.Open(AttentionOrder.Absorbed);
        CudaCheckpoint.Forward(session, session.AddSequence(), [.. Enumerable.Range(0, tokens)]);
        return [.. checkpoint.Driver.Calls.Where(call => call.StartsWith("launch ", StringComparison.Ordinal)).Select(call => call.Split(' ')[1])];
    }

    private static (double[] Own, double[] Theirs) FP8Distances(int tokens, StandInDriver driver, string suffix = "")
    {
        var golden = new FP8Golden();
        using var checkpoint = new CudaCheckpoint(FP8Golden.Name, driver, rounds: true);
        using ModelSession session = checkpoint.Open(AttentionOrder.Absorbed);
        double[] logits = CudaCheckpoint.Forward(session, session.AddSequence(), golden.Tensors["input_ids"].Integers[..tokens]);
        int vocabulary = checkpoint.Description.VocabularySize;
        double[][] Rows(string name) => [.. golden.Tensors[name].Numbers.Chunk(vocabulary).Take(tokens)];
        string[] products = [.. driver.Calls.Where(call => call.StartsWith("launch ", StringComparison.Ordinal)).Select(call => call.Split(' ')[1])];
        foreach (string product in (string[])["QAProj", "QBProj", "OProj", "GateProjAndUpProj", "DownProj", "ExpertsGateProjAndUpProj", "ExpertsDownProj"])
            Assert.All(products.Where(name => name.StartsWith(product + "_", StringComparison.Ordinal)), name => Assert.EndsWith("Tensor_E4M3" + suffix, name, StringComparison.Ordinal));
        Assert.Contains("LmHead_1024x256Tensor_BF16" + suffix, products);
        double[][] exact = Rows("dequant.logits");
        return (Between(exact, logits.Chunk(vocabulary)), Between(exact, Rows("actquant_naive.logits")));
    }

    /// <summary>How far each token's logits are from float32's, in root mean square: ours, and those of transformers in BF16.</summary>
    private static (double[] Own, double[] Theirs) Distances(string name, int tokens, StandInDriver driver, AttentionOrder order)
    {
        var golden = new GoldenValues(name);
        using var checkpoint = new CudaCheckpoint(name, driver, rounds: true);
        int sequences = golden.Tensors["input_ids"].Shape[0], vocabulary = checkpoint.Description.VocabularySize;
        using ModelSession session = checkpoint.Open(order);
        double[] logits = CudaCheckpoint.Forward(session, session.AddSequence(), golden.Tokens("input_ids", 0)[..tokens]);
        double[][] exact = [.. golden.Part("prefill.logits", 0, sequences).Numbers.Chunk(vocabulary).Take(tokens)];
        return (Between(exact, logits.Chunk(vocabulary)), Between(exact, golden.Part("bf16.logits", 0, sequences).Numbers.Chunk(vocabulary)));
    }

    private static double[] Between(IEnumerable<double[]> exact, IEnumerable<double[]> others) =>
        [.. exact.Zip(others, (a, b) => Math.Sqrt(a.Zip(b, (x, y) => (x - y) * (x - y)).Average()))];

    private static double Median(double[] distances) => distances.Any(double.IsNaN) ? double.PositiveInfinity : distances.Order().ElementAt(distances.Length / 2);
}
