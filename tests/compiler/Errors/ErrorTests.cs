using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Runtime.CompilerServices;
using Sinter.Compiler.Binding;
using Sinter.Compiler.Graph;
using Sinter.Compiler.Syntax;
using Sinter.Tests.Data;
using Xunit;

namespace Sinter.Compiler.Tests.Errors;

/// <summary>
/// Descriptions that must not compile. Each file under cases/ says in its first lines what the compiler has to say about it:
/// <c>// expect (line,column): error SIN0101: message</c>, all of it and nothing else.
/// </summary>
public sealed class ErrorTests
{
    private const string Mark = "// expect ";

    private static readonly string s_folder = Path.Combine(Here(), "cases");

    public static TheoryData<string> Cases => new(Directory.GetFiles(s_folder, "*.sinter").Select(file => Path.GetFileName(file)!).Order(StringComparer.Ordinal));

    [Theory]
    [MemberData(nameof(Cases))]
    public void Says_what_is_wrong_and_where(string file)
    {
        string text = File.ReadAllText(Path.Combine(s_folder, file));
        IEnumerable<string> expected = text.Split('\n').Where(line => line.StartsWith(Mark, StringComparison.Ordinal)).Select(line =>
        {
            string rest = line[Mark.Length..];
            return rest[0] == '(' ? file + rest : rest;
        });
        Assert.NotEmpty(expected);
        Assert.Equal(string.Join("\n", expected), string.Join("\n", Compile(file, text).Select(info => info.ToString())));
    }

    [Fact]
    public void Every_diagnostic_of_the_front_end_has_a_case()
    {
        string all = string.Concat(Directory.GetFiles(s_folder, "*.sinter").Select(File.ReadAllText));

        // Which architecture reads a config.json is no matter of a file alone: ConfigBindingTests.
        IEnumerable<string> without = Diagnostics.All.Keys.Where(id => string.CompareOrdinal(id, "SIN0400") < 0 && id != Diagnostics.ArchitectureUnclear && !all.Contains($"error {id}:", StringComparison.Ordinal));
        Assert.Empty(without);
    }

    [Fact]
    public void Every_diagnostic_has_a_page()
    {
        string folder = Path.Combine(Repository.Root, "docs", "diagnostics");
        Assert.All(Diagnostics.All.Where(rule => string.CompareOrdinal(rule.Key, "SIN0400") < 0), rule =>
        {
            string page = File.ReadAllText(Path.Combine(folder, rule.Key + ".md"));
            Assert.StartsWith($"# {rule.Key}: {rule.Value.Title}\n", page, StringComparison.Ordinal);
        });
    }

    private static IReadOnlyList<DiagnosticInfo> Compile(string path, string text)
    {
        BoundFile bound = ModelBinder.Bind(ModelGrammar.Parse(path, text), Import);
        return [.. bound.Diagnostics, .. bound.Diagnostics.Count > 0 ? [] : bound.Models.SelectMany(model => GraphBuilder.Build(model).Diagnostics)];
    }

    private static ParsedFile? Import(string path)
    {
        string file = Path.Combine(s_folder, path);
        return File.Exists(file) ? ModelGrammar.Parse(path, File.ReadAllText(file)) : null;
    }

    private static string Here([CallerFilePath] string path = "") => Path.GetDirectoryName(path)!;
}
