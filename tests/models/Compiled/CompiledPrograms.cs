using System;
using System.Collections.Concurrent;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Reflection;
using System.Text.Json;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.Emit;
using Sinter.Compiler;
using Sinter.Compiler.Binding;
using Sinter.Runtime.Execution;
using Sinter.Tests.Data;
using Sinter.Tests.Machines;

namespace Sinter.Models.Tests.Compiled;

/// <summary>Programs for the test checkpoints: the built one where the build knows the model, else compiled in memory from config.json.</summary>
internal static class CompiledPrograms
{
    private static readonly ConcurrentDictionary<string, Lazy<ModelProgram>> s_programs = new();

    public static ModelProgram Of(string checkpoint)
    {
        NarrowerVectors.CheckThatTheyAreAsWanted();
        return s_programs.GetOrAdd(checkpoint, name => new Lazy<ModelProgram>(() => name.StartsWith("tiny-trained", StringComparison.Ordinal) ? new TinyTrainedProgram() : Compile(name))).Value;
    }

    private static ModelProgram Compile(string checkpoint)
    {
        string folder = Path.Combine(Repository.Root, "models");
        List<SourceFile> files = [.. Directory.GetFiles(folder, "*.sinter", SearchOption.AllDirectories).Select(path => new SourceFile(path, File.ReadAllText(path)))];
        SourceFile architecture = files.Single(file => Path.GetFileName(file.Path) == "deepseek_v3.sinter");
        string model = string.Concat(checkpoint.Split('-').Select(part => char.ToUpperInvariant(part[0]) + part[1..]));
        CompilationResult result = Pipeline.CompileConfig(SourceClosure.Of(architecture, files), model, Config(checkpoint), "Sinter.InMemory");
        if (result.Diagnostics.Count > 0) throw new InvalidOperationException(string.Join("\n", result.Diagnostics));
        return (ModelProgram)Activator.CreateInstance(Assembly(model, result).GetType(result.Models[0].ProgramClass, throwOnError: true)!)!;
    }

    private static Assembly Assembly(string name, CompilationResult result)
    {
        string all = (string)AppContext.GetData("TRUSTED_PLATFORM_ASSEMBLIES")!;
        IEnumerable<MetadataReference> references = all.Split(Path.PathSeparator)
            .Where(path => Path.GetFileName(path).StartsWith("System.", StringComparison.Ordinal) || path == typeof(ModelProgram).Assembly.Location)
            .Select(path => MetadataReference.CreateFromFile(path));
        CSharpCompilation compilation = CSharpCompilation.Create(
            name,
            result.Files.Select(file => CSharpSyntaxTree.ParseText(file.Text, CSharpParseOptions.Default.WithLanguageVersion(LanguageVersion.Latest))),
            references,
            new CSharpCompilationOptions(OutputKind.DynamicallyLinkedLibrary, optimizationLevel: OptimizationLevel.Release, allowUnsafe: true));
        using var image = new MemoryStream();
        EmitResult emitted = compilation.Emit(image);
        return emitted.Success
            ? System.Reflection.Assembly.Load(image.ToArray())
            : throw new InvalidOperationException(string.Join("\n", emitted.Diagnostics.Where(diagnostic => diagnostic.Severity == DiagnosticSeverity.Error)));
    }

    /// <summary>The values of a checkpoint's config.json as text, those of inner objects under <c>outer.inner</c>.</summary>
    public static Dictionary<string, string> Config(string checkpoint)
    {
        using JsonDocument document = JsonDocument.Parse(File.ReadAllText(Path.Combine(Repository.Checkpoint(checkpoint), "config.json")));
        var values = new Dictionary<string, string>();
        Flatten("", document.RootElement, values);
        return values;
    }

    private static void Flatten(string name, JsonElement element, Dictionary<string, string> values)
    {
        if (element.ValueKind != JsonValueKind.Object)
        {
            if (element.ValueKind != JsonValueKind.Array) values[name] = element.ValueKind == JsonValueKind.String ? element.GetString()! : element.GetRawText();
            return;
        }

        foreach (JsonProperty property in element.EnumerateObject()) Flatten(name.Length == 0 ? property.Name : $"{name}.{property.Name}", property.Value, values);
    }
}
