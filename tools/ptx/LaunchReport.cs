using System;
using System.Collections.Generic;
using System.Linq;

namespace Sinter.Ptx;

/// <summary>How often an opcode ran: once a warp, and once a thread that took part.</summary>
public readonly record struct InstructionCount(long Warps, long Threads);

/// <summary>What a launch did.</summary>
/// <param name="Kernel">The entry's name.</param>
/// <param name="Findings">The faults, in the order in which they were first seen; empty for a clean kernel.</param>
/// <param name="Instructions">Counts by opcode with all its modifiers.</param>
public sealed record LaunchReport(
    string Kernel,
    IReadOnlyList<Finding> Findings,
    IReadOnlyDictionary<string, InstructionCount> Instructions)
{
    /// <summary>Warp instructions in all.</summary>
    public long WarpInstructions => Instructions.Values.Sum(count => count.Warps);

    /// <summary>Throws <see cref="InvalidOperationException"/> with all findings if there are any.</summary>
    public LaunchReport EnsureClean()
        => Findings.Count == 0 ? this : throw new InvalidOperationException(string.Join("\n", Findings));
}
