using System;
using System.Collections.Generic;
using Sinter.Ptx.Numerics;

namespace Sinter.Ptx.Decoding;

internal enum TypeKind
{
    Bits,
    Unsigned,
    Signed,
    Float,
    Predicate,
}

/// <summary>A type of PTX (section 5.2). <c>Lanes</c> is 2 for packed types, whose parts have the format.</summary>
internal sealed record DataType(string Name, TypeKind Kind, int Bits, FloatFormat? Format = null, int Lanes = 1)
{
    private static readonly Dictionary<string, DataType> s_types = Table();

    public static DataType Predicate { get; } = s_types["pred"];

    public static DataType B32 { get; } = s_types["b32"];

    public static DataType U32 { get; } = s_types["u32"];

    public static DataType U64 { get; } = s_types["u64"];

    public static DataType B16 { get; } = s_types["b16"];

    public static DataType F32 { get; } = s_types["f32"];

    public int Bytes => Math.Max(1, Bits / 8);

    public ulong Mask => Bits >= 64 ? ulong.MaxValue : (1UL << Bits) - 1;

    public bool IsFloat => Kind == TypeKind.Float;

    public bool IsSigned => Kind == TypeKind.Signed;

    public bool IsInteger => Kind is TypeKind.Signed or TypeKind.Unsigned;

    public static bool TryFind(string name, out DataType type)
    {
        var found = s_types.TryGetValue(name, out var value);
        type = value!;
        return found;
    }

    /// <summary>The value's bits as a signed number.</summary>
    public long SignExtend(ulong bits) => (long)(bits << (64 - Bits)) >> (64 - Bits);

    private static Dictionary<string, DataType> Table()
    {
        var types = new Dictionary<string, DataType>(StringComparer.Ordinal) { ["pred"] = new("pred", TypeKind.Predicate, 1) };
        foreach (var bits in new[] { 8, 16, 32, 64 })
        {
            types[$"b{bits}"] = new($"b{bits}", TypeKind.Bits, bits);
            types[$"u{bits}"] = new($"u{bits}", TypeKind.Unsigned, bits);
            types[$"s{bits}"] = new($"s{bits}", TypeKind.Signed, bits);
        }

        types["f16"] = new("f16", TypeKind.Float, 16, FloatFormat.Half);
        types["bf16"] = new("bf16", TypeKind.Float, 16, FloatFormat.BFloat16);
        types["f32"] = new("f32", TypeKind.Float, 32, FloatFormat.Single);
        types["tf32"] = new("tf32", TypeKind.Float, 32, FloatFormat.TensorFloat);
        types["f64"] = new("f64", TypeKind.Float, 64);
        types["f16x2"] = new("f16x2", TypeKind.Float, 32, FloatFormat.Half, 2);
        types["bf16x2"] = new("bf16x2", TypeKind.Float, 32, FloatFormat.BFloat16, 2);
        types["e4m3"] = new("e4m3", TypeKind.Float, 8, FloatFormat.E4M3);
        types["e5m2"] = new("e5m2", TypeKind.Float, 8, FloatFormat.E5M2);
        types["e4m3x2"] = new("e4m3x2", TypeKind.Float, 16, FloatFormat.E4M3, 2);
        types["e5m2x2"] = new("e5m2x2", TypeKind.Float, 16, FloatFormat.E5M2, 2);
        return types;
    }
}
