using System;
using Sinter.Compiler.Kernels.Loops;
using Sinter.Compiler.Operations;

namespace Sinter.Compiler.Kernels.Device;

/// <summary>Operation → loops for devices that run groups of threads with memory of their own and barriers.</summary>
public static class DeviceSchedule
{
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
/// <param name="Product">For a kernel on tensor cores: it is meant for devices that have them and weights in BF16.</param>
public sealed record DeviceKernel(Kernel Kernel, Expression? When, int GroupSize, Expression X, Expression Y, Expression Z, TensorProduct? Product = null);
