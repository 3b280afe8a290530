using System;
using System.Collections.Generic;
using System.Linq;
using System.Reflection;
using ILGPU;
using ILGPU.Algorithms;
using ILGPU.Backends.EntryPoints;
using ILGPU.Backends.PTX;
using ILGPU.Runtime;
using ILGPU.Runtime.Cuda;
using Sinter.Devices.Cuda.Instructions;
using Sinter.Devices.Cuda.Kernels;

namespace Sinter.Devices.Cuda;

/// <summary>Prints a model's kernels as PTX; neither a device nor a driver is needed. Not safe for use by several threads at once.</summary>
public sealed class KernelPrinter : IDisposable
{
    /// <summary>The oldest architecture that runs them; drivers translate the text for newer ones.</summary>
    public const string OldestTarget = "sm_80";

    private static readonly Type[] s_formats = [typeof(DeviceF32), typeof(DeviceBF16), typeof(DeviceF16), typeof(DeviceE4M3)];

    private readonly Context _context;
    private readonly PTXBackend _backend;

    public KernelPrinter()
    {
        _context = Context.Create(builder => builder.Optimize(OptimizationLevel.O2).Inlining(InliningMode.Aggressive).EnableAlgorithms());
        InstructionSet.Register(_context);
        _backend = new PTXBackend(_context, CudaArchitecture.SM_80, CudaInstructionSet.ISA_84, null!);
    }

    /// <summary>All kernels of a generated class: those that read weights once for each format, and those on tensor cores for each loop.</summary>
    public static IReadOnlyList<MethodInfo> KernelsOf(Type kernels)
    {
        ArgumentNullException.ThrowIfNull(kernels);
        return [.. kernels.GetMethods(BindingFlags.Static | BindingFlags.Public).Where(IsKernel).SelectMany(method =>
            HasLoop(method) ? TensorLoop.For(method).Select(loop => loop.In(method))
            : method.IsGenericMethodDefinition ? s_formats.Select(format => method.MakeGenericMethod(format))
            : [method])];
    }

    /// <summary>The name of a kernel's entry: the method's, and the format of the weights that it reads or its loop.</summary>
    public static string NameOf(MethodInfo kernel)
    {
        ArgumentNullException.ThrowIfNull(kernel);
        return TensorLoop.Of(kernel) is { } loop ? kernel.Name + loop.Suffix
            : kernel.IsGenericMethod ? $"{kernel.Name}_{kernel.GetGenericArguments()[0].Name["Device".Length..]}"
            : kernel.Name;
    }

    /// <summary>What a kernel is assembled for.</summary>
    public static string TargetOf(MethodInfo kernel) => TensorLoop.Of(kernel)?.Target ?? OldestTarget;

    /// <summary>The PTX of a kernel, a module by itself.</summary>
    public string Print(MethodInfo kernel)
    {
        int threads = ThreadsOf(kernel);
        var compiled = (PTXCompiledKernel)_backend.Compile(EntryPointDescription.FromExplicitlyGroupedKernel(kernel), new KernelSpecialization(threads, null));
        return PtxText.Finish(compiled.PTXAssembly, NameOf(kernel), TargetOf(kernel));
    }

    public void Dispose()
    {
        _backend.Dispose();
        _context.Dispose();
    }

    internal static int ThreadsOf(MethodInfo kernel)
    {
        ArgumentNullException.ThrowIfNull(kernel);
        if (TensorLoop.Of(kernel) is { } loop) return loop.Threads;
        MethodInfo definition = kernel.IsGenericMethod ? kernel.GetGenericMethodDefinition() : kernel;
        return definition.GetCustomAttribute<ThreadsAttribute>()?.Count ?? throw new ArgumentException($"{kernel.Name} does not say how many threads it has.", nameof(kernel));
    }

    private static bool IsKernel(MethodInfo method) => method.GetCustomAttribute<ThreadsAttribute>() is not null || HasLoop(method);

    private static bool HasLoop(MethodInfo method) =>
        method.IsGenericMethodDefinition && Array.Exists(method.GetGenericArguments()[0].GetGenericParameterConstraints(), typeof(ITensorLoop).IsAssignableFrom);
}
