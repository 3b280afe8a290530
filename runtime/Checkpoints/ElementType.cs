using System;
using System.Collections.Frozen;
using System.Collections.Generic;

namespace Sinter.Runtime.Checkpoints;

/// <summary>The element types of safetensors files, by the names that stand in their headers.</summary>
public enum ElementType : byte
{
    F64,
    F32,
    BF16,
    F16,
    F8_E4M3,
    F8_E5M2,
    F8_E8M0,
    I64,
    I32,
    I16,
    I8,
    U64,
    U32,
    U16,
    U8,
    BOOL,
}

/// <summary>What is known of each <see cref="ElementType"/>.</summary>
public static class ElementTypes
{
    private static readonly FrozenDictionary<string, ElementType> s_byName = ByName();

    public static string Names { get; } = string.Join(", ", Enum.GetNames<ElementType>());

    public static bool TryParse(string name, out ElementType type) => s_byName.TryGetValue(name, out type);

    /// <summary>Bytes an element.</summary>
    public static int Size(this ElementType type) => type switch
    {
        ElementType.F64 or ElementType.I64 or ElementType.U64 => 8,
        ElementType.F32 or ElementType.I32 or ElementType.U32 => 4,
        ElementType.BF16 or ElementType.F16 or ElementType.I16 or ElementType.U16 => 2,
        _ => 1,
    };

    private static FrozenDictionary<string, ElementType> ByName()
    {
        var names = new Dictionary<string, ElementType>(StringComparer.Ordinal);
        foreach (ElementType type in Enum.GetValues<ElementType>()) names.Add(type.ToString(), type);
        return names.ToFrozenDictionary(StringComparer.Ordinal);
    }
}
