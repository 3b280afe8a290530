using System;
using System.Reflection;
using System.Runtime.CompilerServices;
using ILGPU;
using ILGPU.Backends;
using ILGPU.Backends.EntryPoints;
using ILGPU.Backends.OpenCL;
using ILGPU.Runtime;
using Sinter.Runtime;
using Sinter.Runtime.Checkpoints;

namespace Sinter.Devices;

/// <summary>A device that ILGPU drives: it compiles kernels when they are first launched.</summary>
public sealed unsafe class AcceleratorLauncher : DeviceLauncher
{
    public AcceleratorLauncher(Accelerator accelerator)
    {
        ArgumentNullException.ThrowIfNull(accelerator);
        Accelerator = accelerator;
        Stream = accelerator.DefaultStream;
    }

    public Accelerator Accelerator { get; }

    public override string Name => Accelerator.Name.TrimEnd('\0', ' ');

    public override long MemoryBytes => Accelerator.MemorySize;

    public override T Load<T>(MethodInfo kernel)
    {
        EntryPointDescription entry = EntryPointDescription.FromExplicitlyGroupedKernel(kernel);
        CompiledKernel compiled = Accelerator.GetBackend().Compile(entry, default);
        if (compiled is CLCompiledKernel text) FenceLocally(text);
        return Accelerator.LoadKernel(compiled).CreateLauncherDelegate<T>();
    }

    public override void Dispose()
    {
    }

    internal override DeviceAllocation<T> Allocate<T>(long count, string purpose)
    {
        try
        {
            MemoryBuffer1D<T, Stride1D.Dense> buffer = Accelerator.Allocate1D<T>(count);
            return new DeviceAllocation<T>(buffer.View.BaseView, buffer);
        }
        catch (Exception fault) when (fault is AcceleratorException or OutOfMemoryException)
        {
            long bytes = count * Interop.SizeOf<T>();
            throw new SinterException(
                $"There is not enough memory on {Name} for {purpose}: a block of {Wording.Bytes(bytes)} was refused, and it has "
                + $"{Wording.Bytes(MemoryBytes)} in all; take a smaller model or context, or --device cpu.",
                fault);
        }
    }

    internal override void Send<T>(T* from, ArrayView<T> to) => to.CopyFromCPUUnsafeAsync(Stream, ref *from, to.Length);

    internal override void Receive<T>(ArrayView<T> from, T* to) => from.CopyToCPUUnsafeAsync(Stream, ref *to, from.Length);

    internal override void Copy<T>(ArrayView<T> from, ArrayView<T> to) => from.CopyTo(Stream, to);

    internal override void Synchronize() => Stream.Synchronize();

    /// <summary>
    /// ILGPU's barriers order global memory only (OpenCL C 3.0, 6.15.8): compilers may move reads of a group's memory past
    /// them, and PoCL's does. Ours order both.
    /// </summary>
    private static void FenceLocally(CLCompiledKernel kernel)
    {
        ref string source = ref SourceOf(kernel);
        source = source.Replace("work_group_barrier ( CLK_GLOBAL_MEM_FENCE )", "work_group_barrier(CLK_LOCAL_MEM_FENCE | CLK_GLOBAL_MEM_FENCE)", StringComparison.Ordinal);
    }

    [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "<Source>k__BackingField")]
    private static extern ref string SourceOf(CLCompiledKernel kernel);
}
