using System;
using System.Collections.Generic;
using System.Linq;
using Sinter.Models.Tests.Compiled;
using Sinter.Models.Tests.Golden;
using Sinter.Ptx;
using Sinter.Runtime.Execution;
using Sinter.Tests.Data;
using Xunit;

namespace Sinter.Cuda.Tests.Models;

/// <summary>
/// A golden checkpoint as a CUDA device runs it: the PTX of each of its kernels, launched by the session, in the interpreter.
/// Numbers lie within the golden values' own tolerance, and no detector finds anything.
/// </summary>
public sealed class CudaGoldenTests
{
    private const string Smallest = "tiny-v3-noqlora-sharded";

    [Theory]
    [Trait("Category", "Slow")]
    [InlineData(Smallest, AttentionOrder.Absorbed)]
    [InlineData(Smallest, AttentionOrder.Expanded)]
    [InlineData("tiny-v3", AttentionOrder.Absorbed)]
    [InlineData("tiny-v3-yarn", AttentionOrder.Absorbed)]
    public void Prefill_gives_the_golden_values(string name, AttentionOrder order)
    {
        var golden = new GoldenValues(name);
        using var checkpoint = new CudaCheckpoint(name);
        int sequences = golden.Tensors["input_ids"].Shape[0], width = checkpoint.Description.HiddenSize;
        using ModelSession session = checkpoint.Open(order, capacity: 160);
        var trace = new RecordedTrace();
        session.Trace = trace;
        double[] logits = CudaCheckpoint.Forward(session, session.AddSequence(), golden.Tokens("input_ids", 0));

        GoldenCheck.NearHidden(golden.Part("prefill.hidden.0", 0, sequences).Numbers, trace["hidden", -1], width, golden.Tolerance, name);
        for (int layer = 0; layer < checkpoint.Description.Layers; layer++)
        {
            CheckRouter(golden, sequences, layer, trace);
            GoldenCheck.NearHidden(golden.Part($"prefill.hidden.{layer + 1}", 0, sequences).Numbers, trace["hidden", layer], width, golden.Tolerance, $"{name}, layer {layer}");
        }

        GoldenCheck.Near(golden.Part("prefill.final_norm", 0, sequences).Numbers, trace["final_norm", -1], golden.Tolerance, $"{name}, final norm");
        GoldenCheck.Near(golden.Part("prefill.logits", 0, sequences).Numbers, logits, golden.Tolerance, $"{name}, logits");
        Assert.Empty(checkpoint.Driver.Findings);
    }

    [Theory]
    [Trait("Category", "Slow")]
    [InlineData("tiny-v3")]
    [InlineData("tiny-v3-yarn")]
    public void Multi_token_prediction_gives_the_golden_logits(string name)
    {
        var golden = new GoldenValues(name);
        using var checkpoint = new CudaCheckpoint(name);
        int sequences = golden.Tensors["input_ids"].Shape[0], vocabulary = checkpoint.Description.VocabularySize;
        int[] tokens = golden.Tokens("input_ids", 0)[..12], next = golden.Tokens("mtp.next_ids", 0)[..12];
        using ModelSession session = checkpoint.Open(AttentionOrder.Absorbed);
        float[] logits = new float[tokens.Length * vocabulary], predicted = new float[next.Length * vocabulary];
        session.ForwardAndPredict(session.AddSequence(), tokens, next, logits, predicted, LogitRows.All);
        double[] expected = golden.Part("mtp.logits", 0, sequences).Numbers[..predicted.Length];
        GoldenCheck.Near(expected, [.. predicted.Select(number => (double)number)], golden.Tolerance, $"{name}, multi-token prediction");
        Assert.Empty(checkpoint.Driver.Findings);
    }

    /// <summary>From the second token on, a graph of the launches is replayed.</summary>
    [Fact]
    public void Decoding_through_the_cache_gives_the_golden_logits() => CheckDecoding(AttentionOrder.Absorbed);

    [Fact]
    [Trait("Category", "Slow")]
    public void Decoding_with_expanded_attention_gives_the_golden_logits() => CheckDecoding(AttentionOrder.Expanded);

    /// <summary>The trained model with the PTX that its assembly has.</summary>
    [Fact]
    [Trait("Category", "Slow")]
    public void The_trained_models_first_tokens_have_the_golden_logits()
    {
        var golden = new GoldenValues("tiny-trained");
        using var checkpoint = new CudaCheckpoint(Repository.TinyTrained, CudaCheckpoint.Trained);
        CheckStart(checkpoint, golden.Tokens("input_ids", 0), golden.Part("prefill.logits", 0, golden.Tensors["input_ids"].Shape[0]).Numbers, golden.Tolerance);
        Assert.Equal(0, checkpoint.Printed);
    }

    [Fact]
    [Trait("Category", "Slow")]
    public void Weights_in_FP8_give_the_logits_of_their_dequantised_values()
    {
        var golden = new FP8Golden();
        using var checkpoint = new CudaCheckpoint(FP8Golden.Name);
        CheckStart(checkpoint, golden.Tensors["input_ids"].Integers, golden.Tensors["dequant.logits"].Numbers, golden.Dequantised);
    }

    [Fact]
    public void Tokens_chosen_on_the_device_are_those_of_the_greatest_logits()
    {
        using var checkpoint = new CudaCheckpoint(Smallest);
        using ModelSession session = checkpoint.Open(AttentionOrder.Absorbed, sequences: 2);
        int[] tokens = [1, 7, 30];
        double[] logits = CudaCheckpoint.Forward(session, session.AddSequence(), tokens);
        var chosen = new int[tokens.Length];
        session.ForwardGreedily([new SequenceTokens(session.AddSequence(), tokens)], chosen, LogitRows.All);
        Assert.Equal(logits.Chunk(session.Description.VocabularySize).Select(row => Array.IndexOf(row, row.Max())), chosen);
        Assert.Empty(checkpoint.Driver.Findings);
    }

    /// <summary>The first token is chosen by launches, the second by recorded ones, the others by a graph of step and choice.</summary>
    [Fact]
    public void Tokens_chosen_by_a_replayed_graph_are_those_of_the_greatest_logits()
    {
        using var checkpoint = new CudaCheckpoint(Smallest);
        using ModelSession session = checkpoint.Open(AttentionOrder.Absorbed, sequences: 2);
        int own = session.AddSequence(), other = session.AddSequence();
        foreach (int token in (int[])[1, 7, 30, 11])
        {
            int chosen = session.ForwardGreedily(own, new[] { token });
            double[] logits = CudaCheckpoint.Forward(session, other, [token]);
            Assert.Equal(Array.IndexOf(logits, logits.Max()), chosen);
        }

        Assert.Equal(6, checkpoint.Driver.Calls.Count(call => call.StartsWith("graph ", StringComparison.Ordinal)));
        Assert.Empty(checkpoint.Driver.Findings);
    }

    /// <summary>A barrier left out of one kernel is seen, whatever the numbers are.</summary>
    [Theory]
    [InlineData("RmsNorm_48_BF16", 0)]
    [InlineData("RmsNorm_48_BF16", 3)]
    [InlineData("Gate_12x48Few_BF16", 1)]
    public void A_barrier_left_out_is_found(string kernel, int barrier)
    {
        var driver = new StandInDriver
        {
            Change = text => text.Contains($".entry {kernel}(", StringComparison.Ordinal) ? WithoutBarrier(text, barrier) : text,
        };
        using var checkpoint = new CudaCheckpoint(Smallest, driver);
        using ModelSession session = checkpoint.Open(AttentionOrder.Absorbed);
        CudaCheckpoint.Forward(session, session.AddSequence(), [1]);
        Assert.Contains(driver.Findings, finding => finding.Kind == FindingKind.SharedMemoryRace);
    }

    private static string WithoutBarrier(string text, int number)
    {
        const string Barrier = "bar.sync\t0;";
        int at = -1;
        for (int i = 0; i <= number; i++) at = text.IndexOf(Barrier, at + 1, StringComparison.Ordinal);
        Assert.True(at >= 0, $"there are fewer barriers in\n{text}");
        return text.Remove(at, Barrier.Length);
    }

    private static void CheckDecoding(AttentionOrder order)
    {
        var golden = new GoldenValues(Smallest);
        using var checkpoint = new CudaCheckpoint(Smallest);
        int sequences = golden.Tensors["input_ids"].Shape[0];
        using ModelSession session = checkpoint.Open(order);
        int[] tokens = golden.Tokens("input_ids", 0);
        int sequence = session.AddSequence();
        List<double> logits = [.. CudaCheckpoint.Forward(session, sequence, tokens[..golden.DecodeFrom])];
        foreach (int token in tokens[golden.DecodeFrom..]) logits.AddRange(CudaCheckpoint.Forward(session, sequence, [token]));
        GoldenCheck.Near(golden.Part("decode.logits", 0, sequences).Numbers, [.. logits], golden.Tolerance, $"{Smallest}, decoding");
        Assert.Equal(
            order == AttentionOrder.Absorbed ? tokens.Length - golden.DecodeFrom - 1 : 0,
            checkpoint.Driver.Calls.Count(call => call.StartsWith("graph ", StringComparison.Ordinal)));
        Assert.Empty(checkpoint.Driver.Findings);
    }

    /// <summary>The first tokens at once, and one more by itself.</summary>
    private static void CheckStart(CudaCheckpoint checkpoint, int[] tokens, double[] expected, double tolerance)
    {
        using ModelSession session = checkpoint.Open(AttentionOrder.Absorbed);
        int sequence = session.AddSequence();
        double[] logits = [.. CudaCheckpoint.Forward(session, sequence, tokens[..2]), .. CudaCheckpoint.Forward(session, sequence, [tokens[2]])];
        GoldenCheck.Near(expected[..logits.Length], logits, tolerance, "the first tokens");
        Assert.Empty(checkpoint.Driver.Findings);
    }

    private static void CheckRouter(GoldenValues golden, int sequences, int layer, RecordedTrace trace)
    {
        if (!golden.Tensors.Has($"prefill.router.{layer}.topk_idx")) return;
        GoldenCheck.Near(golden.Part($"prefill.router.{layer}.logits", 0, sequences).Numbers, trace["router.logits", layer], golden.Tolerance, $"router {layer}");
        int chosen = golden.Tensors[$"prefill.router.{layer}.topk_idx"].Shape[^1];
        (int[] indices, double[] weights) = GoldenCheck.Sorted([.. trace["router.topk_idx", layer].Select(index => (int)index)], trace["router.topk_weight", layer], chosen);
        Assert.Equal(golden.Part($"prefill.router.{layer}.topk_idx", 0, sequences).Integers, indices);
        GoldenCheck.Near(golden.Part($"prefill.router.{layer}.topk_weight", 0, sequences).Numbers, weights, golden.Tolerance, $"router {layer}");
    }
}
