namespace Sinter.Cuda.Kernels;

/// <summary>
/// How a block shares a product: each warp computes 64 rows by 32 columns, and a block has <see cref="WarpRows"/> by
/// <see cref="WarpColumns"/> warps. Values are constants, so that ILGPU folds them.
/// </summary>
public interface ITile
{
    int WarpRows { get; }

    int WarpColumns { get; }

    /// <summary>Pieces of 128 bytes in depth that shared memory holds at a time, at least 2.</summary>
    int Stages { get; }
}

/// <summary>64 rows by 128 columns: few rows to an expert.</summary>
public struct Tile64x128 : ITile
{
    public readonly int WarpRows => 1;

    public readonly int WarpColumns => 4;

    public readonly int Stages => 3;
}

/// <summary>128 by 64: many rows, few columns.</summary>
public struct Tile128x64 : ITile
{
    public readonly int WarpRows => 2;

    public readonly int WarpColumns => 2;

    public readonly int Stages => 3;
}

/// <summary>128 by 128: fewest bytes for each product.</summary>
public struct Tile128x128 : ITile
{
    public readonly int WarpRows => 2;

    public readonly int WarpColumns => 4;

    public readonly int Stages => 3;
}

/// <summary>64 by 256: 128 columns each of two products. Two stages, so that two blocks fit a multiprocessor of an A100, and one a 4090's.</summary>
public struct Tile64x256 : ITile
{
    public readonly int WarpRows => 1;

    public readonly int WarpColumns => 8;

    public readonly int Stages => 2;
}
