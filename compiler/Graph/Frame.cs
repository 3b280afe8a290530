using System.Collections.Generic;
using System.Linq;
using Sinter.Compiler.Syntax;

namespace Sinter.Compiler.Graph;

/// <summary>The names that a body of statements, or the expression of a function, can see.</summary>
internal sealed class Frame
{
    public Dictionary<string, Local> Values { get; } = [];

    /// <summary>Formal axes, by their names in this body.</summary>
    public Dictionary<string, Axis> Axes { get; } = [];

    /// <summary>What stands before the names of weights: <c>model.layers.{layer}.mlp.</c></summary>
    public string Path { get; init; } = "";

    /// <summary>What stands before the names of values; the part of the path below the region's own.</summary>
    public string Prefix { get; init; } = "";

    /// <summary>Axes that every value here may have besides its written ones: those that choose the expert.</summary>
    public IReadOnlyList<Axis> Ambient { get; init; } = [];

    /// <summary>Which expert's weights are meant.</summary>
    public ExpertChoice? Expert { get; init; }

    /// <summary>Whether values that earlier regions have made can be seen.</summary>
    public bool IsTop { get; init; }
}

/// <param name="Index">The node of expert numbers.</param>
/// <param name="Among">The axis of all experts.</param>
internal sealed record ExpertChoice(int Index, IReadOnlyList<Axis> IndexAxes, Axis Among);

/// <summary>What a name stands for.</summary>
internal abstract record Local;

/// <summary>A value.</summary>
/// <param name="Uses">The axes that are written when it is used.</param>
/// <param name="Nodes">One for each part of its sum axis if it has one, else one; none while only axes are asked for.</param>
/// <param name="Range">What it counts, if it holds indices.</param>
internal sealed record ValueLocal(IReadOnlyList<Use> Uses, IReadOnlyList<int> Nodes, Axis? Range) : Local;

/// <summary>A number given by a caller, worked out in the caller's frame whenever it is read.</summary>
internal sealed record NumberLocal(Expression Expression, Frame Frame) : Local;

/// <summary>The number of the layer that is being built.</summary>
internal sealed record LayerLocal : Local;

/// <summary>Something that went wrong and has been reported.</summary>
internal sealed record BrokenLocal : Local;

/// <summary>An axis, or a sum of axes, along which a value runs.</summary>
internal abstract record Use;

internal sealed record AxisUse(Axis Axis) : Use
{
    public override string ToString() => Axis.Name;
}

/// <summary><c>n+r</c>: first the entries of n, then those of r. A part may be a product of axes.</summary>
internal sealed record SumUse(EquatableArray<EquatableArray<Axis>> Parts) : Use
{
    public override string ToString() => string.Join("+", Parts.Select(part => string.Join("*", part)));
}
