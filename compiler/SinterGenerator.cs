using System.Collections.Generic;
using System.Collections.Immutable;
using System.Linq;
using System.Text;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Text;
using Sinter.Compiler.Binding;

namespace Sinter.Compiler;

/// <summary>Compiles every .sinter file of a project that declares a model, each with the files that it imports.</summary>
[Generator(LanguageNames.CSharp)]
public sealed class SinterGenerator : IIncrementalGenerator
{
    /// <summary>Name of the tracked step that gathers a file and its imports.</summary>
    public const string GatherStep = "Gather";

    /// <summary>Name of the tracked step that compiles them.</summary>
    public const string CompileStep = "Compile";

    // Without a byte order mark, so that the committed files are plain text.
    private static readonly Encoding s_utf8 = new UTF8Encoding(encoderShouldEmitUTF8Identifier: false);

    public void Initialize(IncrementalGeneratorInitializationContext context)
    {
        IncrementalValuesProvider<SourceFile> files = context.AdditionalTextsProvider
            .Where(static file => file.Path.EndsWith(".sinter", System.StringComparison.Ordinal))
            .Select(static (file, stop) => new SourceFile(file.Path, file.GetText(stop)?.ToString() ?? ""));

        IncrementalValueProvider<string> rootNamespace = context.AnalyzerConfigOptionsProvider
            .Select(static (options, _) => options.GlobalOptions.TryGetValue("build_property.RootNamespace", out string? name) && name.Length > 0 ? name : "Sinter.Generated");

        IncrementalValueProvider<bool> isForDevices = context.AnalyzerConfigOptionsProvider
            .Select(static (options, _) => options.GlobalOptions.TryGetValue("build_property.SinterTarget", out string? target) && target == "device");

        IncrementalValuesProvider<CompilationResult> results = files.Combine(files.Collect())
            .Select(static (pair, _) => SourceClosure.Of(pair.Left, pair.Right))
            .WithTrackingName(GatherStep)
            .Combine(rootNamespace.Combine(isForDevices))
            .Select(static (pair, _) => Compile(pair.Left, pair.Right.Left, pair.Right.Right))
            .WithTrackingName(CompileStep);

        // Two models that import the same broken file have the same errors.
        context.RegisterSourceOutput(results.Collect(), static (output, all) =>
        {
            foreach (DiagnosticInfo error in all.SelectMany(result => result.Diagnostics).Distinct()) output.ReportDiagnostic(error.ToDiagnostic());
        });
        context.RegisterSourceOutput(results, static (output, result) =>
        {
            foreach (GeneratedFile file in result.Files) output.AddSource(file.HintName, SourceText.From(file.Text, s_utf8));
        });
    }

    private static CompilationResult Compile(SourceClosure source, string @namespace, bool isForDevices)
    {
        CompilationResult result = Pipeline.Compile(source, @namespace);
        if (!isForDevices) return result;
        return result with { Files = result.Models.SelectMany(model => Pipeline.PrintForDevices(model.Program, @namespace)).ToEquatable() };
    }
}
