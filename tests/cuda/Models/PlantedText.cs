using System;

namespace Sinter.Cuda.Tests.Models;

/// <summary>Faults that are planted into printed text.</summary>
internal static class PlantedText
{
    public static string Plant(string text, string part, string fault)
    {
        // Of another kind than what the comparisons throw, which is what is waited for.
        if (!text.Contains(part, StringComparison.Ordinal)) throw new InvalidOperationException($"There is no '{part}' in\n{text}");
        return text.Replace(part, fault, StringComparison.Ordinal);
    }
}
