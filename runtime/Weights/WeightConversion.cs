using System;
using System.Threading.Tasks;
using Sinter.Runtime.Checkpoints;
using Sinter.Runtime.Numerics;

namespace Sinter.Runtime.Weights;

/// <summary>In what format matrices are kept.</summary>
public enum WeightStorage
{
    /// <summary>As the checkpoint has them.</summary>
    AsStored,

    /// <summary>Matrices of attention and feed-forward layers in BF16, to the nearest, ties to even.</summary>
    BF16,

    /// <summary>
    /// Matrices of attention and feed-forward layers in E4M3 with a scale for each block of 128×128, as the DeepSeek-V3
    /// report has them (3.3.2): the scale is the block's largest magnitude (1e-4 at least) over 448. Embedding, head, router and the
    /// projection of multi-token prediction stay as they are.
    /// </summary>
    E4M3,

    /// <summary>
    /// Matrices of attention and feed-forward layers in whole numbers from -127 to 127 with a scale for each 64 of a row, its largest magnitude
    /// over 127. What is read across its rows (<c>kv_b_proj</c>) stays as it is, beside what E4M3 leaves.
    /// </summary>
    Int8,
}

/// <summary>Turns stored matrices into other formats while they are loaded.</summary>
internal static unsafe class WeightConversion
{
    private const float LargestE4M3 = 448;

    /// <summary>The least that counts as a block's largest magnitude, so that the scale of a block of zeros has an inverse: as in DeepGEMM's cast.</summary>
    private const float SmallestPeak = 1e-4f;

    /// <summary>The format that a weight is to be kept in.</summary>
    /// <param name="declaration">Its name in the checkpoint, with its place left open.</param>
    public static WeightFormat Target(string declaration, StoredTensor tensor, WeightFormat stored, WeightStorage storage)
    {
        if (storage == WeightStorage.AsStored || tensor.Shape.Count != 2 || !IsLinear(declaration)) return stored;
        return storage switch
        {
            WeightStorage.BF16 => WeightFormat.BF16,
            WeightStorage.E4M3 => WeightFormat.E4M3,
            // Absorbed attention reads this one along its columns, where every number would have a scale of its own.
            _ => declaration.EndsWith(".kv_b_proj.weight", StringComparison.Ordinal) ? stored : WeightFormat.Int8,
        };
    }

    /// <summary>Bytes of a matrix's numbers in a format.</summary>
    public static long DataBytes(StoredTensor tensor, WeightFormat format) => tensor.Count * format switch
    {
        WeightFormat.F32 => 4,
        WeightFormat.BF16 or WeightFormat.F16 => 2,
        _ => 1,
    };

    /// <summary>Bytes of a matrix's scales in a format.</summary>
    public static long ScaleBytes(StoredTensor tensor, WeightFormat format) => tensor.Shape.Count == 2
        ? ScaleBlocks.Count(format, tensor.Shape[0], tensor.Shape[1]) * sizeof(float)
        : 0;

    /// <summary>Converts a matrix.</summary>
    /// <param name="weight">As stored.</param>
    /// <param name="format">BF16, E4M3 or Int8.</param>
    /// <param name="data">Room for <see cref="DataBytes"/>.</param>
    /// <param name="scales">Room for <see cref="ScaleBytes"/>.</param>
    public static void Convert(BoundWeight weight, WeightFormat format, byte* data, float* scales)
    {
        int rows = weight.Tensor.Shape[0], columns = weight.Tensor.Shape[1];
        Parallel.For(0, WeightBinding.Blocks(rows), band =>
        {
            int first = band * MatrixView.ScaleBlock, end = Math.Min(rows, first + MatrixView.ScaleBlock);
            for (int block = 0; block < WeightBinding.Blocks(columns); block++)
            {
                int from = block * MatrixView.ScaleBlock, to = Math.Min(columns, from + MatrixView.ScaleBlock);
                if (format == WeightFormat.BF16) ToBF16(weight, first, end, from, to, (ushort*)data);
                else if (format == WeightFormat.Int8) ToInt8(weight, first, end, from, to, (sbyte*)data, scales);
                else ToE4M3(weight, first, end, from, to, data, scales + (long)band * WeightBinding.Blocks(columns) + block);
            }
        });
    }

    private static bool IsLinear(string declaration)
    {
        string name = declaration.Split('.')[^2];
        return name.Contains("proj", StringComparison.Ordinal) && name != "eh_proj";
    }

    private static void ToBF16(BoundWeight weight, int first, int end, int from, int to, ushort* data)
    {
        long columns = weight.Columns;
        for (int row = first; row < end; row++)
            for (int column = from; column < to; column++) data[row * columns + column] = ElementCasts.EncodeBF16(Number(weight, row, column));
    }

    private static void ToE4M3(BoundWeight weight, int first, int end, int from, int to, byte* data, float* scale)
    {
        long columns = weight.Columns;
        float largest = 0;
        for (int row = first; row < end; row++)
        {
            for (int column = from; column < to; column++)
            {
                float size = Math.Abs(Number(weight, row, column));
                // What is not a number stays one, for the check of the logits to name.
                if (!(size <= largest)) largest = size;
            }
        }

        if (largest < SmallestPeak) largest = SmallestPeak;
        *scale = largest / LargestE4M3;
        float inverse = 1 / *scale;
        for (int row = first; row < end; row++)
            for (int column = from; column < to; column++) data[row * columns + column] = ElementCasts.EncodeE4M3(Number(weight, row, column) * inverse);
    }

    private static void ToInt8(BoundWeight weight, int first, int end, int from, int to, sbyte* data, float* scales)
    {
        const float Most = 127;
        long columns = weight.Columns, groups = ScaleBlocks.Of(weight.Columns, Int8.ScaleColumns);
        for (int row = first; row < end; row++)
        {
            for (int start = from; start < to; start += Int8.ScaleColumns)
            {
                int stop = Math.Min(to, start + Int8.ScaleColumns);
                float largest = 0;
                for (int column = start; column < stop; column++)
                {
                    float size = Math.Abs(Number(weight, row, column));
                    if (!(size <= largest)) largest = size;
                }

                // No code stands for what is not a number or infinite: the scale does, and with it the whole group.
                scales[row * groups + start / Int8.ScaleColumns] = float.IsFinite(largest) ? largest / Most : float.NaN;
                float inverse = largest > 0 && float.IsFinite(largest) ? Most / largest : 0;
                for (int column = start; column < stop; column++)
                    data[row * columns + column] = inverse > 0 ? (sbyte)MathF.Round(Math.Clamp(Number(weight, row, column) * inverse, -Most, Most)) : (sbyte)0;
            }
        }
    }

    private static float Number(BoundWeight weight, int row, int column)
    {
        long at = (long)row * weight.Columns + column;
        byte* data = weight.Tensor.Data;
        return weight.Format switch
        {
            WeightFormat.F32 => ((float*)data)[at],
            WeightFormat.BF16 => ElementCasts.DecodeBF16(((ushort*)data)[at]),
            WeightFormat.F16 => ElementCasts.DecodeF16(((ushort*)data)[at]),
            _ => ElementCasts.DecodeE4M3(data[at])
                * ((float*)weight.Scales!.Data)[row / MatrixView.ScaleBlock * WeightBinding.Blocks(weight.Columns) + column / MatrixView.ScaleBlock],
        };
    }
}
