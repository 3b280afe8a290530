using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Reflection;
using Sinter.Compiler.Binding;

namespace Sinter.Command.Loading;

/// <summary>The .sinter files of models/, which this command carries along.</summary>
internal static class BuiltInModels
{
    private const string Prefix = "built-in/";

    private static readonly Lazy<SourceFile[]> s_files = new(Read);

    public static IReadOnlyList<SourceFile> Files => s_files.Value;

    /// <summary>The file that a path ends with, wherever it would lie: <c>anywhere/parts/norm.sinter</c>; null if there is none.</summary>
    public static SourceFile? Find(string path) =>
        Files.FirstOrDefault(file => ("/" + path).EndsWith("/" + file.Path[Prefix.Length..], StringComparison.Ordinal));

    private static SourceFile[] Read()
    {
        Assembly assembly = typeof(BuiltInModels).Assembly;
        return [.. assembly.GetManifestResourceNames()
            .Where(name => name.StartsWith(Prefix, StringComparison.Ordinal))
            .Order(StringComparer.Ordinal)
            .Select(name =>
            {
                using var reader = new StreamReader(assembly.GetManifestResourceStream(name)!);
                return new SourceFile(name, reader.ReadToEnd());
            })];
    }
}
