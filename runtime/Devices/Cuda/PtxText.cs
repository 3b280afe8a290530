using System;
using System.Collections.Generic;
using System.Linq;
using System.Text.RegularExpressions;

namespace Sinter.Devices.Cuda;

/// <summary>PTX as ILGPU prints it, made ready for NVIDIA's assembler.</summary>
public static partial class PtxText
{
    /// <summary>What ILGPU cannot say: newer targets, alignment for copies and swizzles, the name; .uni keeps ptxas from unrolling.</summary>
    /// <param name="text">Of one kernel.</param>
    /// <param name="name">Which the entry gets.</param>
    /// <param name="target">Such as sm_80.</param>
    /// <exception cref="NotSupportedException">The kernel calls a function.</exception>
    public static string Finish(string text, string name, string target)
    {
        ArgumentNullException.ThrowIfNull(text);
        ArgumentNullException.ThrowIfNull(name);
        var entry = Entry().Match(text).Groups[1].Value;
        text = Target().Replace(text, ".target " + target);
        text = SharedAlignment().Replace(text, target == "sm_90a" ? "$1.align 1024" : "$1.align 128");
        if (text.Contains("\tcall", StringComparison.Ordinal))
        {
            throw new NotSupportedException($"{name} calls a function: ILGPU did not inline a method, or an instruction is not in the InstructionSet.");
        }

        // Functions that stand for instructions are never called. Numbers in names count ILGPU's nodes and change from run to run.
        text = Function().Replace(text, "");
        text = Parameter().Replace(text, "$1");
        var labels = new Dictionary<string, string>();
        text = Label().Replace(text, match =>
        {
            labels.TryAdd(match.Value, FormattableString.Invariant($"L_{labels.Count}"));
            return labels[match.Value];
        });
        text = text.Replace("bra.uni", "bra", StringComparison.Ordinal).Replace(entry, name, StringComparison.Ordinal);
        return string.Join('\n', text.Split('\n').Select(line => line.TrimEnd())).TrimEnd() + "\n";
    }

    [GeneratedRegex(@"\.entry (\w+)")]
    private static partial Regex Entry();

    [GeneratedRegex(@"\.target \w+")]
    private static partial Regex Target();

    [GeneratedRegex(@"^\.visible \.func (?:.|\n)*?^(?:;|\})\s*\n", RegexOptions.Multiline)]
    private static partial Regex Function();

    [GeneratedRegex(@"\b(_[A-Za-z]\w*?)_\d+\b")]
    private static partial Regex Parameter();

    [GeneratedRegex(@"\bL_\d+\b")]
    private static partial Regex Label();

    [GeneratedRegex(@"(\.shared )\.align \d+")]
    private static partial Regex SharedAlignment();
}
