using System.Collections.Generic;
using Sinter.Compiler.Graph;

namespace Sinter.Compiler.Passes;

/// <summary>The sizes that a step has at run time, assumed so that costs can be compared.</summary>
/// <param name="Tokens">Tokens of one sequence in the step.</param>
/// <param name="Positions">Positions in its cache.</param>
public sealed record Workload(int Tokens, int Positions)
{
    /// <summary>One token after a long context.</summary>
    public static Workload Decoding { get; } = new(1, 4096);

    /// <summary>A prompt from its beginning.</summary>
    public static Workload Prefill { get; } = new(512, 512);

    /// <summary>Entries along an axis.</summary>
    public long Size(Axis axis) => axis.Extent switch
    {
        Extent.Tokens => Tokens,
        Extent.Positions => Positions,
        _ => axis.Size,
    };

    /// <summary>Entries of a value, as a float: products of many axes pass every integer.</summary>
    public double Size(IEnumerable<Axis> axes)
    {
        double size = 1;
        foreach (Axis axis in axes) size *= Size(axis);
        return size;
    }
}
