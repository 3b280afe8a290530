namespace Sinter.Ptx;

/// <summary>How a <see cref="PtxDevice"/> runs kernels.</summary>
public sealed record PtxOptions
{
    /// <summary>Whether shared memory is watched for races and copies not waited for. Costs about half the speed.</summary>
    public bool FindRaces { get; init; } = true;

    /// <summary>Warp instructions that a block may run with nothing changing in memory or at barriers, before it counts as stuck.</summary>
    public long StepsWithoutProgress { get; init; } = 4_000_000;

    /// <summary>Warp instructions that a launch may run in all.</summary>
    public long MostSteps { get; init; } = 20_000_000_000;

    /// <summary>The most shared memory of a block in bytes; Hopper's by default.</summary>
    public int MostShared { get; init; } = 227 * 1024;
}
