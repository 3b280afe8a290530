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

    /// <summary>Whole numbers from -127 to 127, one f32 scale for each 64 neighbours in a row. Made while loading; no checkpoint has it.</summary>
    Int8,
}

/// <summary>
/// One tensor as it lies in the mapped file: kernels widen it while they read it. A matrix [rows, columns] is
/// row-major without gaps; a vector has one row.
/// </summary>
public unsafe struct StoredWeight
{
    /// <summary>The first number; never null once a model is loaded.</summary>
    public byte* Data;

    /// <summary>[ceil(rows/r), ceil(columns/c)] scales for blocks of r×c, see <see cref="ScaleBlocks"/>; null for formats without.</summary>
    public float* Scales;

    /// <summary>Numbers a row.</summary>
    public int Columns;

    /// <summary>Scales a row of blocks.</summary>
    public int ScaleColumns;

    public WeightFormat Format;
}
