using System;
using Sinter.Ptx.Text;

namespace Sinter.Ptx.Decoding;

/// <summary>Sizes and alignments of declared variables, and the bits of constants.</summary>
internal static class Layout
{
    public static DataType Type(string name, SourcePosition position)
        => DataType.TryFind(name, out var type) ? type : throw new PtxException($".{name} is not a type.", position);

    public static long Bytes(Variable variable)
        => Type(variable.Type, variable.Position).Bytes * variable.VectorLength * variable.Elements;

    public static int Alignment(Variable variable)
        => Math.Max(variable.Align, Type(variable.Type, variable.Position).Bytes * variable.VectorLength);

    public static int Up(int offset, int alignment) => (offset + alignment - 1) / alignment * alignment;

    /// <summary>A constant in the bits of a type; floating-point constants are converted (PTX ISA, section 4.5).</summary>
    public static ulong Constant(Number number, DataType type)
    {
        if (number.Kind == NumberKind.Integer)
        {
            return number.Bits & type.Mask;
        }

        if (type.IsInteger)
        {
            throw new PtxException($"a floating-point constant cannot be used as .{type.Name}.", number.Position);
        }

        var value = number.Kind == NumberKind.Single
            ? BitConverter.UInt32BitsToSingle((uint)number.Bits)
            : BitConverter.UInt64BitsToDouble(number.Bits);
        return type switch
        {
            { Bits: 64 } => BitConverter.DoubleToUInt64Bits(value),
            { Bits: 32 } when number.Kind == NumberKind.Single => number.Bits,
            { Format: { } format, Lanes: 1 } => format.Encode(value),
            { Bits: 32 } => BitConverter.SingleToUInt32Bits((float)value),
            _ => throw new PtxException($"a floating-point constant cannot be used as .{type.Name}.", number.Position),
        };
    }
}
