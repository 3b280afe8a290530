using System;
using System.Reflection;
using ILGPU;
using ILGPU.Backends.EntryPoints;
using ILGPU.Backends.PTX;
using ILGPU.Runtime;
using ILGPU.Runtime.Cuda;
using Sinter.Devices.Cuda;
using Sinter.Devices.Cuda.Instructions;

namespace Sinter.Cuda;

/// <summary>Prints a kernel as PTX. No device and no driver is needed.</summary>
public static class PtxPrinter
{
    /// <summary>The PTX of a kernel.</summary>
    /// <param name="kernel">A static method whose parameters are views and numbers.</param>
    /// <param name="name">The entry's name.</param>
    /// <param name="target">Such as sm_80.</param>
    /// <param name="threads">Of a block.</param>
    public static string Print(MethodInfo kernel, string name, string target, int threads)
    {
        ArgumentNullException.ThrowIfNull(kernel);
        // A context that has failed once prints wrong code; each kernel gets a new one.
        using var context = Context.Create(builder => builder.Optimize(OptimizationLevel.O2));
        InstructionSet.Register(context);
        using var backend = new PTXBackend(context, CudaArchitecture.SM_80, CudaInstructionSet.ISA_84, null!);
        var compiled = (PTXCompiledKernel)backend.Compile(
            EntryPointDescription.FromExplicitlyGroupedKernel(kernel), new KernelSpecialization(threads, null));
        return PtxText.Finish(compiled.PTXAssembly, name, target);
    }
}
