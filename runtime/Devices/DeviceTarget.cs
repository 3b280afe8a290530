using System;
using Sinter.Runtime;
using Sinter.Runtime.Checkpoints;
using Sinter.Runtime.Execution;
using Sinter.Runtime.Weights;

namespace Sinter.Devices;

/// <summary>A device with a model's program for it: what <see cref="SessionOptions.Target"/> takes.</summary>
public sealed class DeviceTarget : ISessionTarget
{
    private readonly DeviceLauncher _launcher;
    private readonly DeviceProgram _program;
    private readonly GreedyKernels _greedy;

    /// <param name="device">Stays open as long as sessions run on it.</param>
    /// <param name="program">Makes the generated program.</param>
    public DeviceTarget(Device device, Func<DeviceLauncher, DeviceProgram> program)
    {
        ArgumentNullException.ThrowIfNull(device);
        ArgumentNullException.ThrowIfNull(program);
        _launcher = device.NewLauncher();
        _program = program(_launcher);
        _greedy = new GreedyKernels(_launcher);
    }

    internal DeviceLauncher Launcher => _launcher;

    public string Name => _launcher.Name;

    public long MemoryBytes => _launcher.MemoryBytes;

    /// <summary>Launches of kernels so far.</summary>
    public long Launches => _launcher.Launches;

    /// <summary>
    /// Whether products of many rows, with weights in BF16 or E4M3, and attention of many tokens round activations to BF16 where the device has
    /// tensor cores; true unless it is set to false, which keeps them in float32. To be set before sessions are opened.
    /// </summary>
    public bool RoundsActivations
    {
        get => _launcher.HasTensorCores;
        init => _launcher.HasTensorCores &= value;
    }

    /// <summary>Told while weights are loaded: bytes that are on the device, and all.</summary>
    public Action<long, long>? Loading { get; set; }

    public StepExecution Open(ModelProgram program, WeightTable weights, SessionSizes sizes)
    {
        if (weights.Bytes > MemoryBytes)
        {
            throw new SinterException(
                $"There is not enough memory on {Name}: the weights take {Wording.Bytes(weights.Bytes)}, but it has {Wording.Bytes(MemoryBytes)}.");
        }

        return new DeviceExecution(_launcher, _greedy, _program, program.Description, weights, sizes, Loading);
    }
}
