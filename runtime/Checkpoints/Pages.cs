using System;
using System.Runtime.InteropServices;

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
