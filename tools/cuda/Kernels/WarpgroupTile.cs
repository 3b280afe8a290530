namespace Sinter.Cuda.Kernels;

/// <summary>How a block shares a product on Hopper: each warpgroup computes 64 rows by 128 columns, and one warp more fetches.</summary>
public interface IWarpgroupTile
{
    /// <summary>Warpgroups that compute.</summary>
    int Groups { get; }

    /// <summary>Pieces of 128 bytes in depth that shared memory holds at a time.</summary>
    int Stages { get; }
}

/// <summary>64 rows by 128 columns: few rows to an expert, two blocks to a multiprocessor.</summary>
public struct Warpgroup64x128 : IWarpgroupTile
{
    public readonly int Groups => 1;

    public readonly int Stages => 4;
}

/// <summary>128 by 128: one warpgroup's products run while the other scales its sums.</summary>
public struct Warpgroup128x128 : IWarpgroupTile
{
    public readonly int Groups => 2;

    public readonly int Stages => 6;
}
