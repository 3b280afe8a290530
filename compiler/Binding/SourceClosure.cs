using System;
using System.Collections.Generic;
using System.Linq;

namespace Sinter.Compiler.Binding;

/// <summary>A .sinter file's text.</summary>
public sealed record SourceFile(string Path, string Text);

/// <summary>A file and all that it imports, directly or not: what its compilation depends on, and nothing else.</summary>
public sealed record SourceClosure(SourceFile File, EquatableArray<SourceFile> Imports)
{
    /// <summary>Follows the imports among the files at hand; one that is missing is left to the binder to report.</summary>
    public static SourceClosure Of(SourceFile file, IEnumerable<SourceFile> all)
    {
        var byPath = new Dictionary<string, SourceFile>();
        foreach (SourceFile candidate in all) byPath[ImportReader.Normalise(candidate.Path)] = candidate;

        var found = new SortedDictionary<string, SourceFile>(StringComparer.Ordinal);
        var pending = new Stack<SourceFile>();
        pending.Push(file);
        while (pending.Count > 0)
        {
            SourceFile next = pending.Pop();
            foreach (string import in ImportsOf(next.Text))
            {
                string path = ImportReader.Combine(ImportReader.Normalise(next.Path), import);
                if (found.ContainsKey(path) || !byPath.TryGetValue(path, out SourceFile? imported)) continue;
                found.Add(path, imported);
                pending.Push(imported);
            }
        }

        return new SourceClosure(file, found.Values.ToEquatable());
    }

    /// <summary>The text of an imported file by its path, or null.</summary>
    public string? Find(string path)
    {
        string wanted = ImportReader.Normalise(path);
        return Imports.FirstOrDefault(file => ImportReader.Normalise(file.Path) == wanted)?.Text;
    }

    // Lines that may be imports, without parsing: one too many (in a comment, say) costs nothing but a compilation.
    private static IEnumerable<string> ImportsOf(string text)
    {
        foreach (string line in text.Split('\n'))
        {
            int keyword = line.IndexOf("import", StringComparison.Ordinal);
            int open = keyword < 0 ? -1 : line.IndexOf('"', keyword);
            int close = open < 0 ? -1 : line.IndexOf('"', open + 1);
            if (close > open) yield return line.Substring(open + 1, close - open - 1);
        }
    }
}
