using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Text.RegularExpressions;
using Sinter.Compiler.Binding;
using Sinter.Compiler.Graph;
using Sinter.Compiler.Syntax;
using Sinter.Tests.Data;
using Xunit;

namespace Sinter.Compiler.Tests.Errors;

/// <summary>
/// The examples in the language reference and in the pages of the diagnostics: each compiles, or gives exactly the messages
/// that the page shows behind it.
/// </summary>
public sealed partial class DocumentedExamplesTests
{
    private static readonly string s_docs = Path.Combine(Repository.Root, "docs");
    private static readonly string s_reference = File.ReadAllText(Path.Combine(s_docs, "language.md"));
    private static readonly string s_prelude = Blocks().Match(s_reference).Groups["code"].Value;

    public static TheoryData<string> Pages =>
        [.. Directory.GetFiles(Path.Combine(s_docs, "diagnostics"), "*.md").Select(path => Path.GetFileName(path)).Order(StringComparer.Ordinal)];

    [Fact]
    public void The_examples_of_the_language_reference_compile_or_fail_as_it_says()
    {
        List<Example> examples = [.. Examples(s_reference)];
        Assert.True(examples.Count(example => example.Expected.Length == 0) >= 15);
        Assert.True(examples.Count(example => example.Expected.Length > 0) >= 6);
        Assert.All(examples, example => Assert.Equal(example.Expected, Messages(example)));
    }

    [Theory]
    [MemberData(nameof(Pages))]
    public void The_example_of_a_diagnostic_gives_it(string page)
    {
        string text = File.ReadAllText(Path.Combine(s_docs, "diagnostics", page)), id = Path.GetFileNameWithoutExtension(page);
        Assert.StartsWith($"# {id}: {Diagnostics.All[id].Title}\n", text, StringComparison.Ordinal);
        Assert.Contains("**What to do.**", text, StringComparison.Ordinal);
        List<Example> examples = [.. Examples(text)];

        // Two cannot come of a file alone: one needs a config.json, the other a later stage.
        if (id is Diagnostics.ArchitectureUnclear or Diagnostics.NoSchedule) Assert.Empty(examples);
        else Assert.Single(examples);
        Assert.All(examples, example =>
        {
            Assert.Equal(example.Expected, Messages(example));
            Assert.Contains($"error {id}: ", example.Expected, StringComparison.Ordinal);
        });
    }

    /// <summary>Fenced code with what it is, and the messages that follow it, if any.</summary>
    [GeneratedRegex(@"^```sinter ?(?<kind>\w*)\n(?<code>.*?)^```\n(\n(gives\n\n)?```text\n(?<expected>.*?)\n```\n)?", RegexOptions.Multiline | RegexOptions.Singleline | RegexOptions.ExplicitCapture)]
    private static partial Regex Blocks();

    private static IEnumerable<Example> Examples(string page) =>
        Blocks().Matches(page).Select(match => new Example(match.Groups["kind"].Value, match.Groups["code"].Value, match.Groups["expected"].Value));

    private static string Messages(Example example)
    {
        string text = example.Kind == "block" ? Whole(example.Code) : example.Code;
        ParsedFile file = ModelGrammar.Parse("example.sinter", text);
        BoundFile bound = ModelBinder.Bind(file, path => path == "example.sinter" ? file : null);
        IEnumerable<DiagnosticInfo> found = bound.Diagnostics.Count > 0
            ? bound.Diagnostics
            : bound.Models.SelectMany(model => GraphBuilder.Build(model).Diagnostics);
        return string.Join("\n", found.Select(info => $"error {info.Id}: {info.Message}"));
    }

    private static string Whole(string statements) => $$"""
        {{s_prelude}}
        block Tried(x[t,d]) -> y[t,d] {
        {{statements}}
        }

        architecture Example {
          model(token[t] in v) -> y[t,d] {
            x[t,d] = model.embed.weight[token[t], d]
            y[t,d] = model.block.Tried(x[t,d])
          }
        }

        model Small = Example { }
        """;

    private sealed record Example(string Kind, string Code, string Expected);
}
