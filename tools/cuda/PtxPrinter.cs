using System;
using System.Collections.Generic;
using System.Linq;
using System.Reflection;
using System.Text.RegularExpressions;
using ILGPU;
using ILGPU.Backends.EntryPoints;
using ILGPU.Backends.PTX;
using ILGPU.Runtime;
using ILGPU.Runtime.Cuda;
using Sinter.Cuda.Instructions;

namespace Sinter.Cuda;

/// <summary>Prints a kernel as PTX. No device and no driver is needed.</summary>
public static partial class PtxPrinter
{
    /// <summary>The PTX of a kernel.</summary>
    /// <param name="kernel">A static method whose parameters are views and numbers.</param>
    /// <param name="name">The entry's name.</param>
    /// <param name="target">Such as sm_80.</param>
    /// <param name="threads">Of a block.</param>
    public static string Print(MethodInfo kernel, string name, string target, int threads)
    {
        ArgumentNullException.ThrowIfNull(kernel);
        // A context that has failed once prints wrong code; each kernel gets a new one.
        using var context = Context.Create(builder => builder.Optimize(OptimizationLevel.O2));
        InstructionSet.Register(context);
        using var backend = new PTXBackend(context, CudaArchitecture.SM_80, CudaInstructionSet.ISA_84, null!);
        var compiled = (PTXCompiledKernel)backend.Compile(
            EntryPointDescription.FromExplicitlyGroupedKernel(kernel), new KernelSpecialization(threads, null));
        return Finish(compiled.PTXAssembly, name, target);
    }

    /// <summary>What ILGPU cannot say: newer targets, alignment for 16-byte copies, the name; .uni keeps ptxas from unrolling.</summary>
    private static string Finish(string text, string name, string target)
    {
        var entry = Entry().Match(text).Groups[1].Value;
        text = Target().Replace(text, ".target " + target);
        text = SharedAlignment().Replace(text, "$1.align 128");
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
