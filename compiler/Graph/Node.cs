using System.Collections.Generic;

namespace Sinter.Compiler.Graph;

/// <summary>One value of a graph: its axes, and how it comes about. Operands are indices into <see cref="TensorGraph.Nodes"/>.</summary>
/// <param name="Name">The name in the description, or one made from it.</param>
/// <param name="Axes">In the order written; buffers are row-major in it.</param>
public abstract record Node(string Name, EquatableArray<Axis> Axes)
{
    public abstract IEnumerable<int> Operands { get; }
}

/// <summary>A value that comes from outside the graph: token numbers, or what the region before has made.</summary>
public sealed record Input(string Name, EquatableArray<Axis> Axes, bool IsIndex) : Node(Name, Axes)
{
    public override IEnumerable<int> Operands => [];
}

/// <summary>
/// A view of a stored tensor: the number at (i, j, …) stands at <paramref name="Offset"/> + Σ index · stride, in
/// elements. A taken axis has no stride here: <paramref name="Index"/> says which row of the table, or which expert, to read.
/// </summary>
/// <param name="Tensor">What is stored.</param>
/// <param name="Offset">Of the first number.</param>
/// <param name="Strides">One for each axis; zero for the axes of the index, which choose by their value instead.</param>
/// <param name="Index">A node of integers, or -1. Its axes come first among <paramref name="Axes"/>.</param>
/// <param name="IndexStride">Elements from one row of a table to the next; zero where the index chooses among experts' tensors.</param>
public sealed record Weight(
    string Name,
    EquatableArray<Axis> Axes,
    WeightTensor Tensor,
    int Offset,
    EquatableArray<int> Strides,
    int Index = -1,
    int IndexStride = 0) : Node(Name, Axes)
{
    public override IEnumerable<int> Operands => Index < 0 ? [] : [Index];
}

/// <summary>Σ over the axes that <see cref="Node.Axes"/> lacks of the product of the factors.</summary>
public sealed record Contract(string Name, EquatableArray<Axis> Axes, EquatableArray<int> Factors) : Node(Name, Axes)
{
    public override IEnumerable<int> Operands => Factors;
}

/// <summary>A scalar function of its inputs, place by place; an input that lacks an axis is repeated along it.</summary>
public sealed record Map(string Name, EquatableArray<Axis> Axes, Scalar Function, EquatableArray<int> Inputs) : Node(Name, Axes)
{
    public override IEnumerable<int> Operands => Inputs;
}

public enum Reduction
{
    Sum,
    Mean,
    Max,
}

/// <summary>A reduction of one axis.</summary>
public sealed record Reduce(string Name, EquatableArray<Axis> Axes, Reduction Reduction, int Input, Axis Over) : Node(Name, Axes)
{
    public override IEnumerable<int> Operands => [Input];
}

/// <summary>exp(x - max) / Σ exp(x - max) along one axis.</summary>
public sealed record Softmax(string Name, EquatableArray<Axis> Axes, int Input, Axis Over) : Node(Name, Axes)
{
    public override IEnumerable<int> Operands => [Input];
}

/// <summary>log Σ exp(x) along one axis: with it the logarithm of a softmax is exact however small the probability.</summary>
public sealed record LogSumExp(string Name, EquatableArray<Axis> Axes, int Input, Axis Over) : Node(Name, Axes)
{
    public override IEnumerable<int> Operands => [Input];
}

/// <summary>Rotates neighbouring pairs (2i, 2i+1) of an axis by the angle of the token's position.</summary>
public sealed record Rotary(string Name, EquatableArray<Axis> Axes, int Input, Axis Along, RotaryTable Table) : Node(Name, Axes)
{
    public override IEnumerable<int> Operands => [Input];
}

/// <summary>−∞ where the key's position is after the query's.</summary>
public sealed record Causal(string Name, EquatableArray<Axis> Axes, int Input) : Node(Name, Axes)
{
    public override IEnumerable<int> Operands => [Input];
}

/// <summary>How a group's worth is made of its members' scores.</summary>
public enum GroupScore
{
    Max,
    Top2Sum,
}

/// <summary>
/// The indices of the largest scores along an axis (integers), largest first, the lower index first among equals. With
/// groups, only members of the <paramref name="Keep"/> best of <paramref name="Groups"/> equal groups are candidates.
/// </summary>
public sealed record Choose(
    string Name,
    EquatableArray<Axis> Axes,
    int Scores,
    Axis Among,
    int Groups = 1,
    int Keep = 1,
    GroupScore GroupScore = GroupScore.Max) : Node(Name, Axes)
{
    public override IEnumerable<int> Operands => [Scores];
}

/// <summary>values[t, index[t, k]].</summary>
public sealed record Take(string Name, EquatableArray<Axis> Axes, int Values, int Index, Axis Among) : Node(Name, Axes)
{
    public override IEnumerable<int> Operands => [Values, Index];
}

/// <summary>Appends the rows of the step's tokens to a cache and gives the cache of all positions: tokens become positions.</summary>
public sealed record Cached(string Name, EquatableArray<Axis> Axes, int Input, string Cache) : Node(Name, Axes)
{
    public override IEnumerable<int> Operands => [Input];
}
