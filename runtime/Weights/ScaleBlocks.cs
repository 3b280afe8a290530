using Sinter.Runtime.Numerics;

namespace Sinter.Runtime.Weights;

/// <summary>The blocks of a matrix that share a scale: E4M3 has squares, as published (DeepSeek-V3 report, 3.3.2), Int8 stretches of a row.</summary>
public static class ScaleBlocks
{
    /// <summary>Rows of a block; 1 where the format has no scales.</summary>
    public static int Rows(WeightFormat format) => format == WeightFormat.E4M3 ? E4M3.ScaleRows : 1;

    /// <summary>Columns of a block; 1 where the format has no scales.</summary>
    public static int Columns(WeightFormat format) => format switch
    {
        WeightFormat.E4M3 => E4M3.ScaleColumns,
        WeightFormat.Int8 => Int8.ScaleColumns,
        _ => 1,
    };

    /// <summary>Scales of a matrix; none where the format has none.</summary>
    public static long Count(WeightFormat format, int rows, int columns) => format is WeightFormat.E4M3 or WeightFormat.Int8
        ? (long)Of(rows, Rows(format)) * Of(columns, Columns(format))
        : 0;

    /// <summary>Blocks along a side.</summary>
    public static int Of(int side, int block) => (side + block - 1) / block;
}
