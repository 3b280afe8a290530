using System.Collections.Generic;

namespace Sinter.Compiler.Graph;

/// <summary>
/// The same numbers with one axis called otherwise. From tokens to positions it is what a cache gives that holds just the
/// step's own sequences: each sequence has its own positions, and what is summed or averaged over them stays within it.
/// </summary>
/// <param name="From">An axis of the input.</param>
/// <param name="To">What it is called in <see cref="Node.Axes"/>; as long as <paramref name="From"/>.</param>
public sealed record Rename(string Name, EquatableArray<Axis> Axes, int Input, Axis From, Axis To) : Node(Name, Axes)
{
    public override IEnumerable<int> Operands => [Input];
}
