namespace Sinter.Compiler.Graph;

/// <summary>What decides how long an axis is.</summary>
public enum Extent
{
    /// <summary>The model's numbers.</summary>
    Fixed,

    /// <summary>The tokens of the step, of all its sequences.</summary>
    Tokens,

    /// <summary>The positions in the cache of the sequence that a token belongs to.</summary>
    Positions,
}

/// <summary>A named axis of a value. Two axes of one graph with the same name are the same axis.</summary>
/// <param name="Size">Entries, where the extent is fixed; else zero.</param>
public sealed record Axis(string Name, int Size, Extent Extent = Extent.Fixed)
{
    public override string ToString() => Name;
}
