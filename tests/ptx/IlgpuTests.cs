using System;
using System.Linq;
using System.Reflection;
using ILGPU;
using ILGPU.Backends.EntryPoints;
using ILGPU.Backends.PTX;
using ILGPU.Runtime;
using ILGPU.Runtime.Cuda;
using Xunit;

namespace Sinter.Ptx.Tests;

/// <summary>C# kernels compiled to PTX by ILGPU, without a device, and run here.</summary>
public sealed class IlgpuTests
{
    [Fact]
    public void Runs_an_elementwise_kernel()
    {
        var x = Enumerable.Range(0, 100).Select(i => i * 0.37f).ToArray();
        var device = new PtxDevice();
        var result = device.Allocate(400);
        Launch(device, nameof(Scale), 1, 128, View(device.Allocate(x), 100), View(result, 100), 3f).EnsureClean();
        Assert.Equal(x.Select(value => (value * 3f) + 1f), result.Read<float>());
    }

    [Fact]
    public void Runs_a_kernel_with_shared_memory()
    {
        var x = Enumerable.Range(0, 256).ToArray();
        var device = new PtxDevice();
        var result = device.Allocate(1024);
        Launch(device, nameof(Reverse), 2, 128, View(device.Allocate(x), 256), View(result, 256)).EnsureClean();
        Assert.Equal(Enumerable.Range(0, 256).Select(i => (i / 128 * 128) + 127 - (i % 128)), result.Read<int>());
    }

    private static void Scale(ArrayView<float> x, ArrayView<float> y, float factor)
    {
        var i = Grid.GlobalIndex.X;
        if (i < x.IntLength)
        {
            y[i] = (x[i] * factor) + 1f;
        }
    }

    private static void Reverse(ArrayView<int> x, ArrayView<int> y)
    {
        var tile = SharedMemory.Allocate<int>(128);
        var (i, block) = (Group.IdxX, Grid.IdxX * 128);
        tile[i] = x[block + i];
        Group.Barrier();
        y[block + i] = tile[127 - i];
    }

    private static byte[] View(DeviceBuffer buffer, long length)
        => [.. BitConverter.GetBytes(buffer.Address), .. BitConverter.GetBytes(length)];

    private static LaunchReport Launch(PtxDevice device, string kernel, int grid, int block, params object[] arguments)
    {
        using var context = Context.Create(builder => builder.Optimize(OptimizationLevel.O2));
        using var backend = new PTXBackend(context, CudaArchitecture.SM_80, CudaInstructionSet.ISA_80, null!);
        var method = typeof(IlgpuTests).GetMethod(kernel, BindingFlags.NonPublic | BindingFlags.Static)!;
        var compiled = (PTXCompiledKernel)backend.Compile(EntryPointDescription.FromExplicitlyGroupedKernel(method), new KernelSpecialization(block, null));
        Ptx.Assemble(compiled.PTXAssembly, "sm_80");
        var module = PtxModule.Parse(compiled.PTXAssembly);
        return device.Launch(module, Assert.Single(module.Entries), grid, block, 0, arguments);
    }
}
