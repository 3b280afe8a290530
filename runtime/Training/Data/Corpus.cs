using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;

namespace Sinter.Runtime.Training.Data;

/// <summary>A file of a corpus.</summary>
/// <param name="Name">Its path within the corpus, with <c>/</c> between folders.</param>
/// <param name="Domain">The corpus' folder that it lies in, or <see cref="Corpus.TopDomain"/>.</param>
public sealed record CorpusFile(string Path, string Name, string Domain, IDocumentFormat Format);

/// <summary>The files to train on: one file, or all that a folder holds. Each of the folder's own folders is a domain.</summary>
public sealed class Corpus
{
    /// <summary>The domain of files that lie in no folder of the corpus.</summary>
    public const string TopDomain = "corpus";

    private Corpus(string path, IReadOnlyList<CorpusFile> files) => (Path, Files) = (path, files);

    public string Path { get; }

    /// <summary>By domain, then by name: the order does not depend on the machine.</summary>
    public IReadOnlyList<CorpusFile> Files { get; }

    /// <summary>The formats that need no library.</summary>
    public static IReadOnlyList<IDocumentFormat> PlainFormats { get; } = [new TextFormat(), new JsonLinesFormat()];

    /// <exception cref="SinterException">There is no such file or folder, or nothing in it that can be read.</exception>
    public static Corpus Open(string path, IReadOnlyList<IDocumentFormat> formats)
    {
        string known = string.Join(", ", formats.SelectMany(format => format.Extensions));
        if (File.Exists(path))
        {
            IDocumentFormat format = FormatOf(path, formats) ?? throw new SinterException($"{path}: files of this kind cannot be read; {known} can.");
            return new Corpus(path, [new CorpusFile(path, System.IO.Path.GetFileName(path), TopDomain, format)]);
        }

        if (!Directory.Exists(path)) throw new SinterException($"{path}: there is no such file or folder.");
        var files = new List<CorpusFile>();
        foreach (string file in Directory.EnumerateFiles(path, "*", SearchOption.AllDirectories))
        {
            if (FormatOf(file, formats) is not { } format) continue;
            string name = System.IO.Path.GetRelativePath(path, file).Replace('\\', '/');
            int slash = name.IndexOf('/', StringComparison.Ordinal);
            files.Add(new CorpusFile(file, name, slash < 0 ? TopDomain : name[..slash], format));
        }

        if (files.Count == 0) throw new SinterException($"{path}: there is nothing to train on in this folder; {known} files are read.");
        return new Corpus(path, [.. files.OrderBy(file => file.Domain, StringComparer.Ordinal).ThenBy(file => file.Name, StringComparer.Ordinal)]);
    }

    private static IDocumentFormat? FormatOf(string path, IReadOnlyList<IDocumentFormat> formats) =>
        formats.FirstOrDefault(format => format.Extensions.Any(extension => path.EndsWith(extension, StringComparison.OrdinalIgnoreCase)));
}
