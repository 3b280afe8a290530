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

    /// <summary>Copies values into the buffer, from its start.</summary>
    /// <exception cref="ArgumentException">They do not fit.</exception>
    public void Write<T>(ReadOnlySpan<T> values)
        where T : unmanaged
    {
        var bytes = MemoryMarshal.AsBytes(values);
        if (bytes.Length > Length)
        {
            throw new ArgumentException($"{bytes.Length} bytes do not fit into a buffer of {Length}.", nameof(values));
        }

        bytes.CopyTo(_region.Bytes);
        _region.MarkWritten(0, bytes.Length);
    }

    /// <summary>Copies the buffer's contents.</summary>
    public T[] Read<T>()
        where T : unmanaged => MemoryMarshal.Cast<byte, T>(_region.Bytes).ToArray();

    /// <summary>Whether every byte of the buffer was written by the host or a kernel.</summary>
    public bool IsWritten() => _region.IsWritten(0, Length);
}
