using System;
using System.Collections.Generic;
using System.Linq;
using Sinter.Runtime.Checkpoints;
using Sinter.Runtime.Execution;
using Sinter.Runtime.Weights;

namespace Sinter.Runtime.Tests;

/// <summary>
/// A model written by hand that can be foretold: after the tokens t₀ … tₙ its greatest logit is that of the token
/// Σ (tⱼ + 1)(j + 3) mod V, which it computes from what the cache holds. Prediction adds the same sum over the next tokens.
/// It checks every step that it is given.
/// </summary>
internal sealed unsafe class CountingProgram : ModelProgram
{
    public const int Vocabulary = 97;
    public const int MaxPositions = 400;

    private readonly long[] _allocated = new long[16];

    public override ModelDescription Description { get; } = DescriptionOf.Nothing with
    {
        Name = "Counting",
        VocabularySize = Vocabulary,
        HiddenSize = 3,
        Layers = 1,
        MaxPositions = MaxPositions,
        Weights = [new WeightDeclaration("shift", [2], 0, 1, 0, 0)],
        Caches = [new CacheDeclaration("padding", 3), new CacheDeclaration("tokens", 2)],
        CachedLayers = 2,
        TokenBytes = 4,
        PositionBytes = 4,
        FixedBytes = 64,
        ScratchBytes = 100,
        Predicts = true,
        PredictsAgain = true,
    };

    /// <summary>Throws in the worker of this number, once.</summary>
    public int? FailIn { get; set; }

    /// <summary>Called by worker 0 at each step.</summary>
    public Action<Pass>? OnStep { get; set; }

    /// <summary>Bytes that each worker's thread had allocated when it came to its last step.</summary>
    public IReadOnlyList<long> Allocated => _allocated;

    public static int Sum(IEnumerable<int> tokens) => (int)(tokens.Select((token, j) => (token + 1L) * (j + 3)).Sum() % Vocabulary);

    /// <summary>The token that greedy choice takes after these.</summary>
    public static int Next(IEnumerable<int> tokens) => Sum(tokens);

    public static int Predicted(IEnumerable<int> tokens, IEnumerable<int> next) => (Sum(tokens) + Sum(next)) % Vocabulary;

    /// <summary>A checkpoint of the model in a folder.</summary>
    public static void WriteCheckpoint(string folder, float shift = 0) =>
        new SafetensorsWriter().Add("shift", [2], new float[] { 0, shift }).Save(System.IO.Path.Combine(folder, Checkpoint.SingleFile));

    public override void Forward(ref readonly Pass pass, in Worker worker)
    {
        _allocated[worker.Index] = GC.GetAllocatedBytesForCurrentThread();
        Check(in pass, in worker);
        if (worker.Index == 0) OnStep?.Invoke(pass);
        Append(in pass, in worker, 0, pass.Step.TokenIds);
        worker.Barrier();
        if (FailIn == worker.Index)
        {
            FailIn = null;
            throw new InvalidOperationException($"Worker {worker.Index} failed.");
        }

        worker.Share(pass.Step.Tokens, out int from, out int to);
        for (int t = from; t < to; t++) pass.Hidden[3 * t + 1] = SumOfCache(in pass, 0, t);
        worker.Barrier();
        WriteLogits(in pass, in worker, 0);
        worker.Barrier();
        if (worker.Index == 0) pass.Trace?.Numbers("hidden", 0, pass.Hidden, pass.Step.Tokens, 3);
        worker.Barrier();
    }

    public override void Predict(ref readonly Pass pass, in Worker worker)
    {
        Check(in pass, in worker);
        Append(in pass, in worker, 1, pass.Step.NextIds);
        worker.Barrier();
        WriteLogits(in pass, in worker, 1);
        worker.Barrier();
        // The hidden state that prediction leaves: one more than what it took.
        worker.Share(pass.Step.Tokens, out int from, out int to);
        for (int t = from; t < to; t++) pass.Hidden[3 * t + 1]++;
        worker.Barrier();
    }

    private static void WriteLogits(ref readonly Pass pass, in Worker worker, int layer)
    {
        worker.Share(pass.LogitRowCount, out int from, out int to);
        for (int row = from; row < to; row++)
        {
            int t = pass.LogitRows[row];
            float best = pass.Hidden[3 * t + 1] + (layer == 1 ? SumOfCache(in pass, 1, t) : 0);
            for (int v = 0; v < Vocabulary; v++)
                pass.Logits[(long)row * Vocabulary + v] = -MathF.Abs(v - best % Vocabulary) + ((float*)pass.Weights[0].Data)[1];
        }
    }

    private static CacheView Cache(ref readonly Pass pass, int layer) => pass.Caches[2 * layer + 1];

    private static void Append(ref readonly Pass pass, in Worker worker, int layer, int* tokens)
    {
        worker.Share(pass.Step.Tokens, out int from, out int to);
        for (int t = from; t < to; t++)
        {
            SequenceRange range = pass.Step.Ranges[pass.Step.RangeOf[t]];
            float* place = Cache(in pass, layer).Data + range.Slot * Cache(in pass, layer).SlotStride + 2L * pass.Step.Positions[t];
            place[0] = tokens[t];
            place[1] = pass.Step.Positions[t];
        }
    }

    private static float SumOfCache(ref readonly Pass pass, int layer, int t)
    {
        SequenceRange range = pass.Step.Ranges[pass.Step.RangeOf[t]];
        float* cache = Cache(in pass, layer).Data + range.Slot * Cache(in pass, layer).SlotStride;
        long sum = 0;
        for (int j = 0; j <= pass.Step.Positions[t]; j++)
        {
            if (cache[2 * j + 1] != j) throw new InvalidOperationException($"Position {j} of slot {range.Slot} was not written.");
            sum += ((long)cache[2 * j] + 1) * (j + 3);
        }

        return sum % Vocabulary;
    }

    private static void Check(ref readonly Pass pass, in Worker worker)
    {
        Step step = pass.Step;
        int tokens = 0, keys = 0;
        for (int s = 0; s < step.Sequences; s++)
        {
            SequenceRange range = step.Ranges[s];
            bool ok = range.First == tokens && range.FirstKey == keys && range.Count > 0 && range.Length <= step.Capacity;
            for (int t = range.First; ok && t < range.First + range.Count; t++)
                ok = step.RangeOf[t] == s && step.Positions[t] == range.Length - range.Count + t - range.First;
            if (!ok) throw new InvalidOperationException("The step contradicts itself.");
            tokens += range.Count;
            keys += range.Length;
        }

        if (tokens != step.Tokens || keys != step.Keys || tokens > pass.MaxTokens) throw new InvalidOperationException("The step's sums are wrong.");
        if (keys > pass.MaxKeys && pass.Order != AttentionOrder.Absorbed) throw new InvalidOperationException("The step's keys do not fit.");
        for (int i = 0; i < pass.LogitRowCount; i++)
            if (pass.LogitRows[i] >= tokens || (i > 0 && pass.LogitRows[i] <= pass.LogitRows[i - 1])) throw new InvalidOperationException("The rows wanted do not ascend.");
        if ((nint)worker.Scratch % 64 != 0 || (nint)pass.TokenArena % 64 != 0) throw new InvalidOperationException("Memory is not aligned.");
        worker.Scratch[99] = (byte)worker.Index;
    }
}
