using System;
using System.Runtime.InteropServices;

namespace Sinter.Devices.Cuda;

/// <summary>
/// An NVIDIA GPU, open through its driver, with one stream that orders all copies and launches. Not safe for use by several
/// threads at once.
/// </summary>
public sealed unsafe class CudaContext : IDisposable
{
    private const int MajorAttribute = 75;
    private const int MinorAttribute = 76;
    private const int MultiprocessorsAttribute = 16;
    private const int MostSharedAttribute = 97;
    private readonly int _device;

    /// <summary>Opens the first GPU of this machine.</summary>
    /// <exception cref="CudaException">There is no driver or no GPU, or the driver is too old.</exception>
    public CudaContext()
        : this(DriverTable.OfThisMachine())
    {
    }

    /// <summary>Opens the first GPU of a driver whose functions are found by a function: a test's stand-in.</summary>
    internal CudaContext(Func<string, nint> export)
        : this(new DriverTable(export))
    {
    }

    private CudaContext(DriverTable driver)
    {
        Driver = driver;
        driver.Check(driver.Init(0), "CUDA cannot start");
        int count, device, version;
        driver.Check(driver.DriverGetVersion(&version), "the driver's version cannot be read");
        driver.Check(driver.DeviceGetCount(&count), "GPUs cannot be counted");
        if (count == 0) throw new CudaException("NVIDIA's driver is there, but it sees no GPU.");
        if (version < 12040)
        {
            throw new CudaException($"NVIDIA's driver supports CUDA {version / 1000}.{version % 1000 / 10}, but the kernels are written in PTX 8.4: install a driver for CUDA 12.4 or later.");
        }

        driver.Check(driver.DeviceGet(&device, 0), "the first GPU cannot be opened");
        _device = device;
        byte* name = stackalloc byte[256];
        driver.Check(driver.DeviceGetName(name, 256, device), "the GPU's name cannot be read");
        Name = Marshal.PtrToStringUTF8((nint)name)!;
        Version = version;
        Architecture = (10 * Attribute(MajorAttribute)) + Attribute(MinorAttribute);
        Multiprocessors = Attribute(MultiprocessorsAttribute);
        MostShared = Attribute(MostSharedAttribute);
        nuint memory;
        driver.Check(driver.DeviceTotalMemory(&memory, device), "the GPU's memory cannot be read");
        MemoryBytes = (long)memory;
        nint context, stream;
        driver.Check(driver.PrimaryContextRetain(&context, device), "the GPU cannot be used");
        driver.Check(driver.ContextSetCurrent(context), "the GPU cannot be used");
        Handle = context;
        driver.Check(driver.StreamCreate(&stream, 1), "a stream cannot be made");
        Stream = stream;
    }

    /// <summary>As NVIDIA calls it.</summary>
    public string Name { get; }

    /// <summary>CUDA's version that the driver supports: 12040 for 12.4.</summary>
    public int Version { get; }

    /// <summary>Such as 90.</summary>
    public int Architecture { get; }

    public int Multiprocessors { get; }

    /// <summary>Shared memory in bytes that a block can ask for.</summary>
    public int MostShared { get; }

    /// <summary>All of its memory.</summary>
    public long MemoryBytes { get; }

    internal DriverTable Driver { get; }

    internal nint Stream { get; }

    private nint Handle { get; }

    /// <summary>Makes the GPU the one that calls of this thread mean.</summary>
    public void Enter() => Driver.Check(Driver.ContextSetCurrent(Handle), "the GPU cannot be used");

    /// <summary>Waits for all that was launched.</summary>
    public void Synchronize() => Driver.Check(Driver.StreamSynchronize(Stream), "the GPU stopped with an error");

    /// <inheritdoc/>
    public void Dispose()
    {
        _ = Driver.StreamDestroy(Stream);
        _ = Driver.PrimaryContextRelease(_device);
    }

    /// <summary>Loads the one kernel of a PTX text; the driver translates it for its GPU.</summary>
    /// <returns>The module and the function in it.</returns>
    internal (nint Module, nint Function) Load(ReadOnlySpan<byte> text, string name)
    {
        nint module, function;
        fixed (byte* image = (byte[])[.. text, 0])
        {
            Driver.Check(Driver.ModuleLoad(&module, image, 0, null, null), $"{name} cannot be loaded");
        }

        fixed (byte* entry = (byte[])[.. System.Text.Encoding.UTF8.GetBytes(name), 0])
        {
            Driver.Check(Driver.ModuleGetFunction(&function, module, entry), $"{name} is not in its module");
        }

        return (module, function);
    }

    private int Attribute(int attribute)
    {
        int value;
        Driver.Check(Driver.DeviceGetAttribute(&value, attribute, _device), "an attribute of the GPU cannot be read");
        return value;
    }
}
