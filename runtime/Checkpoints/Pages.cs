using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using System.Runtime.InteropServices;
using System.Threading;

namespace Sinter.Runtime.Checkpoints;

/// <summary>What Linux is told of memory that weights and caches lie in. Only advice: where it is not understood, all works the same.</summary>
internal static unsafe partial class Pages
{
    /// <summary>Bytes of a huge page.</summary>
    public const long Huge = 2 << 20;

    private const long Small = 4096;
    private const int HugePages = 14; // MADV_HUGEPAGE
    private const int Unneeded = 4; // MADV_DONTNEED

    /// <summary>
    /// Asks for huge pages, with which streams of weights are a third faster: of memory, those that have not been touched
    /// yet, and of a mapped file, on file systems with large folios, those that the system has not read yet.
    /// </summary>
    public static void AskForHuge(byte* data, long bytes)
    {
        byte* first = (byte*)((nint)data & -(nint)Small);
        Advise(first, bytes + (data - first), HugePages);
    }

    /// <summary>Takes the whole pages of a mapped file out of this process's memory; they come back from the file if they are read again.</summary>
    public static void Forget(byte* data, long bytes)
    {
        byte* first = (byte*)(((nint)data + (nint)Small - 1) & -(nint)Small), end = (byte*)(((nint)data + (nint)bytes) & -(nint)Small);
        if (end > first) Advise(first, end - first, Unneeded);
    }

    /// <summary>Whether the system gives memory in huge pages where it is asked for them.</summary>
    public static bool CanBeHuge => OperatingSystem.IsLinux() && KernelAccount.ReadLines("/sys/kernel/mm/transparent_hugepage/enabled").Any(line => line.Contains("[always]") || line.Contains("[madvise]"));

    /// <summary>Whether mapped files lie in huge pages, by some places in them, each in a huge page of its own, which are read to find out.</summary>
    public static bool AreHuge(IReadOnlyCollection<nint> places)
    {
        foreach (nint place in places) _ = Volatile.Read(ref *(byte*)place);
        return MappedHuge(places) >= Huge * places.Count * 3 / 4;
    }

    /// <summary>How much of the mappings around some addresses lies in huge pages.</summary>
    private static long MappedHuge(IReadOnlyCollection<nint> addresses)
    {
        bool isMeant = false;
        long bytes = 0;
        foreach (string line in KernelAccount.ReadLines("/proc/self/smaps"))
        {
            // «7f12a0000000-7f12b0000000 r--s …» begins a mapping, «FilePmdMapped:   2048 kB» tells of it.
            int dash = line.IndexOf('-'), space = line.IndexOf(' ');
            if (dash > 0 && dash < space && long.TryParse(line.AsSpan(0, dash), NumberStyles.HexNumber, CultureInfo.InvariantCulture, out long first)
                && long.TryParse(line.AsSpan(dash + 1, space - dash - 1), NumberStyles.HexNumber, CultureInfo.InvariantCulture, out long end))
            {
                isMeant = addresses.Any(address => first <= address && address < end);
            }
            else if (isMeant)
            {
                bytes += KernelAccount.Bytes(line, "FilePmdMapped") ?? 0;
            }
        }

        return bytes;
    }

    private static void Advise(byte* data, long bytes, int advice)
    {
        if (!OperatingSystem.IsLinux()) return;
        try
        {
            _ = AdviseMemory(data, (nuint)bytes, advice);
        }
        catch (Exception e) when (e is DllNotFoundException or EntryPointNotFoundException)
        {
        }
    }

    [LibraryImport("libc", EntryPoint = "madvise")]
    private static partial int AdviseMemory(void* address, nuint length, int advice);
}
