using System;
using System.Collections.Generic;
using System.Linq;
using Sinter.Compiler.Syntax;

namespace Sinter.Compiler.Binding;

/// <summary>Reads a file's imports, and theirs, each once, before what imports them.</summary>
internal sealed class ImportReader(Func<string, ParsedFile?> imports, DiagnosticBag diagnostics)
{
    private const int MostFiles = 200;

    private readonly HashSet<string> _done = [];
    private readonly List<string> _underway = [];

    /// <summary>Imported files first; the file itself last.</summary>
    public List<ParsedFile> Files { get; } = [];

    public void Read(ParsedFile file)
    {
        string path = Normalise(file.Path);
        _underway.Add(path);
        diagnostics.AddRange(file.Diagnostics);
        foreach (ImportItem import in file.File?.Items.OfType<ImportItem>() ?? [])
        {
            string target = Combine(path, import.Path);
            if (_underway.Contains(target))
            {
                string cycle = string.Join(" → ", _underway.Skip(_underway.IndexOf(target)).Append(target).Select(FileName));
                diagnostics.Add(Diagnostics.ImportCycle, import.Span, $"files import each other: {cycle}");
            }
            else if (_done.Add(target))
            {
                if (_done.Count > MostFiles || imports(target) is not { } imported)
                {
                    diagnostics.Add(Diagnostics.ImportNotFound, import.Span,
                        _done.Count > MostFiles ? $"more than {MostFiles} files are imported" : $"there is no file '{import.Path}' beside {FileName(path)} ({target})");
                }
                else
                {
                    Read(imported);
                }
            }
        }

        _underway.RemoveAt(_underway.Count - 1);
        Files.Add(file);
    }

    /// <summary>The path of an import, from the folder of the file that names it.</summary>
    public static string Combine(string importer, string import)
    {
        string path = import.Replace('\\', '/');
        bool isRooted = path.StartsWith("/", StringComparison.Ordinal) || path.Length > 1 && path[1] == ':';
        int slash = importer.LastIndexOf('/');
        return Normalise(isRooted || slash < 0 ? path : importer.Substring(0, slash + 1) + path);
    }

    public static string Normalise(string path)
    {
        var parts = new List<string>();
        foreach (string part in path.Replace('\\', '/').Split('/'))
        {
            if (part == "." || part.Length == 0 && parts.Count > 0) continue;
            if (part == ".." && parts.Count > 0 && parts[parts.Count - 1] is not ".." and not "") parts.RemoveAt(parts.Count - 1);
            else parts.Add(part);
        }

        return string.Join("/", parts);
    }

    private static string FileName(string path) => path.Substring(path.LastIndexOf('/') + 1);
}
