using System;
using System.Collections.Generic;
using System.Runtime.InteropServices;
using Sinter.Runtime.Checkpoints;
using Sinter.Runtime.Execution;
using Sinter.Runtime.Training;
using Sinter.Runtime.Training.Ranks;

namespace Sinter.Runtime.Tests.Training.Runs;

/// <summary>
/// The smallest model with real gradients: the logits of the next token are a row of a table, chosen by the token. It stands in
/// for a compiled one where the loop around it is tested.
/// </summary>
internal sealed unsafe class BigramSession : TrainingSession
{
    public const string Table = "model.layers.3.table.weight";

    private readonly int _vocabulary;
    private readonly float* _memory;
    private readonly RankShares _shares;

    public BigramSession(int vocabulary, int length, ICommunicator ranks)
    {
        _vocabulary = vocabulary;
        _shares = new RankShares(ranks, vocabulary * vocabulary);
        long count = _shares.Total;
        _memory = (float*)NativeMemory.AllocZeroed((nuint)(4 * count), sizeof(float));
        Tensors = [new TrainedTensor(Table, [vocabulary, vocabulary], _memory, _memory + count, (byte*)(_memory + 2 * count), (byte*)(_memory + 3 * count), sizeof(float), _shares)];
        Options = new TrainingOptions { Length = length, Moments = ElementType.F32, Ranks = ranks };
        Description = new ModelDescription
        {
            Name = "Bigram",
            Architecture = "Bigram",
            ModelTypes = ["bigram"],
            Config = new Dictionary<string, object?> { ["vocab_size"] = (long)vocabulary },
            VocabularySize = vocabulary,
            HiddenSize = 1,
            Layers = 1,
            MaxPositions = 0,
            Weights = [],
            Caches = [],
            CachedLayers = 0,
            Rotaries = [],
            TokenBytes = 0,
            PositionBytes = 0,
            FixedBytes = 0,
            ScratchBytes = 0,
            Predicts = false,
        };
    }

    /// <summary>Called before each step of the optimizer.</summary>
    public Action<BigramSession>? BeforeStep { get; init; }

    /// <summary>Every row that was trained on.</summary>
    public List<int[]> Seen { get; } = [];

    public override ModelDescription Description { get; }

    public override TrainingOptions Options { get; }

    public override int Depth => 0;

    public override IReadOnlyList<TrainedTensor> Tensors { get; }

    public override IReadOnlyList<BalancedLayer> BalancedLayers => [];

    public override long PeakBytes => 0;

    public override BatchReport Accumulate(ReadOnlySpan<int> tokens, int sequences, ObjectiveFactors factors, ReadOnlySpan<int> documents = default)
    {
        int row = tokens.Length / sequences;
        for (int i = 0; i < sequences; i++) Seen.Add(tokens.Slice(i * row, row).ToArray());
        return Run(tokens, sequences, 1f / factors.Sequences / (row - 1));
    }

    public override BatchReport Evaluate(ReadOnlySpan<int> tokens, int sequences, ReadOnlySpan<int> documents = default) => Run(tokens, sequences, 0);

    public override double Step(AdamWSettings settings, double rate, double clip)
    {
        BeforeStep?.Invoke(this);
        TrainedTensor table = Tensors[0];
        _shares.Reduce(_memory + _shares.Total);
        double norm = Math.Sqrt(_shares.Sum(GradientNorm.SumOfSquares<float>(table.Gradient)));
        if (double.IsFinite(norm))
        {
            Steps++;
            (int from, int count) = table.Owned;
            AdamW.Update(
                settings, rate, Steps, true, GradientNorm.ClipFactor(norm, clip), table.Weights.Slice(from, count), table.Gradient.Slice(from, count),
                MemoryMarshal.Cast<byte, float>(table.Mean), MemoryMarshal.Cast<byte, float>(table.Square));
            _shares.Spread(_memory);
        }

        table.Gradient.Clear();
        return norm;
    }

    public override void Dispose()
    {
        NativeMemory.Free(_memory);
        _shares.Dispose();
    }

    private BatchReport Run(ReadOnlySpan<int> tokens, int sequences, float worth)
    {
        int row = tokens.Length / sequences;
        double total = 0;
        Span<float> weights = Tensors[0].Weights, gradient = Tensors[0].Gradient;
        for (int at = 0; at < tokens.Length; at++)
        {
            if (at % row == row - 1) continue;
            Span<float> logits = weights.Slice(tokens[at] * _vocabulary, _vocabulary), slopes = gradient.Slice(tokens[at] * _vocabulary, _vocabulary);
            double sum = 0;
            foreach (float logit in logits) sum += Math.Exp(logit);
            total += Math.Log(sum) - logits[tokens[at + 1]];
            for (int i = 0; i < _vocabulary; i++) slopes[i] += worth * (float)(Math.Exp(logits[i]) / sum);
            slopes[tokens[at + 1]] -= worth;
        }

        return new BatchReport(sequences, total / sequences / (row - 1), [], 0, []);
    }
}
