using System;
using System.Collections.Generic;
using System.Collections.Immutable;
using System.IO;
using System.Linq;
using System.Threading;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.Text;
using Sinter.Tests.Data;
using Xunit;

namespace Sinter.Compiler.Tests.Generator;

public sealed class GeneratorTests
{
    private static readonly string s_models = Path.Combine(Repository.Root, "models");

    [Fact]
    public void Makes_two_files_of_a_model_and_none_of_what_it_imports()
    {
        GeneratorDriverRunResult result = Driver([.. Texts("tiny_trained.sinter")]).RunGenerators(Compilation()).GetRunResult();
        Assert.Empty(result.Diagnostics);
        Assert.Equal(["TinyTrained.Kernels.g.cs", "TinyTrained.g.cs"], result.Results[0].GeneratedSources.Select(source => source.HintName).Order(StringComparer.Ordinal));
    }

    [Fact]
    public void Does_nothing_when_a_csharp_file_changes()
    {
        GeneratorDriver driver = Driver([.. Texts("tiny_trained.sinter")]);
        CSharpCompilation compilation = Compilation();
        driver = driver.RunGenerators(compilation);
        driver = driver.RunGenerators(compilation.AddSyntaxTrees(CSharpSyntaxTree.ParseText("class C;", cancellationToken: CancellationToken.None)));

        Assert.All(Reasons(driver, SinterGenerator.GatherStep), reason => Assert.Equal("Cached", reason));
        Assert.All(Reasons(driver, SinterGenerator.CompileStep), reason => Assert.Equal("Cached", reason));
        Assert.All(
            driver.GetRunResult().Results[0].TrackedOutputSteps.SelectMany(step => step.Value).SelectMany(step => step.Outputs),
            output => Assert.Equal(IncrementalStepRunReason.Cached, output.Reason));
    }

    [Fact]
    public void Compiles_anew_only_what_depends_on_the_file_that_changed()
    {
        TextFile[] texts = [.. Texts("tiny_trained.sinter"), .. Texts("deepseek_v3_671b.sinter")];
        texts = [.. texts.DistinctBy(text => text.Path)];
        TextFile lite = texts.Single(text => text.Path.EndsWith("deepseek_v3_671b.sinter", StringComparison.Ordinal));
        GeneratorDriver driver = Driver(texts).RunGenerators(Compilation());
        driver = driver.ReplaceAdditionalText(lite, new TextFile(lite.Path, lite.Text + "\n// a note\n")).RunGenerators(Compilation());

        // Of all files only the one with the note is compiled, and its output stays as it was.
        IEnumerable<string> reasons = Reasons(driver, SinterGenerator.CompileStep);
        Assert.Equal(1, reasons.Count(reason => reason is "Unchanged"));
        Assert.Equal(texts.Length - 1, reasons.Count(reason => reason is "Cached"));
    }

    [Fact]
    public void A_change_in_an_imported_part_reaches_the_models_that_import_it()
    {
        TextFile[] texts = [.. Texts("tiny_trained.sinter")];
        TextFile part = texts.Single(text => Path.GetFileName(text.Path) == "norm.sinter");
        GeneratorDriver driver = Driver(texts).RunGenerators(Compilation());
        driver = driver.ReplaceAdditionalText(part, new TextFile(part.Path, part.Text.Replace("rms_norm_eps)", "rms_norm_eps + 1)"))).RunGenerators(Compilation());
        Assert.Contains("Modified", Reasons(driver, SinterGenerator.CompileStep));
    }

    [Fact]
    public void Reports_an_error_once_with_its_place_however_many_models_import_it()
    {
        var broken = new TextFile("/m/part.sinter", "function F(x[t,d]) = x[t,d] +\n");
        var first = new TextFile("/m/a.sinter", "import \"part.sinter\"\n");
        var second = new TextFile("/m/b.sinter", "import \"part.sinter\"\n");
        GeneratorDriverRunResult result = Driver([broken, first, second]).RunGenerators(Compilation()).GetRunResult();
        Diagnostic error = Assert.Single(result.Diagnostics);
        Assert.StartsWith("/m/part.sinter(", error.ToString());
        Assert.Contains("error SIN0001", error.ToString());
    }

    [Fact]
    public void Keeps_no_symbol_in_the_pipeline()
    {
        GeneratorDriver driver = Driver([.. Texts("tiny_trained.sinter")]).RunGenerators(Compilation());
        IEnumerable<object> values = driver.GetRunResult().Results[0].TrackedSteps
            .Where(step => step.Key is SinterGenerator.GatherStep or SinterGenerator.CompileStep)
            .SelectMany(step => step.Value).SelectMany(step => step.Outputs).Select(output => output.Value);
        Assert.All(values, value => Assert.StartsWith("Sinter.", value.GetType().Namespace));
    }

    /// <summary>A model and all the files it may import.</summary>
    private static IEnumerable<TextFile> Texts(string model) =>
        Directory.GetFiles(s_models, "*.sinter", SearchOption.AllDirectories)
            .Where(path => Path.GetFileName(path) == model || !File.ReadAllText(path).Contains("\nmodel "))
            .Order(StringComparer.Ordinal).Select(path => new TextFile(path, File.ReadAllText(path)));

    private static IEnumerable<string> Reasons(GeneratorDriver driver, string step) =>
        driver.GetRunResult().Results[0].TrackedSteps[step].SelectMany(run => run.Outputs).Select(output => output.Reason.ToString());

    private static GeneratorDriver Driver(TextFile[] texts) => CSharpGeneratorDriver.Create(
        [new SinterGenerator().AsSourceGenerator()],
        texts,
        driverOptions: new GeneratorDriverOptions(IncrementalGeneratorOutputKind.None, trackIncrementalGeneratorSteps: true));

    private static CSharpCompilation Compilation() => CSharpCompilation.Create("Test");

    private sealed class TextFile(string path, string text) : AdditionalText
    {
        public override string Path => path;

        public string Text => text;

        public override SourceText GetText(CancellationToken cancellationToken = default) => SourceText.From(text);
    }
}
