using System;
using System.Buffers.Binary;

namespace Sinter.Tests.Data;

/// <summary>
/// What the bits of a safetensors file stand for, worked out from the formats' definitions and on purpose not with the
/// runtime's code: a mistake there must show.
/// </summary>
public static class StoredNumbers
{
    public static int Width(string type) => type switch
    {
        "F64" or "I64" => 8,
        "F32" or "I32" => 4,
        "F16" or "BF16" or "I16" => 2,
        "F8_E4M3" or "U8" or "I8" => 1,
        _ => throw new NotSupportedException($"No test reads tensors of type {type}."),
    };

    public static double Decode(string type, ReadOnlySpan<byte> bytes) => type switch
    {
        "F64" => BinaryPrimitives.ReadDoubleLittleEndian(bytes),
        "F32" => BinaryPrimitives.ReadSingleLittleEndian(bytes),
        "F16" => Float(BinaryPrimitives.ReadUInt16LittleEndian(bytes), exponentBits: 5, mantissaBits: 10),
        "BF16" => Float(BinaryPrimitives.ReadUInt16LittleEndian(bytes), exponentBits: 8, mantissaBits: 7),
        "F8_E4M3" => E4M3(bytes[0]),
        "I64" => BinaryPrimitives.ReadInt64LittleEndian(bytes),
        "I32" => BinaryPrimitives.ReadInt32LittleEndian(bytes),
        "I16" => BinaryPrimitives.ReadInt16LittleEndian(bytes),
        "I8" => (sbyte)bytes[0],
        "U8" => bytes[0],
        _ => throw new NotSupportedException($"No test reads tensors of type {type}."),
    };

    /// <summary>The finite E4M3 of the OCP 8-bit specification: no infinities, and only all ones is not a number.</summary>
    public static double E4M3(byte code) =>
        (code & 0x7f) == 0x7f ? double.NaN : Finite(code, exponentBits: 4, mantissaBits: 3);

    /// <summary>An IEEE 754 number of any width: the largest exponent means infinity or not a number.</summary>
    private static double Float(int bits, int exponentBits, int mantissaBits)
    {
        int special = (1 << exponentBits) - 1;
        if ((bits >> mantissaBits & special) != special) return Finite(bits, exponentBits, mantissaBits);
        if ((bits & ((1 << mantissaBits) - 1)) != 0) return double.NaN;
        return bits >> (exponentBits + mantissaBits) != 0 ? double.NegativeInfinity : double.PositiveInfinity;
    }

    private static double Finite(int bits, int exponentBits, int mantissaBits)
    {
        double sign = bits >> (exponentBits + mantissaBits) != 0 ? -1 : 1;
        int exponent = bits >> mantissaBits & ((1 << exponentBits) - 1);
        double fraction = (bits & ((1 << mantissaBits) - 1)) / Math.Pow(2, mantissaBits);
        int bias = (1 << (exponentBits - 1)) - 1;
        return exponent == 0
            ? sign * fraction * Math.Pow(2, 1 - bias)
            : sign * (1 + fraction) * Math.Pow(2, exponent - bias);
    }
}
