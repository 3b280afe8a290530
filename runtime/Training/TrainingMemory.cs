using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using Sinter.Runtime.Checkpoints;
using Sinter.Runtime.Execution;
using Sinter.Runtime.Training.Kernels;
using Sinter.Runtime.Training.Ranks;

namespace Sinter.Runtime.Training;

/// <summary>The memory of a training session: tensors with their gradients and moments, activations, and the threads' tiles.</summary>
internal sealed unsafe class TrainingMemory : IDisposable
{
    private readonly List<Arena> _arenas = [];
    private readonly TrainingDescription _description;
    private readonly RotaryTables _rotaries;
    private readonly RotaryTables? _restarted;
    private readonly List<(int Slot, long Offset, int Rows, int Columns)> _casts = [];
    private readonly TrainingPrecision _precision;

    /// <summary>What the kernels are handed; workers read it where it stands.</summary>
    public TrainingPass Pass;

    public TrainingMemory(TrainingProgram program, TrainingOptions options, int workers)
    {
        _description = program.Training;
        _precision = options.Precision;
        TrainingBytes bytes = TrainingBytes.Of(program, options with { Threads = workers });
        long length = options.Length;
        int layers = _description.Balanced.Sum(declaration => declaration.Layers);
        Pass.MaxTokens = options.Length;
        Pass.LoadStride = TrainingBytes.LoadStride(_description);
        ModelDescription turning = program.Description with { Rotaries = _description.Rotaries };
        _rotaries = new RotaryTables(turning, options.Length);
        Bytes += RotaryTables.BytesFor(turning, options.Length);
        Pass.Rotaries = _rotaries.Pointers;

        Shares = new RankShares(options.Ranks, TrainingBytes.Trained(_description));
        Bytes += Shares.Bytes;
        Tensors = Place(bytes, options.Moments.Size());
        Pass.TokenArena = Take(_description.TokenBytes * length, "what a sequence computes");
        Pass.PairArena = Take(_description.PairBytes * length * length, "attention's scores");
        Pass.FixedArena = Take(_description.FixedBytes, "what does not grow with the sequence");
        Pass.KeptArena = Take(bytes.Kept, "what is kept for the gradients");
        Pass.TokenIds = (int*)Take((length + 1 + _description.Depth) * sizeof(int), "the tokens");
        Pass.Begins = (int*)Take(length * sizeof(int), "the documents");
        if (options.RestartsPositions)
        {
            _restarted = new RotaryTables(turning, options.Length);
            Bytes += RotaryTables.BytesFor(turning, options.Length);
        }

        Pass.Worths = (float*)Take(LossKinds * sizeof(float), "the objective");
        Pass.Losses = (float*)Take(LossKinds * sizeof(float), "the losses");
        Pass.Loads = (int*)Take((long)layers * Pass.LoadStride * sizeof(int), "the loads");
        Pass.Step.Positions = (int*)Take(length * sizeof(int), "the positions");
        Pass.Step.RangeOf = (int*)Take(length * sizeof(int), "the sequence of each token");
        Pass.Step.Ranges = (SequenceRange*)Take(sizeof(SequenceRange), "the sequence");
        ScratchStride = TrainingBytes.TileStride(_description, options);
        Scratch = Take(bytes.Tiles, "the threads' tiles");
        for (int i = 0; i < options.Length; i++) Pass.Step.Positions[i] = i;
    }

    public IReadOnlyList<TrainedTensor> Tensors { get; }

    /// <summary>Which of the trained numbers this rank owns.</summary>
    public RankShares Shares { get; }

    /// <summary>[<see cref="RankShares.Total"/>] the trained weights, tensor after tensor; those that nothing trains come after them.</summary>
    public float* Weights { get; private set; }

    /// <summary>[<see cref="RankShares.Total"/>] their gradients in the same order.</summary>
    public float* Gradients { get; private set; }

    /// <summary>How many losses the objective has.</summary>
    public int LossKinds => TrainingPass.PredictionLoss + _description.Depth;

    /// <summary>Of all that is reserved here.</summary>
    public long Bytes { get; private set; }

    public byte* Scratch { get; }

    public long ScratchStride { get; }

    /// <summary>Makes of the master weights what the products read; every worker of the team calls it.</summary>
    public void CastWeights(in Worker worker)
    {
        foreach ((int slot, long offset, int rows, int columns) in _casts)
        {
            float* from = Pass.Weights[slot] + offset, to = Pass.CastWeights[slot] + offset;
            if (_precision == TrainingPrecision.FP8) Casts.Blocks(worker, from, to, rows, columns);
            else Casts.BF16(worker, from, to, rows, columns);
        }
    }

    /// <summary>Makes a sequence the one that the kernels work on.</summary>
    /// <param name="documents">[length] the document of each token; empty without masks between them.</param>
    public void Begin(ReadOnlySpan<int> tokens, int length, ReadOnlySpan<int> documents)
    {
        for (int i = 0; i < length; i++) Pass.Begins[i] = i == 0 || documents.IsEmpty ? 0 : documents[i] == documents[i - 1] ? Pass.Begins[i - 1] : i;
        Restart(length, !documents.IsEmpty);
        tokens.CopyTo(new Span<int>(Pass.TokenIds, tokens.Length));
        new Span<float>(Pass.Losses, LossKinds).Clear();
        Pass.Step.Tokens = length;
        Pass.Step.Keys = length;
        Pass.Step.Sequences = 1;
        Pass.Step.TokenIds = Pass.TokenIds;
        Pass.Step.NextIds = Pass.TokenIds + 1;
        Pass.Step.Capacity = Pass.MaxTokens;
        Pass.Step.Ranges[0] = new SequenceRange { Count = length, Length = length };
    }

    /// <summary>Lets a row of each rotary table be that of the token's position within its document.</summary>
    private void Restart(int length, bool hasDocuments)
    {
        bool restarts = hasDocuments && _restarted is not null;
        Pass.Rotaries = restarts ? _restarted!.Pointers : _rotaries.Pointers;
        if (!restarts) return;
        for (int table = 0; table < _description.Rotaries.Count; table++)
        {
            int width = 2 * _description.Rotaries[table].InverseFrequencies.Count;
            float* from = _rotaries.Pointers[table], to = Pass.Rotaries[table];
            for (long i = 0; i < length; i++) new ReadOnlySpan<float>(from + (i - Pass.Begins[i]) * width, width).CopyTo(new Span<float>(to + i * width, width));
        }
    }

    public void Dispose()
    {
        _restarted?.Dispose();
        foreach (Arena arena in _arenas) arena.Dispose();
        Shares.Dispose();
        _rotaries.Dispose();
    }

    private List<TrainedTensor> Place(TrainingBytes bytes, int momentBytes)
    {
        int slots = TrainingBytes.Slots(_description);
        Pass.Weights = (float**)Take((long)slots * sizeof(float*), "the table of weights");
        Pass.Gradients = (float**)Take((long)slots * sizeof(float*), "the table of gradients");
        Pass.CastWeights = (float**)Take((long)slots * sizeof(float*), "the table of cast weights");
        Weights = (float*)Take(bytes.Weights, "the weights");
        Gradients = (float*)Take(bytes.Gradients, "their gradients");
        byte* casts = Take(bytes.CastWeights, "the cast weights"), means = Take(bytes.Moments / 2, "the optimizer's moments"), squares = Take(bytes.Moments / 2, "the optimizer's moments");
        List<TrainedTensor> tensors = [];
        long trained = 0, untrained = Shares.Total, owned = Shares.Ranks.Rank * Shares.Share;
        foreach (TrainingDeclaration declaration in _description.Tensors)
        {
            ref long next = ref declaration.IsTrained ? ref trained : ref untrained;
            for (int layer = 0; layer < declaration.Layers; layer++, next += TrainingBytes.SlotNumbers(declaration))
            {
                int slot = declaration.Slot + layer;
                Pass.Weights[slot] = Weights + next;
                Pass.Gradients[slot] = declaration.IsTrained ? Gradients + next : null;
                int count = checked((int)TrainingBytes.Count(declaration));
                for (int expert = 0; expert < Math.Max(1, declaration.Experts); expert++)
                {
                    string name = Name(declaration, layer, expert);
                    long at = next + (long)expert * count;
                    if (!declaration.IsTrained)
                    {
                        tensors.Add(new TrainedTensor(name, declaration.Shape, Weights + at, null, null, null, momentBytes));
                        continue;
                    }

                    // Of what another rank owns there is no moment, and nobody asks for one.
                    long moments = (at + Shares.Of(Shares.Ranks.Rank, at, count).From - owned) * momentBytes;
                    tensors.Add(new TrainedTensor(name, declaration.Shape, Weights + at, Gradients + at, means + moments, squares + moments, momentBytes, Shares, at));
                }

                if (!declaration.IsCast) continue;
                Pass.CastWeights[slot] = (float*)casts;
                casts += TrainingBytes.SlotNumbers(declaration) * sizeof(float);
                AddCasts(declaration, slot);
            }
        }

        return tensors;
    }

    /// <summary>Blocks do not reach from one expert's matrix into the next one's.</summary>
    private void AddCasts(TrainingDeclaration declaration, int slot)
    {
        for (int expert = 0; expert < Math.Max(1, declaration.Experts); expert++)
            _casts.Add((slot, expert * TrainingBytes.Count(declaration), declaration.Shape[0], declaration.Shape[1]));
    }

    private static string Name(TrainingDeclaration declaration, int layer, int expert) => declaration.Name
        .Replace("{layer}", (declaration.FirstLayer + layer).ToString(CultureInfo.InvariantCulture), StringComparison.Ordinal)
        .Replace("{expert}", expert.ToString(CultureInfo.InvariantCulture), StringComparison.Ordinal);

    private byte* Take(long bytes, string purpose)
    {
        Arena arena = Arena.Reserve(bytes, purpose, "train shorter sequences or a smaller model");
        _arenas.Add(arena);
        Bytes += arena.Bytes;
        return arena.Data;
    }
}
