using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Reflection;
using System.Text;
using System.Text.RegularExpressions;

namespace Sinter.Devices.Cuda;

/// <summary>The kernels of a PTX text by name. One is taken at a time, since a driver translates all of a module that it loads.</summary>
public sealed partial class PtxLibrary
{
    private readonly Dictionary<string, string> _kernels = [];

    private PtxLibrary()
    {
    }

    /// <summary>How many kernels there are.</summary>
    public int Count => _kernels.Count;

    /// <summary>The kernels that were printed when an assembly was built; none where it has no such resources.</summary>
    public static PtxLibrary Of(Assembly assembly)
    {
        ArgumentNullException.ThrowIfNull(assembly);
        var library = new PtxLibrary();
        // Assemblies in memory have no resources, and say so by an exception.
        if (assembly.IsDynamic) return library;
        foreach (string name in assembly.GetManifestResourceNames().Where(name => name.EndsWith(".ptx", StringComparison.Ordinal)))
        {
            using var reader = new StreamReader(assembly.GetManifestResourceStream(name)!, Encoding.UTF8);
            library.Add(reader.ReadToEnd());
        }

        return library;
    }

    /// <summary>The kernels of a text.</summary>
    public static PtxLibrary Read(string text)
    {
        var library = new PtxLibrary();
        library.Add(text);
        return library;
    }

    /// <summary>One text of several: the head of the first, and the entries of all.</summary>
    public static string Join(IEnumerable<string> texts)
    {
        ArgumentNullException.ThrowIfNull(texts);
        var all = new StringBuilder();
        foreach (string text in texts)
        {
            int start = Entry().Match(text).Index;
            all.Append(all.Length == 0 ? text : "\n" + text[start..]);
        }

        return all.ToString();
    }

    /// <summary>A kernel as a module of its own; null where it is not there.</summary>
    public string? Find(string name) => _kernels.GetValueOrDefault(name);

    private void Add(string text)
    {
        List<Match> entries = [.. Entry().Matches(text).Cast<Match>()];
        for (int i = 0; i < entries.Count; i++)
        {
            int end = i + 1 < entries.Count ? entries[i + 1].Index : text.Length;
            _kernels.Add(entries[i].Groups[1].Value, text[..entries[0].Index] + text[entries[i].Index..end].TrimEnd() + "\n");
        }
    }

    [GeneratedRegex(@"^\.visible \.entry (\w+)\(", RegexOptions.Multiline)]
    private static partial Regex Entry();
}
