using System;
using System.Collections.Generic;
using System.Linq;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Sinter.Ptx;

namespace Sinter.Cuda.Tests;

/// <summary>
/// Stands in for NVIDIA's driver at its C interface: it notes every call that matters, in order, and launches run in the PTX
/// interpreter. What a launch gets is read through the pointers that a driver would read.
/// </summary>
internal sealed unsafe partial class StandInDriver
{
    [ThreadStatic]
    private static StandInDriver? s_current;

    private PtxDevice? _interpreter;
    private readonly SortedList<ulong, DeviceBuffer> _memory = [];
    private readonly List<LoadedText> _modules = [];
    private readonly Dictionary<int, int> _mostShared = [];
    private int _streams;
    private int _events;

    public StandInDriver() => s_current = this;

    private PtxDevice Interpreter => _interpreter ??= new PtxDevice(new PtxOptions { FindRaces = FindsRaces });

    /// <summary>What was called, in order.</summary>
    public List<string> Calls { get; } = [];

    /// <summary>What the launches found.</summary>
    public List<Finding> Findings { get; } = [];

    public int Architecture { get; init; } = 90;

    public int Multiprocessors { get; init; } = 132;

    public int Version { get; init; } = 12040;

    public int Devices { get; init; } = 1;

    public int MostShared { get; init; } = 227 * 1024;

    /// <summary>A name that this driver does not have.</summary>
    public string? Without { get; init; }

    /// <summary>What cuModuleLoadDataEx returns.</summary>
    public int LoadResult { get; init; }

    /// <summary>Whether launches change nothing, so that results are what memory held before.</summary>
    public bool SkipsLaunches { get; init; }

    public int StillAllocated => _memory.Count;

    /// <summary>The address of a function of the driver.</summary>
    public nint Export(string name) => name == Without ? 0 : name switch
    {
        "cuInit" => (nint)(delegate* unmanaged<uint, int>)&Init,
        "cuDriverGetVersion" => (nint)(delegate* unmanaged<int*, int>)&DriverVersion,
        "cuDeviceGetCount" => (nint)(delegate* unmanaged<int*, int>)&DeviceCount,
        "cuDeviceGet" => (nint)(delegate* unmanaged<int*, int, int>)&Device,
        "cuDeviceGetName" => (nint)(delegate* unmanaged<byte*, int, int, int>)&DeviceName,
        "cuDeviceGetAttribute" => (nint)(delegate* unmanaged<int*, int, int, int>)&DeviceAttribute,
        "cuDevicePrimaryCtxRetain" => (nint)(delegate* unmanaged<nint*, int, int>)&Retain,
        "cuDevicePrimaryCtxRelease_v2" => (nint)(delegate* unmanaged<int, int>)&Release,
        "cuCtxSetCurrent" => (nint)(delegate* unmanaged<nint, int>)&SetCurrent,
        "cuMemAlloc_v2" => (nint)(delegate* unmanaged<ulong*, nuint, int>)&Allocate,
        "cuMemFree_v2" => (nint)(delegate* unmanaged<ulong, int>)&Free,
        "cuMemcpyHtoDAsync_v2" => (nint)(delegate* unmanaged<ulong, void*, nuint, nint, int>)&ToDevice,
        "cuMemcpyDtoHAsync_v2" => (nint)(delegate* unmanaged<void*, ulong, nuint, nint, int>)&ToHost,
        "cuModuleLoadDataEx" => (nint)(delegate* unmanaged<nint*, void*, uint, int*, void**, int>)&LoadModule,
        "cuModuleUnload" => (nint)(delegate* unmanaged<nint, int>)&UnloadModule,
        "cuModuleGetFunction" => (nint)(delegate* unmanaged<nint*, nint, byte*, int>)&Function,
        "cuFuncSetAttribute" => (nint)(delegate* unmanaged<nint, int, int, int>)&SetAttribute,
        "cuFuncGetAttribute" => (nint)(delegate* unmanaged<int*, int, nint, int>)&GetAttribute,
        "cuLaunchKernel" => (nint)(delegate* unmanaged<nint, uint, uint, uint, uint, uint, uint, uint, nint, void**, void**, int>)&Launch,
        "cuStreamCreate" => (nint)(delegate* unmanaged<nint*, uint, int>)&CreateStream,
        "cuStreamDestroy_v2" => (nint)(delegate* unmanaged<nint, int>)&DestroyStream,
        "cuStreamSynchronize" => (nint)(delegate* unmanaged<nint, int>)&SynchronizeStream,
        "cuEventCreate" => (nint)(delegate* unmanaged<nint*, uint, int>)&CreateEvent,
        "cuEventRecord" => (nint)(delegate* unmanaged<nint, nint, int>)&RecordEvent,
        "cuEventElapsedTime" => (nint)(delegate* unmanaged<float*, nint, nint, int>)&Elapsed,
        "cuEventDestroy_v2" => (nint)(delegate* unmanaged<nint, int>)&DestroyEvent,
        "cuGetErrorName" => (nint)(delegate* unmanaged<int, byte**, int>)&ErrorName,
        "cuGetErrorString" => (nint)(delegate* unmanaged<int, byte**, int>)&ErrorName,
        "cuTensorMapEncodeTiled" => (nint)(delegate* unmanaged<byte*, int, uint, ulong, ulong*, ulong*, uint*, uint*, int, int, int, int, int>)&EncodeMap,
        "cuEventSynchronize" => (nint)(delegate* unmanaged<nint, int>)&SynchronizeEvent,
        _ => ExportOfSessions(name),
    };

    private static int Note(string call) => Note((Words)$"{call}");

    [UnmanagedCallersOnly]
    private static int Init(uint flags) => Note("init");

    [UnmanagedCallersOnly]
    private static int DriverVersion(int* version)
    {
        *version = s_current!.Version;
        return 0;
    }

    [UnmanagedCallersOnly]
    private static int DeviceCount(int* count)
    {
        *count = s_current!.Devices;
        return 0;
    }

    [UnmanagedCallersOnly]
    private static int Device(int* device, int ordinal)
    {
        *device = ordinal;
        return 0;
    }

    [UnmanagedCallersOnly]
    private static int DeviceName(byte* name, int length, int device)
    {
        "Stand-in\0"u8.CopyTo(new Span<byte>(name, length));
        return 0;
    }

    [UnmanagedCallersOnly]
    private static int DeviceAttribute(int* value, int attribute, int device)
    {
        // CUdevice_attribute: 16 multiprocessors, 75 and 76 compute capability, 97 shared memory that a block can ask for.
        *value = attribute switch
        {
            16 => s_current!.Multiprocessors,
            75 => s_current!.Architecture / 10,
            76 => s_current!.Architecture % 10,
            97 => s_current!.MostShared,
            _ => throw new InvalidOperationException($"attribute {attribute} is not expected"),
        };
        return 0;
    }

    [UnmanagedCallersOnly]
    private static int Retain(nint* context, int device)
    {
        *context = 77;
        return Note("retain");
    }

    [UnmanagedCallersOnly]
    private static int Release(int device) => Note("release");

    [UnmanagedCallersOnly]
    private static int SetCurrent(nint context) => Note($"current {context}");

    [UnmanagedCallersOnly]
    private static int Allocate(ulong* address, nuint bytes)
    {
        if (s_current!._recording is not null)
        {
            return NotWhileRecording;
        }

        if (bytes > (nuint)(s_current.MemoryBytes - s_current.Reserved - s_current._allocated))
        {
            return OutOfMemory;
        }

        s_current._allocated += (long)bytes;
        var buffer = s_current.Interpreter.Allocate((int)bytes);
        s_current._memory[*address = buffer.Address] = buffer;
        return 0;
    }

    [UnmanagedCallersOnly]
    private static int Free(ulong address)
    {
        if (!s_current!._memory.Remove(address, out var buffer))
        {
            return 1;
        }

        s_current._allocated -= buffer.Length;
        s_current.Interpreter.Free(buffer);
        return 0;
    }

    [UnmanagedCallersOnly]
    private static int ToDevice(ulong to, void* from, nuint bytes, nint stream)
    {
        if (s_current!._recording is not null)
        {
            return NotWhileRecording;
        }

        var (buffer, offset) = s_current.Place(to);
        buffer.Write(new ReadOnlySpan<byte>(from, (int)bytes), offset);
        return Note($"to device {bytes} on {stream}");
    }

    [UnmanagedCallersOnly]
    private static int ToHost(void* to, ulong from, nuint bytes, nint stream)
    {
        if (s_current!._recording is not null)
        {
            return NotWhileRecording;
        }

        var (buffer, offset) = s_current.Place(from);
        buffer.Read(new Span<byte>(to, (int)bytes), offset);
        return Note($"to host {bytes} on {stream}");
    }

    [UnmanagedCallersOnly]
    private static int LoadModule(nint* module, void* image, uint options, int* names, void** values)
    {
        if (s_current!._recording is not null)
        {
            return NotWhileRecording;
        }

        s_current._modules.Add(new LoadedText(s_current.Change(Marshal.PtrToStringUTF8((nint)image)!)));
        *module = s_current._modules.Count;
        return s_current.LoadResult;
    }

    [UnmanagedCallersOnly]
    private static int UnloadModule(nint module) => Note($"unload {module}");

    [UnmanagedCallersOnly]
    private static int Function(nint* function, nint module, byte* name)
    {
        // A module has one kernel; its function has the same number.
        *function = module;
        var asked = Marshal.PtrToStringUTF8((nint)name)!;
        Note($"function {asked} of {module}");
        return s_current!._modules[(int)module - 1].Module.Entries.Contains(asked) ? 0 : 500;
    }

    [UnmanagedCallersOnly]
    private static int SetAttribute(nint function, int attribute, int value)
    {
        if (attribute == 8)
        {
            s_current!._mostShared[(int)function] = value;
        }

        return Note($"attribute {attribute} of {function} is {value}");
    }

    [UnmanagedCallersOnly]
    private static int GetAttribute(int* value, int attribute, nint function)
    {
        *value = 10 * attribute;
        return 0;
    }

    [UnmanagedCallersOnly]
    private static int Launch(nint function, uint gx, uint gy, uint gz, uint bx, uint by, uint bz, uint shared, nint stream, void** parameters, void** extra)
    {
        var driver = s_current!;
        // Beyond 48 KB a launch without the attribute is refused (CUDA_ERROR_INVALID_VALUE).
        if (shared > driver._mostShared.GetValueOrDefault((int)function, 48 * 1024))
        {
            return 1;
        }

        var loaded = driver._modules[(int)function - 1];
        var arguments = new object[loaded.Sizes.Count];
        for (var i = 0; i < arguments.Length; i++)
        {
            arguments[i] = new ReadOnlySpan<byte>(parameters[i], loaded.Sizes[i]).ToArray();
        }

        var launch = new NotedLaunch(loaded, new Dimensions((int)gx, (int)gy, (int)gz), new Dimensions((int)bx, (int)by, (int)bz), (int)shared, arguments);
        if (driver._recording is { } recording)
        {
            recording.Add(launch);
            return Note($"record {launch.Entry}");
        }

        Note($"launch {launch.Entry} grid {gx},{gy},{gz} block {bx},{by},{bz} shared {shared} on {stream}");
        driver.Run(launch);
        return 0;
    }

    [UnmanagedCallersOnly]
    private static int CreateStream(nint* stream, uint flags)
    {
        *stream = ++s_current!._streams;
        return Note($"stream {*stream}, flags {flags}");
    }

    [UnmanagedCallersOnly]
    private static int DestroyStream(nint stream) => Note($"destroy stream {stream}");

    [UnmanagedCallersOnly]
    private static int SynchronizeStream(nint stream) => s_current!._recording is null ? Note($"synchronise {stream}") : NotWhileRecording;

    [UnmanagedCallersOnly]
    private static int CreateEvent(nint* created, uint flags)
    {
        *created = ++s_current!._events;
        return 0;
    }

    [UnmanagedCallersOnly]
    private static int RecordEvent(nint recorded, nint stream) => Note($"event {recorded} on {stream}");

    [UnmanagedCallersOnly]
    private static int SynchronizeEvent(nint awaited) => Note($"await event {awaited}");

    [UnmanagedCallersOnly]
    private static int Elapsed(float* milliseconds, nint begin, nint end)
    {
        *milliseconds = 1.5f;
        return Note($"elapsed {begin} to {end}");
    }

    [UnmanagedCallersOnly]
    private static int DestroyEvent(nint destroyed) => 0;

    [UnmanagedCallersOnly]
    private static int ErrorName(int error, byte** text)
    {
        // A constant in the assembly's data, which does not move.
        *text = (byte*)Unsafe.AsPointer(ref MemoryMarshal.GetReference("CUDA_ERROR_STAND_IN\0"u8));
        return 0;
    }

    [UnmanagedCallersOnly]
    private static int EncodeMap(byte* map, int type, uint rank, ulong address, ulong* sizes, ulong* strides, uint* box, uint* steps, int interleave, int swizzle, int promotion, int outside)
    {
        if ((nint)map % 64 != 0 || type != 0 || rank != 2 || steps[0] != 1 || steps[1] != 1 || interleave != 0 || outside != 0)
        {
            return 1;
        }

        // Type 0 is bytes; swizzles have the same numbers here and there.
        new TensorMap(address, 1, [(int)sizes[0], (int)sizes[1]], [(long)strides[0]], [(int)box[0], (int)box[1]], (TensorSwizzle)swizzle).Encode().CopyTo(new Span<byte>(map, 128));
        return Note($"map of {sizes[0]} × {sizes[1]}, box {box[0]} × {box[1]}, swizzle {swizzle}");
    }
}
