using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Reflection;
using System.Text;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.Emit;
using Microsoft.CodeAnalysis.Text;
using Sinter.Devices;
using Sinter.Runtime.Execution;

namespace Sinter.Command.InMemory;

/// <summary>Generated C# to an assembly, with the compiler that <c>dotnet build</c> uses, in this process.</summary>
internal static class AssemblyCompiler
{
    private static readonly CSharpParseOptions s_parsing = CSharpParseOptions.Default.WithLanguageVersion(LanguageVersion.Latest);

    private static readonly CSharpCompilationOptions s_options = new CSharpCompilationOptions(OutputKind.DynamicallyLinkedLibrary)
        .WithOptimizationLevel(OptimizationLevel.Release)
        .WithAllowUnsafe(true)
        .WithDeterministic(true)
        .WithNullableContextOptions(NullableContextOptions.Enable);

    /// <summary>What the code for devices calls.</summary>
    public static IReadOnlyList<Assembly> ForDevices { get; } = [typeof(DeviceProgram).Assembly, typeof(ILGPU.Context).Assembly, typeof(ILGPU.Algorithms.XMath).Assembly];

    /// <exception cref="InvalidOperationException">The generated code does not compile: a fault of the generator.</exception>
    public static byte[] Compile(string name, IEnumerable<(string HintName, string Text)> files, IReadOnlyList<Assembly>? libraries = null)
    {
        IEnumerable<SyntaxTree> trees = files.Select(file =>
            CSharpSyntaxTree.ParseText(SourceText.From(file.Text, Encoding.UTF8), s_parsing, file.HintName));
        CSharpCompilation compilation = CSharpCompilation.Create(name, trees, References(libraries ?? []), s_options);
        using var assembly = new MemoryStream();
        EmitResult result = compilation.Emit(assembly);
        if (result.Success) return assembly.ToArray();
        Diagnostic first = result.Diagnostics.First(diagnostic => diagnostic.Severity == DiagnosticSeverity.Error);
        throw new InvalidOperationException($"generated code does not compile: {first}");
    }

    /// <summary>The framework's assemblies that this process runs on, and the runtime that generated code calls.</summary>
    private static IEnumerable<MetadataReference> References(IReadOnlyList<Assembly> libraries)
    {
        string all = AppContext.GetData("TRUSTED_PLATFORM_ASSEMBLIES") as string ?? "";
        return all.Split(Path.PathSeparator, StringSplitOptions.RemoveEmptyEntries)
            .Where(path => Path.GetFileName(path).StartsWith("System.", StringComparison.Ordinal))
            .Append(typeof(ModelProgram).Assembly.Location)
            .Concat(libraries.Select(library => library.Location))
            .Select(path => MetadataReference.CreateFromFile(path));
    }
}
