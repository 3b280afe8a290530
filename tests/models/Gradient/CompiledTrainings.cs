using System;
using System.Collections.Concurrent;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Reflection;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.Emit;
using Sinter.Compiler;
using Sinter.Compiler.Emit.Training;
using Sinter.Compiler.Graph;
using Sinter.Compiler.Passes.Training;
using Sinter.Runtime.Execution;
using Sinter.Runtime.Training;

namespace Sinter.Models.Tests.Gradient;

/// <summary>Training programs of the test checkpoints, compiled in memory.</summary>
internal static class CompiledTrainings
{
    private static readonly ConcurrentDictionary<(string, Keeping, Precision, int?), Lazy<TrainingProgram>> s_programs = new();

    public static TrainingProgram Of(string checkpoint, Keeping keeping, Precision precision = Precision.F32, int? stretch = null) =>
        s_programs.GetOrAdd((checkpoint, keeping, precision, stretch), _ => new Lazy<TrainingProgram>(() => Compile(checkpoint, keeping, precision, stretch))).Value;

    private static TrainingProgram Compile(string checkpoint, Keeping keeping, Precision precision, int? stretch) =>
        Compile(MicroTraining.Model(checkpoint), keeping, precision, stretch);

    public static TrainingProgram Compile(ModelGraph model, Keeping keeping, Precision precision = Precision.F32, int? stretch = null)
    {
        CompiledTraining training = Pipeline.LowerTraining(model, balanced: "s", precision, keeping, stretch: stretch);
        string all = (string)AppContext.GetData("TRUSTED_PLATFORM_ASSEMBLIES")!;
        IEnumerable<MetadataReference> references = all.Split(Path.PathSeparator)
            .Where(path => Path.GetFileName(path).StartsWith("System.", StringComparison.Ordinal) || path == typeof(ModelProgram).Assembly.Location)
            .Select(path => MetadataReference.CreateFromFile(path));
        CSharpCompilation compilation = CSharpCompilation.Create(
            $"{training.Name}{keeping}{precision}{stretch}",
            Pipeline.Print(training, "Sinter.InMemory").Select(file => CSharpSyntaxTree.ParseText(file.Text, CSharpParseOptions.Default.WithLanguageVersion(LanguageVersion.Latest))),
            references,
            new CSharpCompilationOptions(OutputKind.DynamicallyLinkedLibrary, optimizationLevel: OptimizationLevel.Release, allowUnsafe: true));
        using var image = new MemoryStream();
        EmitResult emitted = compilation.Emit(image);
        if (!emitted.Success) throw new InvalidOperationException(string.Join("\n", emitted.Diagnostics.Where(diagnostic => diagnostic.Severity == DiagnosticSeverity.Error).Take(10)));
        return (TrainingProgram)Activator.CreateInstance(Assembly.Load(image.ToArray()).GetType($"Sinter.InMemory.{training.Name}Training", throwOnError: true)!)!;
    }
}
