using System;
using Sinter.Compiler.Kernels.Loops;
using Sinter.Compiler.Operations;

namespace Sinter.Compiler.Kernels.Device;

/// <summary>Operation → loops for devices that run groups of threads with memory of their own and barriers.</summary>
public static class DeviceSchedule
{
    /// <summary>From how many tokens on: as many rows as an instruction multiplies. A step of drafts is smaller, so that its numbers stay those of single tokens.</summary>
    internal const int FewestOnTensorCores = 16;

    /// <param name="keepsActivations">Whether activations must not be rounded: what experts are chosen by.</param>
    public static DeviceScheduled Make(Operation operation, bool keepsActivations = false) => operation switch
    {
        RowOperation rows => new DeviceRowSchedule(rows).Make(),
        ContractionOperation contraction => new DeviceContractionSchedule(contraction, keepsActivations).Make(),
        AttentionOperation attention => new DeviceAttentionSchedule(attention).Make(),
        ChooseOperation choose => DeviceChooseSchedule.Make(choose),
        GroupOperation group => DeviceGroupSchedule.Make(group),
        _ => throw new ArgumentOutOfRangeException(nameof(operation)),
    };
}

/// <summary>The kernels for one operation, of which the first whose condition holds is launched.</summary>
/// <param name="Parameters">In the order of the operation's contract; the step comes before them.</param>
public sealed record DeviceScheduled(EquatableArray<DeviceKernel> Kernels, EquatableArray<KernelParameter> Parameters);

/// <summary>A kernel with the size of its launch: numbers over the step and the parameters, known before the launch.</summary>
/// <param name="When">For which steps it is meant; null for all that are left.</param>
/// <param name="GroupSize">Threads of a group.</param>
/// <param name="Tensor">For a kernel on tensor cores: it is meant for devices that have them.</param>
public sealed record DeviceKernel(Kernel Kernel, Expression? When, int GroupSize, Expression X, Expression Y, Expression Z, TensorKernel? Tensor = null);

/// <summary>What a kernel on tensor cores is for.</summary>
/// <param name="Format">The type that its weights must have; null where it reads none.</param>
/// <param name="StoredColumns">Of the weights' matrix: with E4M3 that tells where its scales lie.</param>
public sealed record TensorKernel(TensorShape Shape, TensorWeights? Format = null, int StoredColumns = 0);

/// <summary>Types of weights that there are kernels on tensor cores for, as WeightFormat calls them.</summary>
public enum TensorWeights
{
    BF16,

    /// <summary>With a scale to each block of 128 × 128.</summary>
    E4M3,
}
