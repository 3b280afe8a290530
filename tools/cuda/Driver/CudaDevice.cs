using System;
using System.Collections.Generic;
using System.IO;
using System.Runtime.InteropServices;
using Sinter.Devices.Cuda;

namespace Sinter.Cuda.Driver;

/// <summary>
/// An NVIDIA GPU through its driver: memory, one stream, and the kernels of this assembly. All copies and launches are ordered by
/// the stream. Not safe for use by several threads at once.
/// </summary>
public sealed unsafe class CudaDevice : IDisposable
{
    private readonly CudaContext _context;
    private readonly DriverTable _driver;
    private readonly List<nint> _modules = [];
    private readonly List<ulong> _memory = [];
    private readonly nint _stream;

    /// <summary>Opens the first GPU of this machine.</summary>
    /// <exception cref="CudaException">There is no driver or no GPU, or the driver is too old.</exception>
    public CudaDevice()
        : this(new CudaContext())
    {
    }

    /// <summary>Opens the first GPU of a driver whose functions are found by a function: a test's stand-in.</summary>
    internal CudaDevice(Func<string, nint> export)
        : this(new CudaContext(export))
    {
    }

    private CudaDevice(CudaContext context) => (_context, _driver, _stream) = (context, context.Driver, context.Stream);

    /// <summary>As NVIDIA calls it.</summary>
    public string Name => _context.Name;

    /// <summary>CUDA's version that the driver supports: 12040 for 12.4.</summary>
    public int Version => _context.Version;

    /// <summary>Such as 90.</summary>
    public int Architecture => _context.Architecture;

    public int Multiprocessors => _context.Multiprocessors;

    /// <summary>Shared memory in bytes that a block can ask for.</summary>
    public int MostShared => _context.MostShared;

    /// <summary>Why a kernel cannot run here; null where it can.</summary>
    public string? Obstacle(CudaKernel kernel)
    {
        ArgumentNullException.ThrowIfNull(kernel);
        var needed = int.Parse(kernel.Target.AsSpan(3).TrimEnd('a'), null);
        return kernel.IsForHopper && Architecture != needed ? $"it is written for SM {needed} alone, and this is SM {Architecture}"
            : Architecture < needed ? $"it needs SM {needed}, and this is SM {Architecture}"
            : kernel.SharedBytes > MostShared ? $"a block needs {kernel.SharedBytes} bytes of shared memory, and there are {MostShared}"
            : null;
    }

    /// <summary>Loads a kernel from the PTX in this assembly; the driver translates it for its GPU.</summary>
    /// <exception cref="CudaException">The GPU cannot run it, or the driver refuses it.</exception>
    public CudaFunction Load(CudaKernel kernel)
    {
        if (Obstacle(kernel) is { } obstacle)
        {
            throw new CudaException($"{kernel.Name} cannot run on {Name}: {obstacle}.");
        }

        (nint module, nint function) = _context.Load(Text(kernel), kernel.Name);
        _modules.Add(module);
        return new CudaFunction(_driver, kernel, function, _stream);
    }

    /// <summary>Allocates memory; it is freed with the device.</summary>
    public DeviceMemory Allocate(long bytes)
    {
        ulong address;
        _driver.Check(_driver.MemoryAllocate(&address, (nuint)Math.Max(1, bytes)), $"{bytes} bytes of the GPU's memory cannot be had");
        _memory.Add(address);
        return new DeviceMemory(address, bytes);
    }

    /// <summary>Allocates memory that holds values.</summary>
    public DeviceMemory Allocate<T>(ReadOnlySpan<T> values)
        where T : unmanaged
    {
        var bytes = MemoryMarshal.AsBytes(values);
        var memory = Allocate(bytes.Length);
        fixed (byte* from = bytes)
        {
            _driver.Check(_driver.CopyToDevice(memory.Address, from, (nuint)bytes.Length, _stream), "values cannot be copied to the GPU");
            // The values may move when they are no longer fixed.
            Synchronize();
        }

        return memory;
    }

    /// <summary>Copies values back, after all that was launched before.</summary>
    public T[] Read<T>(DeviceMemory memory)
        where T : unmanaged
    {
        var values = new T[memory.Bytes / sizeof(T)];
        fixed (T* to = values)
        {
            _driver.Check(_driver.CopyToHost(to, memory.Address, (nuint)(values.Length * sizeof(T)), _stream), "values cannot be copied from the GPU");
            Synchronize();
        }

        return values;
    }

    /// <summary>The 128 bytes of a tensor map over rows of bytes, swizzled by 128, for <see cref="Instructions.TensorCopy"/>.</summary>
    /// <param name="memory">Rows one after the other.</param>
    /// <param name="rowBytes">A multiple of 16.</param>
    /// <param name="boxRows">Rows of a copy, which takes 128 bytes of each.</param>
    public byte[] TensorMap(DeviceMemory memory, int rowBytes, int boxRows)
    {
        if (_driver.TensorMapEncode is null)
        {
            throw new CudaException("NVIDIA's driver has no cuTensorMapEncodeTiled: it is too old for Hopper's kernels.");
        }

        // The driver asks for an address that is a multiple of 64.
        var space = stackalloc byte[128 + 64];
        var map = (byte*)(((nint)space + 63) & ~63);
        var sizes = stackalloc ulong[] { (ulong)rowBytes, (ulong)(memory.Bytes / rowBytes) };
        var strides = stackalloc ulong[] { (ulong)rowBytes };
        var box = stackalloc uint[] { 128, (uint)boxRows };
        var steps = stackalloc uint[] { 1, 1 };
        // Bytes; two axes; not interleaved; swizzle of 128 bytes; the second level of cache fetches 256; zeroes outside.
        _driver.Check(
            _driver.TensorMapEncode(map, 0, 2, memory.Address, sizes, strides, box, steps, 0, 3, 3, 0), "a tensor map cannot be made");
        return new ReadOnlySpan<byte>(map, 128).ToArray();
    }

    /// <summary>Waits for all that was launched.</summary>
    public void Synchronize() => _context.Synchronize();

    /// <summary>Seconds that what an action launches takes on the GPU.</summary>
    public double Time(Action launches)
    {
        ArgumentNullException.ThrowIfNull(launches);
        nint begin, end;
        float milliseconds;
        _driver.Check(_driver.EventCreate(&begin, 0), "an event cannot be made");
        _driver.Check(_driver.EventCreate(&end, 0), "an event cannot be made");
        _driver.Check(_driver.EventRecord(begin, _stream), "an event cannot be recorded");
        launches();
        _driver.Check(_driver.EventRecord(end, _stream), "an event cannot be recorded");
        Synchronize();
        _driver.Check(_driver.EventElapsed(&milliseconds, begin, end), "the time cannot be read");
        _driver.Check(_driver.EventDestroy(begin), "an event cannot be given back");
        _driver.Check(_driver.EventDestroy(end), "an event cannot be given back");
        return milliseconds / 1e3;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _modules.ForEach(module => _ = _driver.ModuleUnload(module));
        _memory.ForEach(address => _ = _driver.MemoryFree(address));
        _context.Dispose();
    }

    private static byte[] Text(CudaKernel kernel)
    {
        using var stream = typeof(CudaDevice).Assembly.GetManifestResourceStream($"cuda/{kernel.Name}.ptx")
            ?? throw new InvalidOperationException($"{kernel.Name} is not among the printed kernels.");
        using var copy = new MemoryStream();
        stream.CopyTo(copy);
        return copy.ToArray();
    }
}
