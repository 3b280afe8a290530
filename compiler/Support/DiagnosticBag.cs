using System.Collections.Generic;

namespace Sinter.Compiler;

/// <summary>Collects what is wrong, each thing once, up to a number that a reader can take in.</summary>
public sealed class DiagnosticBag
{
    private const int Most = 50;
    private readonly List<DiagnosticInfo> _items = [];
    private readonly HashSet<DiagnosticInfo> _seen = [];

    public int Count => _items.Count;

    public bool IsFull => _items.Count >= Most;

    public void Add(string id, SourceSpan span, string message)
    {
        var info = new DiagnosticInfo(id, span, message);
        if (!IsFull && _seen.Add(info)) _items.Add(info);
    }

    public void AddRange(IEnumerable<DiagnosticInfo> items)
    {
        foreach (DiagnosticInfo info in items) Add(info.Id, info.Span, info.Message);
    }

    public EquatableArray<DiagnosticInfo> ToEquatable() => EquatableArray.ToEquatable(_items);
}
