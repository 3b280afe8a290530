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

namespace Sinter.Devices.Tests;

/// <summary>A test checkpoint's model compiled in memory, for CPUs and for devices.</summary>
/// <param name="Program">Its description is what sessions need.</param>
/// <param name="OnDevice">Makes the program for a device.</param>
internal sealed record DeviceModel(ModelProgram Program, Func<DeviceLauncher, DeviceProgram> OnDevice);

internal static class DevicePrograms
{
    private static readonly ConcurrentDictionary<string, Lazy<DeviceModel>> s_models = new();

    public static DeviceModel Of(string checkpoint) =>
        s_models.GetOrAdd(checkpoint, name => new Lazy<DeviceModel>(() => Compile(name))).Value;

    /// <summary>Compiles generated C#.</summary>
    public static Assembly Compile(string name, IEnumerable<string> texts)
    {
        string all = (string)AppContext.GetData("TRUSTED_PLATFORM_ASSEMBLIES")!;
        CSharpCompilation compilation = CSharpCompilation.Create(
            name,
            texts.Select(text => CSharpSyntaxTree.ParseText(text, CSharpParseOptions.Default.WithLanguageVersion(LanguageVersion.Latest))),
            all.Split(Path.PathSeparator).Select(path => MetadataReference.CreateFromFile(path)),
            new CSharpCompilationOptions(OutputKind.DynamicallyLinkedLibrary, optimizationLevel: OptimizationLevel.Release, allowUnsafe: true));
        using var image = new MemoryStream();
        EmitResult emitted = compilation.Emit(image);
        return emitted.Success
            ? Assembly.Load(image.ToArray())
            : throw new InvalidOperationException(string.Join("\n", emitted.Diagnostics.Where(diagnostic => diagnostic.Severity == DiagnosticSeverity.Error)));
    }

    private static DeviceModel Compile(string checkpoint)
    {
        string folder = Path.Combine(Repository.Root, "models");
        List<SourceFile> files = [.. Directory.GetFiles(folder, "*.sinter", SearchOption.AllDirectories).Select(path => new SourceFile(path, File.ReadAllText(path)))];
        SourceFile architecture = files.Single(file => Path.GetFileName(file.Path) == "deepseek_v3.sinter");
        string model = string.Concat(checkpoint.Split('-').Select(part => char.ToUpperInvariant(part[0]) + part[1..]));
        CompilationResult result = Pipeline.CompileConfig(SourceClosure.Of(architecture, files), model, Config(checkpoint), "Sinter.InMemory");
        if (result.Diagnostics.Count > 0) throw new InvalidOperationException(string.Join("\n", result.Diagnostics));
        CompiledModel compiled = result.Models[0];
        Assembly assembly = Compile(model, result.Files.Concat(Pipeline.PrintForDevices(compiled.Program, "Sinter.InMemory")).Select(file => file.Text));
        Type device = assembly.GetType($"Sinter.InMemory.{compiled.Graph.Name}DeviceProgram", throwOnError: true)!;
        return new DeviceModel(
            (ModelProgram)Activator.CreateInstance(assembly.GetType(compiled.ProgramClass, throwOnError: true)!)!,
            launcher => (DeviceProgram)Activator.CreateInstance(device, launcher)!);
    }

    /// <summary>The values of a checkpoint's config.json as text, those of inner objects under <c>outer.inner</c>.</summary>
    private static Dictionary<string, string> Config(string checkpoint)
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
