using System;
using System.Collections.Generic;

namespace Sinter.Cuda;

/// <summary>A device, as NVIDIA's data sheets and the CUDA programming guide describe it.</summary>
/// <param name="Name">As users call it.</param>
/// <param name="Architecture">Such as 80 for SM 80.</param>
/// <param name="Multiprocessors">How many.</param>
/// <param name="Clock">At which its products reach the rates below, in cycles a second.</param>
/// <param name="SharedBytes">Shared memory of a multiprocessor that blocks can have together.</param>
/// <param name="Bandwidth">Of its memory, in bytes a second.</param>
/// <param name="BF16">Dense products of BF16 in operations a second.</param>
/// <param name="E4M3">Of E4M3 by <c>mma</c>: on Hopper at BF16's rate; 0 where there are none.</param>
/// <param name="WarpgroupE4M3">Of E4M3 by <c>wgmma</c>; 0 where there is none.</param>
public sealed record Gpu(
    string Name, int Architecture, int Multiprocessors, double Clock, int SharedBytes, double Bandwidth, double BF16, double E4M3, double WarpgroupE4M3)
{
    public static Gpu A100 { get; } = new("a100", 80, 108, 1.41e9, 164 * 1024, 2.039e12, 312e12, 0, 0);

    public static Gpu Rtx4090 { get; } = new("4090", 89, 128, 2.52e9, 100 * 1024, 1.008e12, 165.2e12, 330.3e12, 0);

    public static Gpu H100 { get; } = new("h100", 90, 132, 1.83e9, 228 * 1024, 3.35e12, 989e12, 989e12, 1979e12);

    public static Gpu H800 { get; } = H100 with { Name = "h800" };

    /// <summary>All devices that are known.</summary>
    public static IReadOnlyList<Gpu> All { get; } = [H100, H800, A100, Rtx4090];

    /// <summary>Threads that a multiprocessor holds.</summary>
    public int Threads => Architecture == 89 ? 1536 : 2048;

    /// <summary>Operations of float32 a second outside tensor cores: 128 multiply-adds a cycle and multiprocessor, half of that on the A100.</summary>
    public double F32 => Multiprocessors * Clock * (Architecture == 80 ? 128 : 256);

    /// <summary>Bytes that the second level of cache gives all multiprocessors a second: some 64 a cycle to each.</summary>
    public double CacheBandwidth => Multiprocessors * Clock * 64;

    /// <summary>Bytes that all shared memories give their warps a second: 128 a cycle and multiprocessor.</summary>
    public double SharedBandwidth => Multiprocessors * Clock * 128;

    /// <summary>Instructions that all warps together can issue a second: four a cycle and multiprocessor.</summary>
    public double IssueRate => Multiprocessors * Clock * 4;

    /// <summary>Whether the device runs a kernel: instructions of SM 90a run there alone, others on newer devices too.</summary>
    public bool Runs(CudaKernel kernel)
    {
        ArgumentNullException.ThrowIfNull(kernel);
        return kernel.IsForHopper ? Architecture == 90 : int.Parse(kernel.Target.AsSpan(3), null) <= Architecture;
    }

    /// <summary>Operations a second that a kernel's products can reach; 0 where it does not run.</summary>
    public double Rate(CudaKernel kernel)
        => !Runs(kernel) ? 0 : !kernel.IsE4M3 ? BF16 : kernel.IsForHopper ? WarpgroupE4M3 : E4M3;
}
