using System;
using System.Collections.Concurrent;
using System.Collections.Generic;
using System.Runtime.InteropServices;

namespace Sinter.Tests.Kernels;

/// <summary>
/// Memory whose end is the end of a page with nothing behind it: a kernel that reads or writes one number too many ends
/// the test run instead of passing unseen.
/// </summary>
public sealed unsafe partial class GuardedMemory : IDisposable
{
    private const int Page = 4096;
    private static readonly ConcurrentDictionary<nint, int> s_sizes = new();
    private readonly List<(nint Address, nuint Length)> _blocks = [];

    /// <summary>How many bytes were asked for at a place that is still there.</summary>
    public static int SizeOf(void* place) => s_sizes[(nint)place];

    public float* Floats(ReadOnlySpan<float> values)
    {
        float* place = (float*)Bytes(values.Length * sizeof(float));
        values.CopyTo(new Span<float>(place, values.Length));
        return place;
    }

    /// <summary>Numbers that no kernel has written yet.</summary>
    public float* Floats(int count)
    {
        float* place = (float*)Bytes(count * sizeof(float));
        new Span<float>(place, count).Fill(float.NaN);
        return place;
    }

    public int* Integers(ReadOnlySpan<int> values)
    {
        int* place = (int*)Bytes(values.Length * sizeof(int));
        values.CopyTo(new Span<int>(place, values.Length));
        return place;
    }

    public T* One<T>(T value)
        where T : unmanaged
    {
        var place = (T*)Bytes(sizeof(T));
        *place = value;
        return place;
    }

    public T* Many<T>(ReadOnlySpan<T> values)
        where T : unmanaged
    {
        var place = (T*)Bytes(sizeof(T) * values.Length);
        values.CopyTo(new Span<T>(place, values.Length));
        return place;
    }

    public byte* Bytes(int count)
    {
        byte* place = Block(count);
        s_sizes[(nint)place] = count;
        return place;
    }

    private byte* Block(int count)
    {
        nuint room = (nuint)((count + Page - 1) / Page * Page);
        if (!OperatingSystem.IsLinux())
        {
            nint block = (nint)NativeMemory.AllocZeroed(room);
            _blocks.Add((block, 0));
            return (byte*)block;
        }

        const int readWrite = 3, none = 0, privateAnonymous = 0x22;
        nint start = Map(0, room + Page, readWrite, privateAnonymous, -1, 0);
        if (start == -1 || Protect(start + (nint)room, Page, none) != 0) throw new OutOfMemoryException();
        _blocks.Add((start, room + Page));
        return (byte*)start + room - (nuint)count;
    }

    public void Dispose()
    {
        foreach ((nint address, nuint length) in _blocks)
        {
            if (length == 0) NativeMemory.Free((void*)address);
            else _ = Unmap(address, length);
        }

        _blocks.Clear();
    }

    [LibraryImport("libc", EntryPoint = "mmap")]
    private static partial nint Map(nint address, nuint length, int protection, int flags, int file, nint offset);

    [LibraryImport("libc", EntryPoint = "mprotect")]
    private static partial int Protect(nint address, nuint length, int protection);

    [LibraryImport("libc", EntryPoint = "munmap")]
    private static partial int Unmap(nint address, nuint length);
}
