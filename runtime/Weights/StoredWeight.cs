namespace Sinter.Runtime.Weights;

/// <summary>How the numbers of a stored tensor are encoded.</summary>
public enum WeightFormat : byte
{
    /// <summary>32-bit IEEE floats.</summary>
    F32,

    /// <summary>The upper half of a 32-bit float.</summary>
    BF16,

    /// <summary>16-bit IEEE floats.</summary>
    F16,

    /// <summary>8-bit E4M3 codes, one f32 scale a block of 128 rows × 128 columns (<c>weight_scale_inv</c>).</summary>
    E4M3,
}

/// <summary>
/// One tensor as it lies in the mapped file: kernels widen it while they read it. A matrix [rows, columns] is
/// row-major without gaps; a vector has one row.
/// </summary>
public unsafe struct StoredWeight
{
    /// <summary>The first number; never null once a model is loaded.</summary>
    public byte* Data;

    /// <summary>[ceil(rows/128), ceil(columns/128)] block scales of an <see cref="WeightFormat.E4M3"/> matrix, else null.</summary>
    public float* Scales;

    /// <summary>Numbers a row.</summary>
    public int Columns;

    /// <summary>Scales a row of blocks: ceil(<see cref="Columns"/> / 128).</summary>
    public int ScaleColumns;

    public WeightFormat Format;
}
