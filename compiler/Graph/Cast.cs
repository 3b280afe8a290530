using System.Collections.Generic;

namespace Sinter.Compiler.Graph;

/// <summary>What a value is rounded to before a product takes it (DeepSeek-V3 section 3.3).</summary>
public enum CastForm
{
    /// <summary>BF16, number by number.</summary>
    BF16,

    /// <summary>E4M3 with a scale for each 128 numbers along the axes that a token's product sums: activations, 1×128.</summary>
    Tiles,

    /// <summary>As <see cref="Tiles"/>, each scale a power of two: what goes to experts or comes back from them, and what attention gives (section 3.3.3).</summary>
    RoundTiles,

    /// <summary>Five bits of exponent and six of fraction, tiles of 1×128 with powers of two as scales: what attention gave, until its linear layer's gradient wants it.</summary>
    E5M6Tiles,

    /// <summary>E4M3 with a scale for each 128 entries of the depth that a product sums over tokens: 128×1, made while it packs them.</summary>
    Depth,

    /// <summary>As <see cref="Depth"/>, each scale a power of two, so that tiles turned from 1×128 to 128×1 lose no more than they must.</summary>
    RoundDepth,

    /// <summary>What the precision makes of a stored matrix: BF16, or E4M3 in blocks of 128×128. Made once for a batch.</summary>
    Stored,
}

/// <summary>A value rounded to what a narrow format can hold, still as a number of the graph. Its gradient passes unchanged.</summary>
/// <param name="Along">How many of the axes, the last ones, a row of tiles runs along.</param>
public sealed record Cast(string Name, EquatableArray<Axis> Axes, int Input, CastForm Form, int Along = 0) : Node(Name, Axes)
{
    public override IEnumerable<int> Operands => [Input];

    /// <summary>Whether the cast value has memory of its own: rows of tokens.</summary>
    public bool IsOfRows => Form is CastForm.BF16 or CastForm.Tiles or CastForm.RoundTiles or CastForm.E5M6Tiles;

    /// <summary>Whether a product makes it while it packs the depth.</summary>
    public bool IsOfDepth => Form is CastForm.Depth or CastForm.RoundDepth;
}
