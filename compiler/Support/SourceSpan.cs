using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Text;

namespace Sinter.Compiler;

/// <summary>Where a piece of a model stands in its file. Lines and columns count from one, as the parser has them.</summary>
public readonly record struct SourceSpan(string Path, int Start, int Length, int Line, int Column)
{
    public Location ToLocation()
    {
        var from = new LinePosition(Line - 1, Column - 1);
        var to = new LinePosition(Line - 1, Column - 1 + Length);
        return Location.Create(Path, new TextSpan(Start, Length), new LinePositionSpan(from, to));
    }

    public override string ToString() => $"{Path}({Line},{Column})";
}

/// <summary>A diagnostic as plain data: a <see cref="Diagnostic"/> holds a <see cref="Location"/> and would defeat caching.</summary>
public sealed record DiagnosticInfo(string Id, SourceSpan Span, string Message)
{
    /// <summary>As the C# compiler prints it.</summary>
    public override string ToString() => $"{Span}: error {Id}: {Message}";
}
