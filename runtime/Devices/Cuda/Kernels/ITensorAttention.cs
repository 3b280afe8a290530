namespace Sinter.Devices.Cuda.Kernels;

/// <summary>
/// What a model's kernel tells <see cref="TensorAttention"/>: sizes, where queries, keys and values lie, and what rows see. Rows are
/// those of one sequence, tokens of a head or tokens and heads. Generated structs are it, so that ILGPU folds the constants.
/// </summary>
public interface ITensorAttention
{
    /// <summary>Numbers of a query and of a key, of all their parts together: a multiple of 8.</summary>
    int Depth { get; }

    /// <summary>Numbers of a value: a multiple of 8 up to 128; where warps share rows 256 or 512.</summary>
    int Width { get; }

    /// <summary>Numbers of values that lie by themselves: all, or none where a value is its key's first numbers.</summary>
    int OwnValues { get; }

    /// <summary>Warps that share 16 rows: 1, or 4 with a quarter of the values each.</summary>
    int Parts { get; }

    /// <summary>Positions of a step: 32 or 16.</summary>
    int Keys { get; }

    /// <summary>Of scores, positive: the softmax's scale times log2 of e.</summary>
    float Scale { get; }

    /// <summary>How many positions a row sees, counted from the first; no fewer than the row before, and at least one.</summary>
    int Bound(int row);

    /// <summary>The address of eight numbers of a row's query: a multiple of 16.</summary>
    /// <param name="row">Of the sequence.</param>
    /// <param name="number">A multiple of 8.</param>
    long Query(int row, int number);

    /// <summary>The same of a position's key.</summary>
    long Key(int position, int number);

    /// <summary>The same of a position's value.</summary>
    long Value(int position, int number);

    /// <summary>Where a row's result begins.</summary>
    long Result(int row);
}
