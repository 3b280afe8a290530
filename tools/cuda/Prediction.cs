using System;

namespace Sinter.Cuda;

/// <summary>What limits a kernel.</summary>
public enum Limit
{
    /// <summary>Bytes to and from the device's memory.</summary>
    Memory,

    /// <summary>Operations of tensor cores.</summary>
    TensorCores,

    /// <summary>Bytes from the second level of cache.</summary>
    Cache,

    /// <summary>Instructions that warps issue.</summary>
    Issue,

    /// <summary>Bytes that warps load from shared memory.</summary>
    SharedMemory,
}

/// <summary>A predicted time, and what takes it. Nobody has measured it.</summary>
/// <param name="Seconds">Infinite where the device cannot run the kernel.</param>
/// <param name="Limit">The resource that is busy longest.</param>
public readonly record struct Prediction(double Seconds, Limit Limit)
{
    /// <summary>Where there is no kernel for the device.</summary>
    public static Prediction Impossible { get; } = new(double.PositiveInfinity, Limit.Memory);

    /// <summary>The longest of the times that each resource needs.</summary>
    public static Prediction Longest(double memory, double tensorCores, double cache, double issue, double shared = 0)
    {
        var longest = Math.Max(Math.Max(Math.Max(memory, tensorCores), Math.Max(cache, issue)), shared);
        return new Prediction(
            longest,
            longest == memory ? Limit.Memory : longest == tensorCores ? Limit.TensorCores : longest == cache ? Limit.Cache : longest == issue ? Limit.Issue : Limit.SharedMemory);
    }
}
