using System;

namespace Sinter.Ptx.Text;

/// <summary>A place in PTX text, counted from one.</summary>
public readonly record struct SourcePosition(int Line, int Column)
{
    /// <inheritdoc/>
    public override string ToString() => $"{Line}:{Column}";
}

/// <summary>PTX text that cannot be read or cannot be run, with the place where it goes wrong.</summary>
public sealed class PtxException(string message, SourcePosition position)
    : Exception($"line {position.Line}, column {position.Column}: {message}")
{
    /// <summary>Where the text goes wrong.</summary>
    public SourcePosition Position { get; } = position;
}
