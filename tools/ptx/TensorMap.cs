using System;
using System.Buffers.Binary;
using System.Linq;

namespace Sinter.Ptx;

/// <summary>How a tensor copy permutes 16-byte pieces in shared memory.</summary>
public enum TensorSwizzle
{
    /// <summary>In order.</summary>
    None,

    /// <summary>Within 32 bytes.</summary>
    Bytes32,

    /// <summary>Within 64 bytes.</summary>
    Bytes64,

    /// <summary>Within 128 bytes.</summary>
    Bytes128,
}

/// <summary>A tensor map for cp.async.bulk.tensor, as cuTensorMapEncodeTiled makes it. Index 0 is the innermost.</summary>
/// <param name="Address">The tensor's address in global memory, a multiple of 16.</param>
/// <param name="ElementBytes">1, 2, 4 or 8.</param>
/// <param name="Sizes">Elements along each axis, one to five axes.</param>
/// <param name="Strides">Bytes from one element to the next along axes 1, 2, …; multiples of 16.</param>
/// <param name="Box">Elements of a copy along each axis, 1 to 256.</param>
/// <param name="Swizzle">The permutation in shared memory; the box's innermost bytes must fit in its span.</param>
public sealed record TensorMap(
    ulong Address, int ElementBytes, int[] Sizes, long[] Strides, int[] Box, TensorSwizzle Swizzle = TensorSwizzle.None)
{
    private const uint Mark = 0x50414D54;

    /// <summary>The bytes of a box.</summary>
    public int BoxBytes => ElementBytes * Box.Aggregate(1, (product, size) => product * size);

    /// <summary>The 128 bytes that a kernel is given. Their layout is this interpreter's own.</summary>
    /// <exception cref="ArgumentException">A rule of cuTensorMapEncodeTiled is broken.</exception>
    public byte[] Encode()
    {
        Check();
        var bytes = new byte[128];
        BinaryPrimitives.WriteUInt32LittleEndian(bytes, Mark);
        bytes[4] = (byte)Sizes.Length;
        bytes[5] = (byte)ElementBytes;
        bytes[6] = (byte)Swizzle;
        BinaryPrimitives.WriteUInt64LittleEndian(bytes.AsSpan(8), Address);
        for (var i = 0; i < Sizes.Length; i++)
        {
            BinaryPrimitives.WriteInt32LittleEndian(bytes.AsSpan(16 + (4 * i)), Sizes[i]);
            BinaryPrimitives.WriteInt32LittleEndian(bytes.AsSpan(36 + (4 * i)), Box[i]);
            BinaryPrimitives.WriteInt64LittleEndian(bytes.AsSpan(56 + (8 * i)), i == 0 ? ElementBytes : Strides[i - 1]);
        }

        return bytes;
    }

    /// <summary>Reads what <see cref="Encode"/> wrote; null if the bytes are something else.</summary>
    internal static TensorMap? Read(ReadOnlySpan<byte> bytes)
    {
        if (BinaryPrimitives.ReadUInt32LittleEndian(bytes) != Mark)
        {
            return null;
        }

        var axes = bytes[4];
        var (sizes, box, strides) = (new int[axes], new int[axes], new long[axes - 1]);
        for (var i = 0; i < axes; i++)
        {
            sizes[i] = BinaryPrimitives.ReadInt32LittleEndian(bytes[(16 + (4 * i))..]);
            box[i] = BinaryPrimitives.ReadInt32LittleEndian(bytes[(36 + (4 * i))..]);
            if (i > 0)
            {
                strides[i - 1] = BinaryPrimitives.ReadInt64LittleEndian(bytes[(56 + (8 * i))..]);
            }
        }

        return new TensorMap(BinaryPrimitives.ReadUInt64LittleEndian(bytes[8..]), bytes[5], sizes, strides, box, (TensorSwizzle)bytes[6]);
    }

    private void Check()
    {
        var span = Swizzle == TensorSwizzle.None ? int.MaxValue : 16 << (int)Swizzle;
        var why = Sizes.Length is < 1 or > 5 || Box.Length != Sizes.Length || Strides.Length != Sizes.Length - 1 ? "axes of sizes, strides and box do not agree"
            : Address % 16 != 0 || Strides.Any(stride => stride % 16 != 0) ? "the address and the strides must be multiples of 16"
            : Box.Any(size => size is < 1 or > 256) ? "a box has 1 to 256 elements along an axis"
            : Box[0] * ElementBytes % 16 != 0 ? "the box's innermost bytes must be a multiple of 16"
            : Box[0] * ElementBytes > span ? "the box's innermost bytes do not fit the swizzle's span"
            : null;
        if (why is not null)
        {
            throw new ArgumentException($"this tensor map cannot be: {why}.");
        }
    }
}
