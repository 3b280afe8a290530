using System;
using System.Collections.Generic;
using System.Linq;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Text.RegularExpressions;
using Sinter.Ptx;

namespace Sinter.Cuda.Tests;

/// <summary>What sessions need beside single launches: graphs, pinned memory, an end of the memory. A graph keeps its launches' arguments, as a driver's does.</summary>
internal sealed unsafe partial class StandInDriver
{
    // CUDA_ERROR_OUT_OF_MEMORY, CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED.
    private const int OutOfMemory = 2;
    private const int NotWhileRecording = 900;
    private readonly List<List<NotedLaunch>> _graphs = [];
    private List<NotedLaunch>? _recording;
    private long _allocated;

    public long MemoryBytes { get; init; } = 1L << 30;

    /// <summary>Plants a fault in a text that is loaded.</summary>
    public Func<string, string> Change { get; init; } = text => text;

    /// <summary>Memory that others have.</summary>
    public long Reserved { get; set; }

    /// <summary>Instructions of warps in all launches.</summary>
    public long WarpInstructions { get; private set; }

    /// <summary>Whether calls are not noted, so that nothing is allocated for it.</summary>
    public bool IsQuiet { get; set; }

    /// <summary>Whether races in shared memory are looked for, which takes half of the time.</summary>
    public bool FindsRaces { get; init; } = true;

    private static nint ExportOfSessions(string name) => name switch
    {
        "cuDeviceTotalMem_v2" => (nint)(delegate* unmanaged<nuint*, int, int>)&TotalMemory,
        "cuMemGetInfo_v2" => (nint)(delegate* unmanaged<nuint*, nuint*, int>)&MemoryInfo,
        "cuMemAllocHost_v2" => (nint)(delegate* unmanaged<void**, nuint, int>)&HostAllocate,
        "cuMemFreeHost" => (nint)(delegate* unmanaged<void*, int>)&HostFree,
        "cuMemcpyDtoDAsync_v2" => (nint)(delegate* unmanaged<ulong, ulong, nuint, nint, int>)&OnDevice,
        "cuStreamBeginCapture_v2" => (nint)(delegate* unmanaged<nint, int, int>)&BeginCapture,
        "cuStreamEndCapture" => (nint)(delegate* unmanaged<nint, nint*, int>)&EndCapture,
        "cuGraphInstantiateWithFlags" => (nint)(delegate* unmanaged<nint*, nint, ulong, int>)&Instantiate,
        "cuGraphLaunch" => (nint)(delegate* unmanaged<nint, nint, int>)&LaunchGraph,
        "cuGraphExecDestroy" => (nint)(delegate* unmanaged<nint, int>)&DestroyInstance,
        "cuGraphDestroy" => (nint)(delegate* unmanaged<nint, int>)&DestroyGraph,
        _ => 0,
    };

    private (DeviceBuffer Buffer, int Offset) Place(ulong address)
    {
        var (low, high) = (0, _memory.Count - 1);
        while (low < high)
        {
            var middle = (low + high + 1) / 2;
            (low, high) = _memory.GetKeyAtIndex(middle) <= address ? (middle, high) : (low, middle - 1);
        }

        return (_memory.GetValueAtIndex(low), checked((int)(address - _memory.GetKeyAtIndex(low))));
    }

    private void Run(NotedLaunch launch)
    {
        if (SkipsLaunches)
        {
            return;
        }

        var report = Interpreter.Launch(launch.Loaded.Module, launch.Entry, launch.Grid, launch.Block, launch.Shared, launch.Arguments);
        Findings.AddRange(report.Findings);
        WarpInstructions += report.WarpInstructions;
    }

    [UnmanagedCallersOnly]
    private static int TotalMemory(nuint* bytes, int device)
    {
        *bytes = (nuint)s_current!.MemoryBytes;
        return 0;
    }

    [UnmanagedCallersOnly]
    private static int MemoryInfo(nuint* free, nuint* all)
    {
        (*free, *all) = ((nuint)(s_current!.MemoryBytes - s_current.Reserved - s_current._allocated), (nuint)s_current.MemoryBytes);
        return 0;
    }

    [UnmanagedCallersOnly]
    private static int HostAllocate(void** memory, nuint bytes)
    {
        *memory = NativeMemory.Alloc(bytes);
        return Note($"pin {bytes}");
    }

    [UnmanagedCallersOnly]
    private static int HostFree(void* memory)
    {
        NativeMemory.Free(memory);
        return 0;
    }

    [UnmanagedCallersOnly]
    private static int OnDevice(ulong to, ulong from, nuint bytes, nint stream)
    {
        var copied = new byte[(int)bytes];
        var (source, offset) = s_current!.Place(from);
        source.Read(copied, offset);
        var (target, begin) = s_current.Place(to);
        target.Write<byte>(copied, begin);
        return Note($"on device {bytes} on {stream}");
    }

    [UnmanagedCallersOnly]
    private static int BeginCapture(nint stream, int mode)
    {
        s_current!._recording = [];
        return Note($"begin recording {stream}");
    }

    [UnmanagedCallersOnly]
    private static int EndCapture(nint stream, nint* graph)
    {
        s_current!._graphs.Add(s_current._recording!);
        s_current._recording = null;
        *graph = s_current._graphs.Count;
        return Note($"end recording {stream}");
    }

    [UnmanagedCallersOnly]
    private static int Instantiate(nint* instance, nint graph, ulong flags)
    {
        *instance = graph;
        return Note($"instantiate {graph}");
    }

    [UnmanagedCallersOnly]
    private static int LaunchGraph(nint instance, nint stream)
    {
        Note($"graph {instance} on {stream}");
        foreach (var launch in s_current!._graphs[(int)instance - 1])
        {
            s_current.Run(launch);
        }

        return 0;
    }

    [UnmanagedCallersOnly]
    private static int DestroyInstance(nint instance) => Note($"destroy graph {instance}");

    [UnmanagedCallersOnly]
    private static int DestroyGraph(nint graph) => 0;

    private static int Note(Words words)
    {
        if (!s_current!.IsQuiet)
        {
            s_current.Calls.Add(words.ToString());
        }

        return 0;
    }

    /// <summary>A call's text, which is made only where it is noted.</summary>
    [InterpolatedStringHandler]
    private ref struct Words
    {
        private DefaultInterpolatedStringHandler _text;

        public Words(int literals, int values, out bool isWanted)
        {
            isWanted = !s_current!.IsQuiet;
            if (isWanted)
            {
                _text = new DefaultInterpolatedStringHandler(literals, values);
            }
        }

        public void AppendLiteral(string text) => _text.AppendLiteral(text);

        public void AppendFormatted<T>(T value) => _text.AppendFormatted(value);

        public override string ToString() => _text.ToStringAndClear();
    }

    /// <summary>A module, parsed once.</summary>
    internal sealed partial class LoadedText(string text)
    {
        public PtxModule Module { get; } = PtxModule.Parse(text);

        /// <summary>Bytes of each parameter.</summary>
        public IReadOnlyList<int> Sizes { get; } =
            [.. Parameter().Matches(text).Select(match => match.Groups[2].Success ? int.Parse(match.Groups[2].ValueSpan, null) : int.Parse(match.Groups[1].ValueSpan, null) / 8)];

        [GeneratedRegex(@"^\s*\.param (?:\.align \d+ )?\.[bf](\d+) \w+(?:\[(\d+)\])?,?\s*$", RegexOptions.Multiline)]
        private static partial Regex Parameter();
    }

    private sealed record NotedLaunch(LoadedText Loaded, Dimensions Grid, Dimensions Block, int Shared, object[] Arguments)
    {
        public string Entry => Loaded.Module.Entries[0];
    }
}
