using System;
using System.Collections.Generic;
using System.Linq;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using Sinter.Runtime.Checkpoints;
using Sinter.Runtime.Execution;
using Sinter.Runtime.Numerics;
using Sinter.Runtime.Training.Kernels;

namespace Sinter.Runtime.Training;

/// <summary>
/// Norm, clipping and AdamW over all tensors: the team shares blocks, which are the same however many threads there are. Where
/// several ranks train, each adds up and moves its share, and the collective calls stand between the team's work.
/// </summary>
internal sealed unsafe class OptimizerStep
{
    private readonly TrainingMemory _memory;
    private readonly ThreadTeam _team;
    private readonly (TrainedTensor Tensor, int From, int Count)[] _blocks;
    private readonly double[] _squares;
    private readonly TeamWork _measure;
    private readonly TeamWork _update;
    private AdamWNumbers _numbers;
    private float _kept;

    public OptimizerStep(TrainingMemory memory, ThreadTeam team)
    {
        (_memory, _team) = (memory, team);
        _blocks = [.. memory.Tensors.Where(tensor => tensor.IsTrained).SelectMany(Blocks)];
        _squares = new double[_blocks.Length];
        _measure = Measure;
        _update = Update;
    }

    /// <summary>The norm before clipping; where it is finite, the weights have moved. The gradients are zero.</summary>
    public double Run(AdamWSettings settings, double rate, double clip, long step)
    {
        _memory.Shares.Reduce(_memory.Gradients);
        _team.Run(_measure);
        double norm = Math.Sqrt(_memory.Shares.Sum(_squares.Sum()));
        if (!double.IsFinite(norm))
        {
            foreach ((TrainedTensor tensor, int from, int count) in _blocks) tensor.Gradient.Slice(from, count).Clear();
            return norm;
        }

        _kept = (float)(1 - rate * settings.Decay);
        _numbers = new AdamWNumbers(
            1, (float)GradientNorm.ClipFactor(norm, clip), (float)settings.Beta1, (float)settings.Beta2, (float)(1 - settings.Beta1), (float)(1 - settings.Beta2),
            (float)(rate / (1 - Math.Pow(settings.Beta1, step))), (float)(1 / Math.Sqrt(1 - Math.Pow(settings.Beta2, step))), (float)settings.Epsilon);
        _team.Run(_update);
        _memory.Shares.Spread(_memory.Weights);
        return norm;
    }

    private static IEnumerable<(TrainedTensor Tensor, int From, int Count)> Blocks(TrainedTensor tensor)
    {
        (int start, int count) = tensor.Owned;
        for (int from = start; from < start + count; from += FusedAdamW.Block) yield return (tensor, from, Math.Min(FusedAdamW.Block, start + count - from));
    }

    private void Measure(in Worker worker)
    {
        _memory.Pass.Clock?.Start(in worker);
        Portions portions = worker.Portions(_blocks.Length);
        while (portions.Next(out int first, out int end))
        {
            for (int i = first; i < end; i++)
            {
                (TrainedTensor tensor, int from, int count) = _blocks[i];
                _squares[i] = FusedAdamW.SumOfSquares((float*)Place(tensor.Gradient) + from, count);
            }
        }

        _memory.Pass.Clock?.StopOwn(in worker, 1);
    }

    private void Update(in Worker worker)
    {
        _memory.Pass.Clock?.Start(in worker);
        Portions portions = worker.Portions(_blocks.Length);
        while (portions.Next(out int first, out int end))
        {
            for (int i = first; i < end; i++)
            {
                if (Vector512.IsHardwareAccelerated) Update<Lanes512>(_blocks[i]);
                else if (Vector256.IsHardwareAccelerated) Update<Lanes256>(_blocks[i]);
                else Update<Lanes128>(_blocks[i]);
            }
        }

        _memory.Pass.Clock?.StopOwn(in worker, 2);
    }

    private void Update<V>((TrainedTensor Tensor, int From, int Count) block)
        where V : struct, ILanes<V>
    {
        (TrainedTensor tensor, int from, int count) = block;
        AdamWNumbers numbers = AdamW.Decays(tensor.Shape.Count) ? _numbers with { Kept = _kept } : _numbers;
        float* weights = (float*)Place(tensor.Weights) + from, gradient = (float*)Place(tensor.Gradient) + from;
        int moment = from - tensor.Owned.From;
        if (tensor.Mean.Length == tensor.Owned.Count * sizeof(float))
            FusedAdamW.Step<V>(numbers, weights, gradient, (float*)Place(tensor.Mean) + moment, (float*)Place(tensor.Square) + moment, count);
        else
            FusedAdamW.Step<V>(numbers, weights, gradient, (ushort*)Place(tensor.Mean) + moment, (ushort*)Place(tensor.Square) + moment, count);
    }

    /// <summary>Tensors lie outside the managed heap: nothing moves them.</summary>
    private static void* Place<T>(Span<T> numbers)
        where T : unmanaged
    {
        fixed (T* place = &MemoryMarshal.GetReference(numbers)) return place;
    }
}
