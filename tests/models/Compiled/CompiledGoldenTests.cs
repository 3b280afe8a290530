using System;
using System.Collections.Generic;
using System.Linq;
using Sinter.Models.Tests.Golden;
using Sinter.Runtime.Execution;
using Sinter.Tests.Data;
using Xunit;

namespace Sinter.Models.Tests.Compiled;

/// <summary>
/// Generated kernels on every golden checkpoint: hidden states, router choices and logits, through prefill and through the
/// cache, within the golden values' own tolerance, whatever the order of attention, the chunk, the batch and the threads.
/// </summary>
public sealed class CompiledGoldenTests
{
    private static readonly string[] s_names = ["tiny-v3", "tiny-v3-noqlora-sharded", "tiny-v3-yarn", "tiny-trained"];

    public static TheoryData<string, AttentionOrder, int, int> Prefills
    {
        get
        {
            var cases = new TheoryData<string, AttentionOrder, int, int>();
            foreach (string name in s_names)
            {
                foreach (AttentionOrder order in new[] { AttentionOrder.Absorbed, AttentionOrder.Expanded })
                {
                    cases.Add(name, order, 512, 1);
                    cases.Add(name, order, 7, 2);
                    cases.Add(name, order, 1, 1);
                }

                cases.Add(name, AttentionOrder.Cheapest, 16, 2);
            }

            return cases;
        }
    }

    public static TheoryData<string, AttentionOrder> Orders
    {
        get
        {
            var cases = new TheoryData<string, AttentionOrder>();
            foreach (string name in s_names)
            {
                cases.Add(name, AttentionOrder.Absorbed);
                cases.Add(name, AttentionOrder.Expanded);
            }

            return cases;
        }
    }

    [Theory]
    [MemberData(nameof(Prefills))]
    public void Prefill_gives_the_golden_values(string name, AttentionOrder order, int chunk, int threads)
    {
        var golden = new GoldenValues(name);
        using var checkpoint = new CompiledCheckpoint(name);
        int sequences = golden.Tensors["input_ids"].Shape[0];
        for (int i = 0; i < sequences; i++)
        {
            using ModelSession session = checkpoint.Open(order, chunk, threads);
            var trace = new RecordedTrace();
            session.Trace = trace;
            double[] logits = CompiledCheckpoint.Forward(session, session.AddSequence(), golden.Tokens("input_ids", i));

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

    [Theory]
    [MemberData(nameof(Orders))]
    public void Decoding_through_the_cache_gives_the_golden_logits(string name, AttentionOrder order)
    {
        var golden = new GoldenValues(name);
        using var checkpoint = new CompiledCheckpoint(name);
        int sequences = golden.Tensors["input_ids"].Shape[0];
        for (int i = 0; i < sequences; i++)
        {
            using ModelSession session = checkpoint.Open(order, threads: 2);
            int[] tokens = golden.Tokens("input_ids", i);
            int sequence = session.AddSequence();
            List<double> logits = [.. CompiledCheckpoint.Forward(session, sequence, tokens[..golden.DecodeFrom])];
            foreach (int token in tokens[golden.DecodeFrom..]) logits.AddRange(CompiledCheckpoint.Forward(session, sequence, [token]));
            Near(golden, "decode.logits", i, sequences, [.. logits]);
        }
    }

    [Theory]
    [MemberData(nameof(Orders))]
    public void Sequences_of_different_lengths_in_one_batch_do_not_disturb_each_other(string name, AttentionOrder order)
    {
        var golden = new GoldenValues(name);
        using var checkpoint = new CompiledCheckpoint(name);
        int rows = golden.Tensors["input_ids"].Shape[0];
        int vocabulary = checkpoint.Description.VocabularySize;
        using ModelSession session = checkpoint.Open(order, sequences: 3);
        int[] sequences = [session.AddSequence(), session.AddSequence(), session.AddSequence()];
        int[][] tokens = [.. Enumerable.Range(0, 3).Select(i => golden.Tokens("input_ids", i % rows))];
        int[] cuts = [0, 5, 11];

        // Each has some tokens in its cache already; then all go on together, one of them with a single token.
        for (int i = 1; i < 3; i++) CompiledCheckpoint.Forward(session, sequences[i], tokens[i][..cuts[i]]);
        int[] ends = [tokens[0].Length, cuts[1] + 1, tokens[2].Length];
        SequenceTokens[] batch = [.. Enumerable.Range(0, 3).Select(i => new SequenceTokens(sequences[i], tokens[i].AsMemory(cuts[i]..ends[i])))];
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

    [Theory]
    [MemberData(nameof(Orders))]
    public void The_number_of_threads_changes_no_bit(string name, AttentionOrder order)
    {
        var golden = new GoldenValues(name);
        using var checkpoint = new CompiledCheckpoint(name);
        int[] tokens = golden.Tokens("input_ids", 0);
        double[][] results = [.. new[] { 1, 2, 3 }.Select(threads =>
        {
            using ModelSession session = checkpoint.Open(order, threads: threads);
            int sequence = session.AddSequence();
            double[] prefill = CompiledCheckpoint.Forward(session, sequence, tokens[..^1]);
            return prefill.Concat(CompiledCheckpoint.Forward(session, sequence, tokens[^1..])).ToArray();
        })];
        Assert.Equal(results[0], results[1]);
        Assert.Equal(results[0], results[2]);
    }

    [Theory]
    [InlineData("tiny-v3")]
    [InlineData("tiny-v3-noqlora-sharded")]
    [InlineData("tiny-v3-yarn")]
    [InlineData("tiny-trained")]
    public void Greedy_continuations_are_the_golden_ones_token_for_token(string name)
    {
        var golden = new GoldenValues(name);
        using var checkpoint = new CompiledCheckpoint(name);
        using ModelSession session = checkpoint.Open(threads: 2);
        for (int i = 0; i < golden.Tensors["greedy.prompt"].Shape[0]; i++)
        {
            int[] expected = golden.Tokens("greedy.tokens", i);
            Assert.Equal(expected, CompiledCheckpoint.Greedy(session, golden.Tokens("greedy.prompt", i), expected.Length));
        }
    }

    [Theory]
    [InlineData("tiny-v3")]
    [InlineData("tiny-v3-yarn")]
    [InlineData("tiny-trained")]
    public void Multi_token_prediction_gives_the_golden_logits(string name)
    {
        var golden = new GoldenValues(name);
        using var checkpoint = new CompiledCheckpoint(name);
        int sequences = golden.Tensors["input_ids"].Shape[0];
        foreach ((AttentionOrder order, int chunk) in new[] { (AttentionOrder.Absorbed, 512), (AttentionOrder.Expanded, 512), (AttentionOrder.Cheapest, 5) })
        {
            for (int i = 0; i < sequences; i++)
            {
                using ModelSession session = checkpoint.Open(order, chunk);
                int[] tokens = golden.Tokens("input_ids", i);
                int[] next = golden.Tokens("mtp.next_ids", i);
                var logits = new float[tokens.Length * checkpoint.Description.VocabularySize];
                var predicted = new float[next.Length * checkpoint.Description.VocabularySize];
                session.ForwardAndPredict(session.AddSequence(), tokens, next, logits, predicted, LogitRows.All);
                Near(golden, "mtp.logits", i, sequences, [.. predicted.Select(number => (double)number)]);
            }
        }
    }

    [Theory]
    [InlineData(AttentionOrder.Absorbed)]
    [InlineData(AttentionOrder.Expanded)]
    public void Weights_in_FP8_give_the_logits_of_their_dequantised_values(AttentionOrder order)
    {
        var golden = new FP8Golden();
        using var checkpoint = new CompiledCheckpoint(FP8Golden.Name);
        using ModelSession session = checkpoint.Open(order, threads: 2);
        int[] tokens = golden.Tensors["input_ids"].Integers;
        int[] next = golden.Tensors["mtp.next_ids"].Integers;
        var logits = new float[tokens.Length * checkpoint.Description.VocabularySize];
        var predicted = new float[next.Length * checkpoint.Description.VocabularySize];
        session.ForwardAndPredict(session.AddSequence(), tokens, next, logits, predicted, LogitRows.All);
        GoldenCheck.Near(golden.Tensors["dequant.logits"].Numbers, [.. logits.Select(number => (double)number)], golden.Dequantised, "FP8");
        GoldenCheck.Near(golden.Tensors["dequant.mtp_logits"].Numbers, [.. predicted.Select(number => (double)number)], golden.Dequantised, "FP8, multi-token prediction");
    }

    [Fact]
    public void Greedy_text_from_FP8_weights_is_the_golden_one()
    {
        var golden = new FP8Golden();
        using var checkpoint = new CompiledCheckpoint(FP8Golden.Name);
        using ModelSession session = checkpoint.Open(threads: 2);
        int[] expected = golden.Tensors["dequant.greedy.tokens"].Integers;
        Assert.Equal(expected, CompiledCheckpoint.Greedy(session, golden.Tensors["dequant.greedy.prompt"].Integers, expected.Length));
    }

    [Fact]
    public void The_first_training_steps_losses_come_out_in_F32()
    {
        var golden = new MicroGolden();
        using var checkpoint = new CompiledCheckpoint(MicroGolden.Name);
        using ModelSession session = checkpoint.Open();
        double main = 0, prediction = 0;
        for (int i = 0; i < MicroGolden.Sequences; i++)
        {
            int[] tokens = golden.Tokens(i, 0);
            int sequence = session.AddSequence();
            var logits = new float[tokens.Length * checkpoint.Description.VocabularySize];
            var predicted = new float[logits.Length];
            session.ForwardAndPredict(sequence, tokens, golden.Tokens(i, 1), logits, predicted, LogitRows.All);
            session.Release(sequence);
            main += MicroGolden.CrossEntropy([.. logits.Select(number => (double)number)], golden.Tokens(i, 1)) / MicroGolden.Sequences;
            prediction += MicroGolden.CrossEntropy([.. predicted.Select(number => (double)number)], golden.Tokens(i, 2)) / MicroGolden.Sequences;
        }

        Assert.Equal(golden.MainLoss, main, golden.Tolerance);
        Assert.Equal(golden.PredictionLoss, prediction, golden.Tolerance);
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
