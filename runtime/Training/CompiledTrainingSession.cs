using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using Sinter.Runtime.Checkpoints;
using Sinter.Runtime.Execution;

namespace Sinter.Runtime.Training;

/// <summary>A compiled training graph with its numbers, run by a team of threads.</summary>
public sealed unsafe class CompiledTrainingSession : TrainingSession
{
    private readonly TrainingProgram _program;
    private readonly TrainingMemory _memory;
    private readonly OptimizerStep _optimizer;
    private readonly ThreadTeam _team;
    private readonly TeamWork _cast;
    private readonly TeamWork _forward;
    private readonly TeamWork _both;

    /// <exception cref="SinterException">The machine has not as much memory.</exception>
    public CompiledTrainingSession(TrainingProgram program, TrainingOptions options)
    {
        if (options.Length < 1) throw new SinterException($"A sequence of {options.Length} tokens cannot be trained on; take at least 1.");
        if (options.Moments is not (ElementType.F32 or ElementType.BF16)) throw new SinterException($"Moments cannot be kept in {options.Moments}; take F32 or BF16.");
        if (options.Precision != program.Training.Precision) throw new ArgumentException($"The program was compiled for {program.Training.Precision}, not for {options.Precision}.", nameof(options));
        (_program, Options) = (program, options);
        _team = new ThreadTeam(options.Threads ?? ThreadTeam.DefaultCount);
        _memory = new TrainingMemory(program, options, _team.Count);
        _optimizer = new OptimizerStep(_memory, _team);
        BalancedLayers = [.. program.Training.Balanced.SelectMany(declaration => Enumerable.Range(0, declaration.Layers).Select(layer => Balanced(declaration, declaration.FirstLayer + layer)))];
        _cast = (in Worker worker) =>
        {
            _memory.Pass.Clock?.Start(in worker);
            _memory.CastWeights(in worker);
            _memory.Pass.Clock?.StopOwn(in worker, 0);
        };
        _forward = (in Worker worker) => _program.Forward(ref _memory.Pass, in worker);
        _both = (in Worker worker) =>
        {
            _program.Forward(ref _memory.Pass, in worker);
            _program.Backward(ref _memory.Pass, in worker);
        };
    }

    /// <summary>What the session does besides the program's kernels: the last numbers of a <see cref="Clock"/>.</summary>
    public static IReadOnlyList<string> OwnKernels { get; } = ["CastWeights", "GradientNorm", "AdamW"];

    /// <summary>Of a program compiled with clocks: where the time of its steps is counted, for its kernels and <see cref="OwnKernels"/>, and not that of evaluations; to be set before the first step.</summary>
    public KernelClock? Clock
    {
        get => _memory.Pass.Clock;
        set => _memory.Pass.Clock = value;
    }

    /// <summary>How many threads the session has.</summary>
    public int Threads => _team.Count;

    public override ModelDescription Description => _program.Description;

    public override TrainingOptions Options { get; }

    public override int Depth => _program.Training.Depth;

    public override IReadOnlyList<TrainedTensor> Tensors => _memory.Tensors;

    public override IReadOnlyList<BalancedLayer> BalancedLayers { get; }

    public override long PeakBytes => _memory.Bytes;

    public override BatchReport Accumulate(ReadOnlySpan<int> tokens, int sequences, ObjectiveFactors factors, ReadOnlySpan<int> documents = default)
    {
        if (factors.Sequences < 1) throw new ArgumentException("A batch has at least one sequence.", nameof(factors));
        float* worths = _memory.Pass.Worths;
        worths[TrainingPass.MainLoss] = (float)(1.0 / factors.Sequences);
        for (int depth = 0; depth < Depth; depth++) worths[TrainingPass.PredictionLoss + depth] = (float)(factors.Prediction / Depth / factors.Sequences);
        worths[TrainingPass.BalanceLoss] = (float)(factors.Balance / factors.Sequences);
        _memory.Pass.Trains = true;
        return Run(_both, tokens, sequences, documents);
    }

    public override BatchReport Evaluate(ReadOnlySpan<int> tokens, int sequences, ReadOnlySpan<int> documents = default)
    {
        _memory.Pass.Trains = false;
        if (Clock is not { } clock) return Run(_forward, tokens, sequences, documents);
        clock.IsPaused = true;
        try
        {
            return Run(_forward, tokens, sequences, documents);
        }
        finally
        {
            clock.IsPaused = false;
        }
    }

    public override double Step(AdamWSettings settings, double rate, double clip)
    {
        double norm = _optimizer.Run(settings, rate, clip, Steps + 1);
        if (double.IsFinite(norm)) Steps++;
        return norm;
    }

    public override void Dispose()
    {
        _team.Dispose();
        _memory.Dispose();
    }

    private BatchReport Run(TeamWork work, ReadOnlySpan<int> tokens, int sequences, ReadOnlySpan<int> documents)
    {
        int length = Check(tokens, sequences);
        if (!documents.IsEmpty && documents.Length != tokens.Length) throw new ArgumentException($"{tokens.Length} tokens have the numbers of {documents.Length} documents.", nameof(documents));
        var losses = new double[_memory.LossKinds];
        new Span<int>(_memory.Pass.Loads, BalancedLayers.Count * _memory.Pass.LoadStride).Clear();
        _team.Run(_cast);
        for (int i = 0; i < sequences; i++)
        {
            int row = length + 1 + Depth;
            _memory.Begin(tokens.Slice(i * row, row), length, documents.IsEmpty ? default : documents.Slice(i * row, length));
            _team.Run(work, _memory.Scratch, _memory.ScratchStride);
            for (int kind = 0; kind < losses.Length; kind++) losses[kind] += _memory.Pass.Losses[kind];
        }

        List<int[]> loads = [.. BalancedLayers.Select((layer, i) => new Span<int>(_memory.Pass.Loads + i * _memory.Pass.LoadStride, layer.Experts).ToArray())];
        double[] prediction = [.. losses[TrainingPass.PredictionLoss..].Select(loss => loss / sequences)];
        return new BatchReport(sequences, losses[TrainingPass.MainLoss] / sequences, prediction, losses[TrainingPass.BalanceLoss] / sequences, loads);
    }

    private int Check(ReadOnlySpan<int> tokens, int sequences)
    {
        if (sequences < 1) throw new SinterException("A call takes at least one sequence.");
        int length = tokens.Length / sequences - 1 - Depth;
        if (tokens.Length % sequences != 0 || length < 1)
            throw new SinterException($"{tokens.Length} tokens are not {sequences} sequences of one length with {1 + Depth} tokens to foresee.");
        if (length > Options.Length) throw new SinterException($"A sequence has {length} tokens, but the session holds {Options.Length}.");
        int vocabulary = Description.VocabularySize;
        foreach (int token in tokens)
            if ((uint)token >= (uint)vocabulary) throw new SinterException($"Token {token} is beyond the vocabulary of {vocabulary}; the data are of another tokenizer.");
        return length;
    }

    private BalancedLayer Balanced(BalanceDeclaration declaration, int layer)
    {
        string? name = declaration.Bias?.Replace("{layer}", layer.ToString(CultureInfo.InvariantCulture), StringComparison.Ordinal);
        return new BalancedLayer(layer, declaration.Experts, name is null ? null : Tensors.First(tensor => tensor.Name == name));
    }
}
