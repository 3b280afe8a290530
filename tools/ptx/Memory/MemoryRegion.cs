using System;
using System.Buffers.Binary;

namespace Sinter.Ptx.Memory;

/// <summary>A run of bytes at an address, with a bit a byte that says whether it was ever written.</summary>
internal sealed class MemoryRegion
{
    private readonly byte[] _bytes;
    private readonly ulong[] _written;

    public MemoryRegion(string name, ulong start, int length)
    {
        Name = name;
        Start = start;
        Length = length;
        _bytes = new byte[length];
        _written = new ulong[(length + 63) / 64];
    }

    public string Name { get; }

    public ulong Start { get; }

    public int Length { get; }

    public Span<byte> Bytes => _bytes;

    /// <summary>Whether an access of <paramref name="size"/> bytes at an offset lies inside.</summary>
    public bool Holds(long offset, int size) => (ulong)offset <= (ulong)Length && offset + size <= Length;

    /// <summary>Reads 1, 2, 4 or 8 bytes as an unsigned number.</summary>
    public ulong Load(long offset, int size)
    {
        var span = _bytes.AsSpan((int)offset, size);
        return size switch
        {
            1 => span[0],
            2 => BinaryPrimitives.ReadUInt16LittleEndian(span),
            4 => BinaryPrimitives.ReadUInt32LittleEndian(span),
            _ => BinaryPrimitives.ReadUInt64LittleEndian(span),
        };
    }

    /// <summary>Writes 1, 2, 4 or 8 bytes; tells whether they changed anything.</summary>
    public bool Store(long offset, int size, ulong value)
    {
        var changes = Load(offset, size) != value || !IsWritten(offset, size);
        var span = _bytes.AsSpan((int)offset, size);
        switch (size)
        {
            case 1:
                span[0] = (byte)value;
                break;
            case 2:
                BinaryPrimitives.WriteUInt16LittleEndian(span, (ushort)value);
                break;
            case 4:
                BinaryPrimitives.WriteUInt32LittleEndian(span, (uint)value);
                break;
            default:
                BinaryPrimitives.WriteUInt64LittleEndian(span, value);
                break;
        }

        MarkWritten(offset, size);
        return changes;
    }

    /// <summary>Whether every byte was written. Aligned accesses never cross a word of bits.</summary>
    public bool IsWritten(long offset, int size)
    {
        if ((offset & 63) + size <= 64)
        {
            var mask = Mask(size) << (int)(offset & 63);
            return (_written[offset >> 6] & mask) == mask;
        }

        for (var i = 0; i < size; i++)
        {
            if ((_written[(offset + i) >> 6] >> (int)((offset + i) & 63) & 1) == 0)
            {
                return false;
            }
        }

        return true;
    }

    public void MarkWritten(long offset, int size)
    {
        if ((offset & 63) + size <= 64)
        {
            _written[offset >> 6] |= Mask(size) << (int)(offset & 63);
            return;
        }

        for (var i = offset; i < offset + size; i++)
        {
            _written[i >> 6] |= 1UL << (int)(i & 63);
        }
    }

    /// <summary>Forgets all contents.</summary>
    public void Clear()
    {
        Array.Clear(_bytes);
        Array.Clear(_written);
    }

    private static ulong Mask(int size) => size >= 64 ? ulong.MaxValue : (1UL << size) - 1;
}
