using System;
using System.Runtime.InteropServices;
using Sinter.Ptx.Memory;

namespace Sinter.Ptx;

/// <summary>An allocation in a device's global memory.</summary>
public sealed class DeviceBuffer
{
    private readonly MemoryRegion _region;

    internal DeviceBuffer(MemoryRegion region) => _region = region;

    /// <summary>The address that kernels see.</summary>
    public ulong Address => _region.Start;

    /// <summary>The size in bytes.</summary>
    public int Length => _region.Length;

    internal MemoryRegion Region => _region;

    /// <summary>Copies values into the buffer.</summary>
    /// <param name="values">All of them.</param>
    /// <param name="offset">Bytes from the buffer's start.</param>
    /// <exception cref="ArgumentException">They do not fit.</exception>
    public void Write<T>(ReadOnlySpan<T> values, int offset = 0)
        where T : unmanaged
    {
        var bytes = MemoryMarshal.AsBytes(values);
        if (offset < 0 || bytes.Length > Length - offset)
        {
            throw new ArgumentException($"{bytes.Length} bytes at {offset} do not fit into a buffer of {Length}.", nameof(values));
        }

        bytes.CopyTo(_region.Bytes[offset..]);
        _region.MarkWritten(offset, bytes.Length);
    }

    /// <summary>Copies the buffer's contents.</summary>
    public T[] Read<T>()
        where T : unmanaged => MemoryMarshal.Cast<byte, T>(_region.Bytes).ToArray();

    /// <summary>Copies a part of the buffer's contents.</summary>
    /// <exception cref="ArgumentException">It has fewer bytes.</exception>
    public void Read(Span<byte> bytes, int offset)
    {
        if (offset < 0 || bytes.Length > Length - offset)
        {
            throw new ArgumentException($"{bytes.Length} bytes at {offset} are not in a buffer of {Length}.", nameof(bytes));
        }

        _region.Bytes.Slice(offset, bytes.Length).CopyTo(bytes);
    }

    /// <summary>Whether every byte of a part was written by the host or a kernel.</summary>
    public bool IsWritten(int offset, int length) => _region.IsWritten(offset, length);

    /// <summary>Whether every byte of the buffer was written by the host or a kernel.</summary>
    public bool IsWritten() => _region.IsWritten(0, Length);
}
