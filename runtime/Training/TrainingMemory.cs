using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using Sinter.Runtime.Checkpoints;
using Sinter.Runtime.Execution;
using Sinter.Runtime.Training.Kernels;

namespace Sinter.Runtime.Training;

/// <summary>The memory of a training session: tensors with their gradients and moments, activations, and the threads' tiles.</summary>
internal sealed unsafe class TrainingMemory : IDisposable
{
    private readonly List<Arena> _arenas = [];
    private readonly TrainingDescription _description;
    private readonly RotaryTables _rotaries;
    private readonly List<(int Slot, long Offset, int Rows, int Columns)> _casts = [];
    private readonly TrainingPrecision _precision;

    /// <summary>What the kernels are handed; workers read it where it stands.</summary>
    public TrainingPass Pass;

    public TrainingMemory(TrainingProgram program, TrainingOptions options, int workers)
    {
        _description = program.Training;
        _precision = options.Precision;
        long length = options.Length;
        int layers = _description.Balanced.Sum(declaration => declaration.Layers);
        Pass.MaxTokens = options.Length;
        Pass.LoadStride = _description.Balanced.Select(declaration => declaration.Experts).DefaultIfEmpty(0).Max();
        ModelDescription turning = program.Description with { Rotaries = _description.Rotaries };
        _rotaries = new RotaryTables(turning, options.Length);
        Bytes += RotaryTables.BytesFor(turning, options.Length);
        Pass.Rotaries = _rotaries.Pointers;

        Tensors = Place(options.Moments.Size());
        Pass.TokenArena = Take(_description.TokenBytes * length, "what a sequence computes");
        Pass.PairArena = Take(_description.PairBytes * length * length, "attention's scores");
        Pass.FixedArena = Take(_description.FixedBytes, "what does not grow with the sequence");
        Pass.KeptArena = Take(_description.KeptBytes * length, "what is kept for the gradients");
        Pass.TokenIds = (int*)Take((length + 1 + _description.Depth) * sizeof(int), "the tokens");
        Pass.Worths = (float*)Take(TrainingPass.LossKinds * sizeof(float), "the objective");
        Pass.Losses = (float*)Take(TrainingPass.LossKinds * sizeof(float), "the losses");
        Pass.Loads = (int*)Take((long)layers * Pass.LoadStride * sizeof(int), "the loads");
        Pass.Step.Positions = (int*)Take(length * sizeof(int), "the positions");
        Pass.Step.RangeOf = (int*)Take(length * sizeof(int), "the sequence of each token");
        Pass.Step.Ranges = (SequenceRange*)Take(sizeof(SequenceRange), "the sequence");
        ScratchStride = Arena.Align(Arena.Align(length * _description.ScratchTokenBytes) + _description.ScratchBytes);
        Scratch = Take(ScratchStride * workers, "the threads' tiles");
        for (int i = 0; i < options.Length; i++) Pass.Step.Positions[i] = i;
    }

    public IReadOnlyList<TrainedTensor> Tensors { get; }

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
    public void Begin(ReadOnlySpan<int> tokens, int length)
    {
        tokens.CopyTo(new Span<int>(Pass.TokenIds, tokens.Length));
        new Span<float>(Pass.Losses, TrainingPass.LossKinds).Clear();
        Pass.Step.Tokens = length;
        Pass.Step.Keys = length;
        Pass.Step.Sequences = 1;
        Pass.Step.TokenIds = Pass.TokenIds;
        Pass.Step.NextIds = Pass.TokenIds + 1;
        Pass.Step.Capacity = Pass.MaxTokens;
        Pass.Step.Ranges[0] = new SequenceRange { Count = length, Length = length };
    }

    public void Dispose()
    {
        foreach (Arena arena in _arenas) arena.Dispose();
        _rotaries.Dispose();
    }

    private List<TrainedTensor> Place(int momentBytes)
    {
        int slots = _description.Tensors.Select(declaration => declaration.Slot + declaration.Layers).DefaultIfEmpty(0).Max();
        Pass.Weights = (float**)Take((long)slots * sizeof(float*), "the table of weights");
        Pass.Gradients = (float**)Take((long)slots * sizeof(float*), "the table of gradients");
        Pass.CastWeights = (float**)Take((long)slots * sizeof(float*), "the table of cast weights");
        long all = _description.Tensors.Sum(declaration => Numbers(declaration) * declaration.Layers);
        long trained = _description.Tensors.Where(declaration => declaration.IsTrained).Sum(declaration => Numbers(declaration) * declaration.Layers);
        byte* weights = Take(all * sizeof(float), "the weights"), gradients = Take(trained * sizeof(float), "their gradients");
        byte* casts = Take(_description.Tensors.Where(declaration => declaration.IsCast).Sum(declaration => Numbers(declaration) * declaration.Layers) * sizeof(float), "the cast weights");
        byte* means = Take(trained * momentBytes, "the optimizer's moments"), squares = Take(trained * momentBytes, "the optimizer's moments");
        List<TrainedTensor> tensors = [];
        foreach (TrainingDeclaration declaration in _description.Tensors)
        {
            for (int layer = 0; layer < declaration.Layers; layer++)
            {
                int slot = declaration.Slot + layer;
                Pass.Weights[slot] = (float*)weights;
                Pass.Gradients[slot] = declaration.IsTrained ? (float*)gradients : null;
                long count = Count(declaration);
                for (int expert = 0; expert < Math.Max(1, declaration.Experts); expert++)
                {
                    long at = expert * count;
                    tensors.Add(declaration.IsTrained
                        ? new TrainedTensor(Name(declaration, layer, expert), declaration.Shape, (float*)weights + at, (float*)gradients + at, means + at * momentBytes, squares + at * momentBytes, momentBytes)
                        : new TrainedTensor(Name(declaration, layer, expert), declaration.Shape, (float*)weights + at, null, null, null, momentBytes));
                }

                if (declaration.IsCast)
                {
                    Pass.CastWeights[slot] = (float*)casts;
                    casts += Numbers(declaration) * sizeof(float);
                    AddCasts(declaration, slot);
                }

                weights += Numbers(declaration) * sizeof(float);
                if (!declaration.IsTrained) continue;
                gradients += Numbers(declaration) * sizeof(float);
                means += Numbers(declaration) * momentBytes;
                squares += Numbers(declaration) * momentBytes;
            }
        }

        return tensors;
    }

    /// <summary>Blocks do not reach from one expert's matrix into the next one's.</summary>
    private void AddCasts(TrainingDeclaration declaration, int slot)
    {
        for (int expert = 0; expert < Math.Max(1, declaration.Experts); expert++)
            _casts.Add((slot, expert * Count(declaration), declaration.Shape[0], declaration.Shape[1]));
    }

    /// <summary>Of one slot: all experts, and up to the next multiple of what is aligned.</summary>
    private static long Numbers(TrainingDeclaration declaration) =>
        Arena.Align(Count(declaration) * Math.Max(1, declaration.Experts) * sizeof(float)) / sizeof(float);

    private static long Count(TrainingDeclaration declaration) => declaration.Shape.Aggregate(1L, (product, size) => checked(product * size));

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
