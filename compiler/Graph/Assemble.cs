using System.Collections.Generic;
using System.Linq;

namespace Sinter.Compiler.Graph;

/// <summary>
/// The gradient of a stored tensor, laid out as the tensor is: the sum of parts, each laid where a view of the tensor
/// reads. It is to <see cref="Weight"/> what writing is to reading. Where no part lays anything, it is zero.
/// </summary>
/// <param name="Axes">The experts, where each has a tensor of its own, and then the axes of <paramref name="Tensor"/>.</param>
public sealed record Assemble(
    string Name, EquatableArray<Axis> Axes, WeightTensor Tensor, EquatableArray<Part> Parts) : Node(Name, Axes)
{
    public override IEnumerable<int> Operands => Parts.Select(part => part.Value);
}

/// <summary>A value whose number at (i, j, …) belongs at <paramref name="Offset"/> + Σ index · stride, in elements.</summary>
/// <param name="Strides">One for each axis of the value.</param>
public sealed record Part(int Value, int Offset, EquatableArray<int> Strides);
