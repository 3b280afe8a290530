using System;
using System.Collections.Generic;
using System.Linq;
using Sinter.Runtime.Training.Ranks;

namespace Sinter.Runtime.Training;

/// <summary>One tensor of the checkpoint while it is trained. Its memory belongs to the session.</summary>
/// <param name="name">As published, such as <c>model.layers.1.mlp.experts.0.up_proj.weight</c>.</param>
/// <param name="shape">As published.</param>
/// <param name="weights">f32 master weights, row-major.</param>
/// <param name="gradient">As many numbers, or null for what is not trained by gradients: the routing bias.</param>
/// <param name="mean">The first moment in the format of the session's options; null where there is no gradient.</param>
/// <param name="square">The second moment.</param>
/// <param name="momentBytes">Bytes of one number of a moment.</param>
/// <param name="shares">How the ranks share the numbers: the moments begin with the first that this one owns; null where it owns all.</param>
/// <param name="start">Where the tensor starts among the numbers that are shared.</param>
public sealed unsafe class TrainedTensor(
    string name, IReadOnlyList<int> shape, float* weights, float* gradient, byte* mean, byte* square, int momentBytes, RankShares? shares = null, long start = 0)
{
    private readonly int _count = shape.Aggregate(1, (product, size) => checked(product * size));

    public string Name => name;

    public IReadOnlyList<int> Shape => shape;

    public int Count => _count;

    /// <summary>Whether gradients and AdamW train it.</summary>
    public bool IsTrained => gradient is not null;

    /// <summary>The f32 master weights, row-major. Whoever writes them starts the session from there.</summary>
    public Span<float> Weights => new(weights, _count);

    /// <summary>
    /// What the calls of <see cref="TrainingSession.Accumulate"/> since the last step have added up, not clipped; empty
    /// where nothing trains it.
    /// </summary>
    public Span<float> Gradient => gradient is null ? default : new(gradient, _count);

    /// <summary>The numbers whose moments this rank has, and which it moves: all of them where one process trains.</summary>
    public (int From, int Count) Owned => OwnedBy(shares?.Ranks.Rank ?? 0);

    /// <summary>The first moment of AdamW as bytes of <see cref="TrainingOptions.Moments"/>, of the numbers <see cref="Owned"/>; empty where nothing trains it.</summary>
    public Span<byte> Mean => mean is null ? default : new(mean, checked(Owned.Count * momentBytes));

    /// <summary>The second moment, as <see cref="Mean"/>.</summary>
    public Span<byte> Square => square is null ? default : new(square, checked(Owned.Count * momentBytes));

    /// <summary>The numbers that a rank owns.</summary>
    public (int From, int Count) OwnedBy(int rank) => shares?.Of(rank, start, _count) ?? (0, _count);
}
