using System;
using System.Linq;
using System.Runtime.CompilerServices;
using Sinter.Command.Terminal;
using Sinter.Devices;
using Sinter.Runtime;
using Sinter.Runtime.Checkpoints;
using Sinter.Runtime.Execution;

namespace Sinter.Command.Loading;

/// <summary>What <c>--device</c> asks for.</summary>
internal enum DeviceWish
{
    /// <summary>This machine's processor.</summary>
    Cpu,

    /// <summary>A GPU if there is one, else the processor; what it was is said.</summary>
    Auto,

    OpenCL,
    Cuda,
}

/// <summary>The device that a command runs on: open as long as its sessions are, or none where the processor was chosen.</summary>
internal sealed class ChosenDevice : IDisposable
{
    private readonly Device? _device;
    private DeviceTarget? _target;
    private LongWork? _loading;

    private readonly bool _rounds;

    private ChosenDevice(Device? device, bool rounds) => (_device, _rounds) = (device, rounds);

    /// <summary>What sessions run on; null for the processor. There once the program has been chosen.</summary>
    public ISessionTarget? Target => _target;

    /// <summary>The device and through what it is driven; null for the processor.</summary>
    public string? Name => _device is null ? null : $"{_device.Name} ({Device.Title(_device.Kind)})";

    /// <summary>Launches of kernels so far.</summary>
    public long Launches => _target?.Launches ?? 0;

    /// <summary>Opens the device before anything is loaded, so that a missing one is found at once.</summary>
    /// <exception cref="SinterException">It is not there or cannot be used.</exception>
    /// <param name="rounds">Whether products of many rows may round activations to BF16, for tensor cores.</param>
    public static ChosenDevice Open(DeviceWish wish, bool rounds = true)
    {
        if (wish == DeviceWish.Cpu) return new ChosenDevice(null, rounds);
        if (!RuntimeFeature.IsDynamicCodeSupported) throw NativeCommand.Cannot("run on a device");
        switch (wish)
        {
            case DeviceWish.OpenCL: return new ChosenDevice(Device.Open(DeviceKind.OpenCL), rounds);
            case DeviceWish.Cuda: return new ChosenDevice(Device.Open(DeviceKind.Cuda), rounds);
        }

        DeviceReport cuda = Device.Find(DeviceKind.Cuda);
        ChosenDevice chosen = new(null, rounds);
        if (cuda.Devices.Count > 0) chosen = new ChosenDevice(Device.Open(DeviceKind.Cuda), rounds);
        else if (Device.Find(DeviceKind.OpenCL).Devices.Any(device => !device.IsProcessor)) chosen = new ChosenDevice(Device.Open(DeviceKind.OpenCL, processorsToo: false), rounds);
        Console.Error.WriteLine(chosen.Name is { } name ? $"device: {name}" : "device: this machine's processor, since no GPU can be used ('sinter devices' says why)");
        return chosen;
    }

    /// <summary>The program for a checkpoint, compiled for the device as well; see <see cref="ProgramChoice.For"/>.</summary>
    /// <inheritdoc cref="ProgramChoice.For"/>
    public ModelProgram ProgramFor(ModelConfig config, string? modelFile)
    {
        if (_device is null) return ProgramChoice.For(config, modelFile);
        (ModelProgram program, Func<DeviceLauncher, DeviceProgram> onDevice) = ProgramChoice.ForDevices(config, modelFile);
        _target = new DeviceTarget(_device, onDevice) { Loading = Say, RoundsActivations = _rounds };
        return program;
    }

    public void Dispose()
    {
        _loading?.Dispose();
        _device?.Dispose();
    }

    private void Say(long loaded, long all)
    {
        string text = $"loading weights onto {_device!.Name}: {Quantity.Bytes(loaded)} of {Quantity.Bytes(all)}";
        if (_loading is null) _loading = new LongWork(text);
        else _loading.Now(text);
        if (loaded < all) return;
        _loading.Dispose();
        _loading = null;
    }
}
