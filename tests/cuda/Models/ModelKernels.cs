using System;
using System.Collections.Concurrent;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Reflection;
using Sinter.Compiler;
using Sinter.Compiler.Binding;
using Sinter.Devices;
using Sinter.Devices.Cuda;
using Sinter.Devices.Cuda.Kernels;
using Sinter.Devices.Tests;
using Sinter.Tests.Data;

namespace Sinter.Cuda.Tests.Models;

/// <summary>A kernel of a model as PTX.</summary>
/// <param name="Name">The entry's.</param>
/// <param name="Threads">Of a block.</param>
/// <param name="Target">What it is assembled for.</param>
/// <param name="AskedBytes">Of shared memory, beside what the text declares.</param>
internal sealed record ModelKernel(string Name, int Threads, string Target, int AskedBytes, string Text)
{
    /// <summary>The text without the kernel's name, so that models share what the assembler has said.</summary>
    public string Anonymous => Text.Replace(Name, "kernel", StringComparison.Ordinal);
}

/// <summary>The kernels for devices of the models in models/, as the compiler and ILGPU print them now.</summary>
internal static class ModelKernels
{
    private static readonly ConcurrentDictionary<string, Lazy<IReadOnlyList<ModelKernel>>> s_printed = new();

    private static readonly Lazy<IReadOnlyList<SourceFile>> s_files = new(() =>
        [.. Directory.GetFiles(Path.Combine(Repository.Root, "models"), "*.sinter", SearchOption.AllDirectories).Select(path => new SourceFile(path, File.ReadAllText(path)))]);

    /// <summary>Each model's name and the file that it is in.</summary>
    public static IReadOnlyDictionary<string, SourceFile> Models { get; } = s_files.Value
        .SelectMany(file => file.Text.Split('\n').Where(line => line.StartsWith("model ", StringComparison.Ordinal)).Select(line => (Name: line.Split(' ')[1], File: file)))
        .OrderBy(model => model.Name, StringComparer.Ordinal).ToDictionary(model => model.Name, model => model.File);

    public static IReadOnlyList<ModelKernel> Of(string model) => s_printed.GetOrAdd(model, name => new Lazy<IReadOnlyList<ModelKernel>>(() => Print(name))).Value;

    /// <summary>Prints the kernels of an assembly that the compiler made.</summary>
    public static IReadOnlyList<ModelKernel> Print(Type kernels)
    {
        using var printer = new KernelPrinter();
        return [.. KernelPrinter.KernelsOf(kernels).Select(kernel => new ModelKernel(
            KernelPrinter.NameOf(kernel), KernelPrinter.ThreadsOf(kernel), KernelPrinter.TargetOf(kernel), TensorLoop.Of(kernel)?.SharedBytes ?? 0, printer.Print(kernel)))];
    }

    private static IReadOnlyList<ModelKernel> Print(string name)
    {
        CompilationResult result = Pipeline.Compile(SourceClosure.Of(Models[name], [.. s_files.Value]), "Sinter.InMemory");
        if (result.Diagnostics.Count > 0) throw new InvalidOperationException(string.Join("\n", result.Diagnostics));
        CompiledModel model = result.Models.Single(model => model.Graph.Name == name);
        Assembly assembly = DevicePrograms.Compile($"{name}Devices", Pipeline.PrintForDevices(model.Program, "Sinter.InMemory").Select(file => file.Text));
        return Print(assembly.GetType($"Sinter.InMemory.{name}DeviceKernels", throwOnError: true)!);
    }
}
