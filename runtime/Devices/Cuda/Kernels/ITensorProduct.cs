namespace Sinter.Devices.Cuda.Kernels;

/// <summary>
/// What a model's kernel tells <see cref="TensorProduct"/>: sizes, where rows lie, and what becomes of the sums. Generated structs
/// are it, so that ILGPU folds the constants and puts the methods in their place.
/// </summary>
public interface ITensorProduct
{
    /// <summary>Products with the same rows: 1, or 2 with their own weights.</summary>
    int Products { get; }

    /// <summary>Of the result.</summary>
    int Columns { get; }

    /// <summary>Numbers in depth, a multiple of 8.</summary>
    int Depth { get; }

    /// <summary>Where a row of the activations begins: a multiple of 4.</summary>
    long Row(int row);

    /// <summary>Where the weights of a column begin: a multiple of 8.</summary>
    int Line(int column);

    /// <summary>Takes the sums of a row and column; the second is of the second product.</summary>
    void Store(int row, int column, float sum, float second);
}
