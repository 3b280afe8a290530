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
/// <param name="GroupSize">Threads of a group; this and the launch's size are not known here of products on tensor cores.</param>
/// <param name="Tensor">For a kernel on tensor cores: it is meant for devices that have them.</param>
public sealed record DeviceKernel(Kernel Kernel, Expression? When, int GroupSize, Expression X, Expression Y, Expression Z, TensorKernel? Tensor = null);

/// <summary>What a kernel on tensor cores is for.</summary>
/// <param name="Tiles">Of a product, whose tiles the launch chooses; null for attention.</param>
public sealed record TensorKernel(TensorShape Shape, ProductTiling? Tiles = null);

/// <summary>What a product is cut into tiles by when it is launched.</summary>
/// <param name="Rows">How many there are.</param>
/// <param name="Experts">Among whom they are divided; 0 where there are none.</param>
/// <param name="Batch">Products beside each other.</param>
/// <param name="ScaledColumns">Of the stored matrix, whose columns tell where the scales of E4M3 weights lie; 0 where the product does not take them.</param>
public sealed record ProductTiling(Expression Rows, Expression Experts, int Batch, int ScaledColumns);
