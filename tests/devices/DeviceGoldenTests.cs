using System.Collections.Generic;
using System.Linq;
using Sinter.Models.Tests.Compiled;
using Sinter.Models.Tests.Golden;
using Sinter.Runtime.Execution;
using Sinter.Tests.Data;
using Xunit;

namespace Sinter.Devices.Tests;

/// <summary>
/// The golden checkpoints on an OpenCL device: hidden states, router choices and logits within the golden values' own
/// tolerance, as the kernels for CPUs are held to.
/// </summary>
public sealed class DeviceGoldenTests
{
    public static TheoryData<string, AttentionOrder, int> Prefills
    {
        get
        {
            var cases = new TheoryData<string, AttentionOrder, int>();
            foreach (string name in GoldenCheck.Names)
            {
                cases.Add(name, AttentionOrder.Absorbed, 512);
                cases.Add(name, AttentionOrder.Expanded, 512);
                cases.Add(name, AttentionOrder.Absorbed, 7);
                cases.Add(name, AttentionOrder.Expanded, 3);
            }

            return cases;
        }
    }

    public static TheoryData<string, AttentionOrder> Orders
    {
        get
        {
            var cases = new TheoryData<string, AttentionOrder>();
            foreach (string name in GoldenCheck.Names)
            {
                cases.Add(name, AttentionOrder.Absorbed);
                cases.Add(name, AttentionOrder.Expanded);
            }

            return cases;
        }
    }

    [OpenCLTheory]
    [MemberData(nameof(Prefills))]
    public void Prefill_gives_the_golden_values(string name, AttentionOrder order, int chunk)
    {
        var golden = new GoldenValues(name);
        using var checkpoint = new DeviceCheckpoint(name);
        int sequences = golden.Tensors["input_ids"].Shape[0];
        using ModelSession session = checkpoint.Open(order, chunk);
        for (int i = 0; i < sequences; i++)
        {
            var trace = new RecordedTrace();
            session.Trace = trace;
            int sequence = session.AddSequence();
            double[] logits = DeviceCheckpoint.Forward(session, sequence, golden.Tokens("input_ids", i));
            session.Release(sequence);

            NearHidden(golden, "prefill.hidden.0", i, sequences, trace["hidden", -1], checkpoint.Description.HiddenSize);
            for (int layer = 0; layer < checkpoint.Description.Layers; layer++)
            {
                CheckRouter(golden, i, sequences, layer, trace);
                NearHidden(golden, $"prefill.hidden.{layer + 1}", i, sequences, trace["hidden", layer], checkpoint.Description.HiddenSize);
            }

            Near(golden, "prefill.final_norm", i, sequences, trace["final_norm", -1]);
            Near(golden, "prefill.logits", i, sequences, logits);
        }
    }

    [OpenCLTheory]
    [MemberData(nameof(Orders))]
    public void Decoding_through_the_cache_gives_the_golden_logits(string name, AttentionOrder order)
    {
        var golden = new GoldenValues(name);
        using var checkpoint = new DeviceCheckpoint(name);
        int sequences = golden.Tensors["input_ids"].Shape[0];
        using ModelSession session = checkpoint.Open(order);
        for (int i = 0; i < sequences; i++)
        {
            int[] tokens = golden.Tokens("input_ids", i);
            int sequence = session.AddSequence();
            List<double> logits = [.. DeviceCheckpoint.Forward(session, sequence, tokens[..golden.DecodeFrom])];
            foreach (int token in tokens[golden.DecodeFrom..]) logits.AddRange(DeviceCheckpoint.Forward(session, sequence, [token]));
            session.Release(sequence);
            Near(golden, "decode.logits", i, sequences, [.. logits]);
        }
    }

    [OpenCLTheory]
    [MemberData(nameof(Orders))]
    public void Sequences_of_different_lengths_in_one_batch_do_not_disturb_each_other(string name, AttentionOrder order)
    {
        var golden = new GoldenValues(name);
        using var checkpoint = new DeviceCheckpoint(name);
        int rows = golden.Tensors["input_ids"].Shape[0];
        int vocabulary = checkpoint.Description.VocabularySize;
        using ModelSession session = checkpoint.Open(order, sequences: 3);
        int[] sequences = [session.AddSequence(), session.AddSequence(), session.AddSequence()];
        int[][] tokens = [.. Enumerable.Range(0, 3).Select(i => golden.Tokens("input_ids", i % rows))];
        int[] cuts = [0, 5, 11];
        for (int i = 1; i < 3; i++) DeviceCheckpoint.Forward(session, sequences[i], tokens[i][..cuts[i]]);
        int[] ends = [tokens[0].Length, cuts[1] + 1, tokens[2].Length];
        SequenceTokens[] batch = [.. Enumerable.Range(0, 3).Select(i => new SequenceTokens(sequences[i], System.MemoryExtensions.AsMemory(tokens[i], cuts[i]..ends[i])))];
        var logits = new float[ModelSession.CountLogitRows(batch, LogitRows.All) * vocabulary];
        session.Forward(batch, logits, LogitRows.All);

        int at = 0;
        for (int i = 0; i < 3; i++)
        {
            int count = (ends[i] - cuts[i]) * vocabulary;
            double[] expected = golden.Part("prefill.logits", i % rows, rows).Numbers[(cuts[i] * vocabulary)..(ends[i] * vocabulary)];
            GoldenCheck.Near(expected, [.. logits[at..(at + count)].Select(number => (double)number)], golden.Tolerance, $"{name}, sequence {i} of the batch");
            at += count;
        }
    }

    [OpenCLTheory]
    [MemberData(nameof(GoldenCheck.Predicting), MemberType = typeof(GoldenCheck))]
    public void Multi_token_prediction_gives_the_golden_logits(string name)
    {
        var golden = new GoldenValues(name);
        using var checkpoint = new DeviceCheckpoint(name);
        int sequences = golden.Tensors["input_ids"].Shape[0];
        foreach ((AttentionOrder order, int chunk) in new[] { (AttentionOrder.Absorbed, 512), (AttentionOrder.Expanded, 5) })
        {
            using ModelSession session = checkpoint.Open(order, chunk);
            for (int i = 0; i < sequences; i++)
            {
                int[] tokens = golden.Tokens("input_ids", i), next = golden.Tokens("mtp.next_ids", i);
                var logits = new float[tokens.Length * checkpoint.Description.VocabularySize];
                var predicted = new float[next.Length * checkpoint.Description.VocabularySize];
                int sequence = session.AddSequence();
                session.ForwardAndPredict(sequence, tokens, next, logits, predicted, LogitRows.All);
                session.Release(sequence);
                Near(golden, "mtp.logits", i, sequences, [.. predicted.Select(number => (double)number)]);
            }
        }
    }

    [OpenCLTheory]
    [InlineData(AttentionOrder.Absorbed)]
    [InlineData(AttentionOrder.Expanded)]
    public void Weights_in_FP8_give_the_logits_of_their_dequantised_values(AttentionOrder order)
    {
        var golden = new FP8Golden();
        using var checkpoint = new DeviceCheckpoint(FP8Golden.Name);
        using ModelSession session = checkpoint.Open(order);
        int[] tokens = golden.Tensors["input_ids"].Integers, next = golden.Tensors["mtp.next_ids"].Integers;
        var logits = new float[tokens.Length * checkpoint.Description.VocabularySize];
        var predicted = new float[next.Length * checkpoint.Description.VocabularySize];
        session.ForwardAndPredict(session.AddSequence(), tokens, next, logits, predicted, LogitRows.All);
        GoldenCheck.Near(golden.Tensors["dequant.logits"].Numbers, [.. logits.Select(number => (double)number)], golden.Dequantised, "FP8");
        GoldenCheck.Near(golden.Tensors["dequant.mtp_logits"].Numbers, [.. predicted.Select(number => (double)number)], golden.Dequantised, "FP8, multi-token prediction");
    }

    private static void CheckRouter(GoldenValues golden, int sequence, int sequences, int layer, RecordedTrace trace)
    {
        if (!golden.Tensors.Has($"prefill.router.{layer}.topk_idx")) return;
        Near(golden, $"prefill.router.{layer}.logits", sequence, sequences, trace["router.logits", layer]);
        int[] expected = golden.Part($"prefill.router.{layer}.topk_idx", sequence, sequences).Integers;
        int chosen = golden.Tensors[$"prefill.router.{layer}.topk_idx"].Shape[^1];
        (int[] indices, double[] weights) = GoldenCheck.Sorted([.. trace["router.topk_idx", layer].Select(index => (int)index)], trace["router.topk_weight", layer], chosen);
        Assert.Equal(expected, indices);
        GoldenCheck.Near(golden.Part($"prefill.router.{layer}.topk_weight", sequence, sequences).Numbers, weights, golden.Tolerance, $"{golden.Name}, router {layer}");
    }

    private static void Near(GoldenValues golden, string tensor, int sequence, int sequences, double[] actual) =>
        GoldenCheck.Near(golden.Part(tensor, sequence, sequences).Numbers, actual, golden.Tolerance, $"{golden.Name}, {tensor}");

    private static void NearHidden(GoldenValues golden, string tensor, int sequence, int sequences, double[] actual, int width) =>
        GoldenCheck.NearHidden(golden.Part(tensor, sequence, sequences).Numbers, actual, width, golden.Tolerance, $"{golden.Name}, {tensor}");
}
