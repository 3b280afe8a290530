using System;
using System.Collections.Generic;
using System.Linq;
using ILGPU;
using ILGPU.Algorithms;
using ILGPU.Runtime;
using ILGPU.Runtime.CPU;
using ILGPU.Runtime.OpenCL;
using Sinter.Devices.Cuda;
using Sinter.Runtime;

namespace Sinter.Devices;

/// <summary>Through which interface a device is driven.</summary>
public enum DeviceKind
{
    /// <summary>NVIDIA's driver itself.</summary>
    Cuda,

    OpenCL,

    /// <summary>ILGPU's own simulation of a device; for tests of single kernels, far too slow for models.</summary>
    Simulated,
}

/// <summary>A device that is there, and open.</summary>
public sealed class Device : IDisposable
{
    private readonly IDisposable[] _open;
    private readonly Func<DeviceLauncher> _newLauncher;
    private readonly List<DeviceLauncher> _launchers = [];

    private Device(DeviceKind kind, Func<DeviceLauncher> newLauncher, params IDisposable[] open)
    {
        (Kind, _newLauncher, _open) = (kind, newLauncher, open);
        Launcher = NewLauncher();
    }

    public DeviceKind Kind { get; }

    public string Name => Launcher.Name;

    public long MemoryBytes => Launcher.MemoryBytes;

    /// <summary>Loads and launches kernels that belong to no model.</summary>
    public DeviceLauncher Launcher { get; }

    /// <summary>A launcher with kernels and a count of its own; it ends with the device.</summary>
    public DeviceLauncher NewLauncher()
    {
        DeviceLauncher launcher = _newLauncher();
        lock (_launchers) _launchers.Add(launcher);
        return launcher;
    }

    /// <summary>Opens the first device of a kind.</summary>
    /// <exception cref="SinterException">There is none; the message says what was found instead.</exception>
    /// <param name="kind">Through which interface.</param>
    /// <param name="processorsToo">Whether a processor will do, which OpenCL can drive like a device.</param>
    public static Device Open(DeviceKind kind, bool processorsToo = true)
    {
        DeviceReport report = Find(kind);
        if (report.Devices.Count == 0) throw new SinterException($"There is no {Title(kind)} device: {report.Trouble}");
        if (kind == DeviceKind.Cuda) return Open(new CudaContext());
        Context context = Make(kind);
        try
        {
            ILGPU.Runtime.Device first = Of(kind, context).First(device => Objection(device) is null && (processorsToo || !IsProcessor(device)));
            Accelerator accelerator = first.CreateAccelerator(context);
            return new Device(kind, () => new AcceleratorLauncher(accelerator), accelerator, context);
        }
        catch (Exception fault) when (fault is not SinterException)
        {
            context.Dispose();
            throw new SinterException($"The {Title(kind)} device {report.Devices[0].Name} cannot be opened: {fault.Message}", fault);
        }
    }

    /// <summary>What there is of a kind, or why there is nothing.</summary>
    public static DeviceReport Find(DeviceKind kind)
    {
        if (kind == DeviceKind.Cuda) return FindCuda(() => new CudaContext());
        try
        {
            using Context context = Make(kind);
            List<FoundDevice> found = [];
            List<string> refused = [];
            foreach (ILGPU.Runtime.Device device in Of(kind, context))
            {
                string name = device.Name.TrimEnd('\0', ' ');
                if (Objection(device) is { } objection) refused.Add($"{name} {objection}.");
                else found.Add(new FoundDevice(name, device.MemorySize, IsProcessor(device)));
            }

            return new DeviceReport(kind, found, found.Count > 0 ? null : refused.Count > 0 ? string.Join(" ", refused) : Nothing(kind));
        }
        catch (Exception fault)
        {
            // A missing driver, or one that ILGPU cannot use, comes in many shapes.
            return new DeviceReport(kind, [], $"{Innermost(fault).Message.TrimEnd('.')}.");
        }
    }

    public static string Title(DeviceKind kind) => kind == DeviceKind.Cuda ? "CUDA" : kind.ToString();

    public void Dispose()
    {
        foreach (DeviceLauncher launcher in _launchers) launcher.Dispose();
        foreach (IDisposable part in _open) part.Dispose();
    }

    /// <summary>A GPU that is open already: a test's stand-in.</summary>
    internal static Device Open(CudaContext context)
    {
        try
        {
            return new Device(DeviceKind.Cuda, () => new CudaLauncher(context), context);
        }
        catch
        {
            context.Dispose();
            throw;
        }
    }

    /// <summary>What can be said of a driver's first GPU.</summary>
    internal static DeviceReport FindCuda(Func<CudaContext> open)
    {
        try
        {
            using Device device = Open(open());
            return new DeviceReport(DeviceKind.Cuda, [new FoundDevice(device.Name, device.MemoryBytes, IsProcessor: false)], null);
        }
        catch (CudaException fault)
        {
            return new DeviceReport(DeviceKind.Cuda, [], fault.Message);
        }
    }

    private static Context Make(DeviceKind kind) => Context.Create(builder =>
    {
        builder.Optimize(OptimizationLevel.O2).EnableAlgorithms();
        // ILGPU would leave out devices on the processor.
        if (kind == DeviceKind.OpenCL) builder.OpenCL(_ => true);
        else builder.CPU(new CPUDevice(numThreadsPerWarp: 4, numWarpsPerMultiprocessor: 64, numMultiprocessors: 1));
    });

    /// <summary>A context in which there is no device has ILGPU's simulation, whatever was asked for.</summary>
    private static IEnumerable<ILGPU.Runtime.Device> Of(DeviceKind kind, Context context) =>
        context.Devices.Where(device => kind == DeviceKind.OpenCL ? device is CLDevice : device is CPUDevice);

    /// <summary>What a device lacks.</summary>
    private static string? Objection(ILGPU.Runtime.Device device) => device is CLDevice { Capabilities.GenericAddressSpace: false }
        ? "lacks the generic address space of OpenCL 2.0, which the kernels need"
        : null;

    private static bool IsProcessor(ILGPU.Runtime.Device device) => device is CLDevice { DeviceType: CLDeviceType.CL_DEVICE_TYPE_CPU };

    private static Exception Innermost(Exception fault)
    {
        while (fault.InnerException is { } inner) fault = inner;
        return fault;
    }

    private static string Nothing(DeviceKind kind) => kind == DeviceKind.OpenCL ? "no OpenCL driver is installed that reports one." : "the simulation is not there.";
}
