using System.Collections.Generic;

namespace Sinter.Compiler.Graph;

/// <summary>
/// 1 where an axis stands at the place that the index says, else 0: reading by an index as a factor of a contraction, so
/// that its gradient, which adds up by the index, is a contraction too. Never meant to exist as numbers: with it,
/// Σ[t,k] onehot[t,k,e]·g[t,k,f]·x[t,d] is a contraction grouped by expert, Σ[t] onehot[t,v]·g[t,d] adds rows into a table.
/// </summary>
/// <param name="Axes">Those of the index, then <paramref name="Among"/>.</param>
/// <param name="Index">A node of integers.</param>
/// <param name="Among">What the index chooses among.</param>
public sealed record OneHot(string Name, EquatableArray<Axis> Axes, int Index, Axis Among) : Node(Name, Axes)
{
    public override IEnumerable<int> Operands => [Index];
}
