using System.Collections.Generic;

namespace Sinter.Compiler.Graph;

/// <summary>What a value is rounded to before a product takes it (DeepSeek-V3 section 3.3).</summary>
public enum CastForm
{
    /// <summary>BF16, number by number.</summary>
    BF16,

    /// <summary>E4M3 with a scale for each 128 numbers along the axes that a token's product sums: activations, 1×128.</summary>
    Tiles,

    /// <summary>E4M3 with a scale for each 128 entries of the depth that a product sums over tokens: 128×1, made while it packs them.</summary>
    Depth,

    /// <summary>What the precision makes of a stored matrix: BF16, or E4M3 in blocks of 128×128. Made once for a batch.</summary>
    Stored,
}

/// <summary>A value rounded to what a narrow format can hold, still as a number of the graph. Its gradient passes unchanged.</summary>
/// <param name="Along">How many of the axes, the last ones, a row of tiles runs along.</param>
public sealed record Cast(string Name, EquatableArray<Axis> Axes, int Input, CastForm Form, int Along = 0) : Node(Name, Axes)
{
    public override IEnumerable<int> Operands => [Input];
}
