using System;
using System.Collections.Generic;
using System.Linq;
using Sinter.Compiler.Binding;
using Sinter.Compiler.Emit;
using Sinter.Compiler.Graph;
using Sinter.Compiler.Operations;

namespace Sinter.Compiler;

// From text to files: what the generator and the command call.
public static partial class Pipeline
{
    /// <summary>Compiles the models that a file declares.</summary>
    /// <param name="isTimed">Whether the program is to take the time of its kernels: its numbers are the same.</param>
    public static CompilationResult Compile(SourceClosure source, string @namespace, Dump? dump = null, bool isTimed = false)
    {
        BoundFile bound = ModelBinder.Bind(source.File.Path, source.File.Text, source.Find);
        return Compile(bound, @namespace, dump, isTimed);
    }

    /// <summary>Compiles an architecture bound to the values of a config.json.</summary>
    /// <inheritdoc cref="ModelBinder.BindConfig(string, string, Func{string, string}, string, IReadOnlyDictionary{string, string}, string)"/>
    public static CompilationResult CompileConfig(
        SourceClosure source, string modelName, IReadOnlyDictionary<string, string> config, string @namespace, Dump? dump = null, bool isTimed = false)
    {
        BoundFile bound = ModelBinder.BindConfig(source.File.Path, source.File.Text, source.Find, modelName, config);
        return Compile(bound, @namespace, dump, isTimed);
    }

    private static CompilationResult Compile(BoundFile bound, string @namespace, Dump? dump, bool isTimed)
    {
        List<DiagnosticInfo> diagnostics = [.. bound.Diagnostics];
        List<CompiledModel> models = [];
        if (diagnostics.Count == 0)
        {
            foreach (BoundModel model in bound.Models)
            {
                if (Compile(model, @namespace, dump, isTimed, diagnostics) is { } compiled) models.Add(compiled);
            }
        }

        return new CompilationResult(diagnostics.ToEquatable(), models.SelectMany(model => model.Files).ToEquatable()) { Models = models };
    }

    private static CompiledModel? Compile(BoundModel model, string @namespace, Dump? dump, bool isTimed, List<DiagnosticInfo> diagnostics)
    {
        (ModelGraph? graph, EquatableArray<DiagnosticInfo> errors) = GraphBuilder.Build(model);
        diagnostics.AddRange(errors);
        if (graph is null || errors.Count > 0) return null;
        dump?.Invoke(graph.Name, "graph", () => GraphPrinter.Print(graph));
        try
        {
            CompiledProgram program = Lower(graph, dump) with { IsTimed = isTimed };
            return new CompiledModel(graph, program, $"{@namespace}.{graph.Name}Program", Print(program, @namespace));
        }
        catch (UnsupportedException unsupported)
        {
            diagnostics.Add(new DiagnosticInfo(Diagnostics.NoSchedule, model.Span, unsupported.Message));
            return null;
        }
        catch (OverflowException)
        {
            diagnostics.Add(new DiagnosticInfo(Diagnostics.ModelTooLarge, model.Span,
                $"{model.Name} is too large: the buffers of a step are beyond {int.MaxValue} bytes a row; make its axes shorter"));
            return null;
        }
    }
}

/// <summary>All that came of a file.</summary>
public sealed record CompilationResult(EquatableArray<DiagnosticInfo> Diagnostics, EquatableArray<GeneratedFile> Files)
{
    /// <summary>The models behind the files, in the order declared.</summary>
    public IReadOnlyList<CompiledModel> Models { get; init; } = [];

    /// <summary>Equal texts make equal results, whatever stands behind them.</summary>
    public bool Equals(CompilationResult? other) => other is not null && Diagnostics.Equals(other.Diagnostics) && Files.Equals(other.Files);

    public override int GetHashCode() => unchecked(Diagnostics.GetHashCode() * 31 + Files.GetHashCode());
}

/// <summary>A model compiled as far as C#.</summary>
/// <param name="ProgramClass">Full name of the generated class that derives from the runtime's ModelProgram.</param>
public sealed record CompiledModel(ModelGraph Graph, CompiledProgram Program, string ProgramClass, EquatableArray<GeneratedFile> Files);
