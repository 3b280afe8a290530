using ILGPU;
using Sinter.Devices.Cuda.Instructions;

namespace Sinter.Devices.Cuda.Kernels;

/// <summary>
/// Attention's online softmax in the registers of a warp that has 16 rows: the sums of the first product lie as the second product's
/// factor must.
/// </summary>
public static class OnlineSoftmax
{
    /// <summary>Below every score; not infinite, so that differences stay numbers.</summary>
    private const float Lowest = -1e30f;

    /// <summary>Rows that have seen nothing yet.</summary>
    public static AttendedRows Begin()
    {
        AttendedRows rows = default;
        rows.UpperMost = Lowest;
        rows.LowerMost = Lowest;
        return rows;
    }

    /// <summary>Positions after the last one that a row sees weigh nothing.</summary>
    /// <param name="scores">Of 32 positions.</param>
    /// <param name="upper">The last position that the upper row sees, counted from the lane's first.</param>
    /// <param name="lower">The same of the lower row.</param>
    public static Strip Mask(Strip scores, int upper, int lower)
    {
        scores.C0 = Mask(scores.C0, upper, lower);
        scores.C1 = Mask(scores.C1, upper - 8, lower - 8);
        scores.C2 = Mask(scores.C2, upper - 16, lower - 16);
        scores.C3 = Mask(scores.C3, upper - 24, lower - 24);
        return scores;
    }

    /// <summary>A step of the online softmax: what was summed is brought to the new maximum, and weights times values are added.</summary>
    /// <param name="rows">What the lane has so far.</param>
    /// <param name="scores">Of the step's positions, not scaled.</param>
    /// <param name="scale">Of scores, positive, for powers of two.</param>
    /// <param name="keys">Positions of the step, a constant: 32, or 16 in the scores' first half.</param>
    /// <param name="columns">Numbers of values, a constant: up to 128.</param>
    /// <param name="values">BF16 in shared memory: the lane's row of the step's first 16 positions.</param>
    /// <param name="rowBytes">Of a position, a constant.</param>
    /// <param name="lane">Of the warp.</param>
    public static AttendedRows Attend(AttendedRows rows, Strip scores, float scale, int keys, int columns, long values, int rowBytes, int lane)
    {
        float upper = Most(scores.C0.X, scores.C0.Y, scores.C1.X, scores.C1.Y);
        float lower = Most(scores.C0.Z, scores.C0.W, scores.C1.Z, scores.C1.W);
        if (keys > 16)
        {
            upper = IntrinsicMath.Max(upper, Most(scores.C2.X, scores.C2.Y, scores.C3.X, scores.C3.Y));
            lower = IntrinsicMath.Max(lower, Most(scores.C2.Z, scores.C2.W, scores.C3.Z, scores.C3.W));
        }

        upper = IntrinsicMath.Max(rows.UpperMost, Quads.Maximum(upper) * scale);
        lower = IntrinsicMath.Max(rows.LowerMost, Quads.Maximum(lower) * scale);
        float upperFactor = Exponential.OfTwo(rows.UpperMost - upper), lowerFactor = Exponential.OfTwo(rows.LowerMost - lower);
        rows.UpperMost = upper;
        rows.LowerMost = lower;
        rows.UpperTotal *= upperFactor;
        rows.LowerTotal *= lowerFactor;
        rows.Results = Strips.Scale(rows.Results, upperFactor, lowerFactor);
        rows = Add(rows, scores.C0, scores.C1, scale, columns, values, lane);
        if (keys > 16) rows = Add(rows, scores.C2, scores.C3, scale, columns, values + (16 * rowBytes), lane);
        return rows;
    }

    /// <summary>16 positions' weights, and their values times them.</summary>
    private static AttendedRows Add(AttendedRows rows, Sums left, Sums right, float scale, int columns, long values, int lane)
    {
        left = Power(left, scale, rows.UpperMost, rows.LowerMost);
        right = Power(right, scale, rows.UpperMost, rows.LowerMost);
        rows.UpperTotal += left.X + left.Y + (right.X + right.Y);
        rows.LowerTotal += left.Z + left.W + (right.Z + right.W);
        rows.Results = AddValues(rows.Results, Weights(left, right), columns, values, lane);
        return rows;
    }

    private static Sums Mask(Sums scores, int upper, int lower)
    {
        Sums result;
        result.X = upper >= 0 ? scores.X : Lowest;
        result.Y = upper >= 1 ? scores.Y : Lowest;
        result.Z = lower >= 0 ? scores.Z : Lowest;
        result.W = lower >= 1 ? scores.W : Lowest;
        return result;
    }

    private static float Most(float a, float b, float c, float d) => IntrinsicMath.Max(IntrinsicMath.Max(a, b), IntrinsicMath.Max(c, d));

    private static Sums Power(Sums scores, float scale, float upper, float lower)
    {
        Sums result;
        result.X = Exponential.OfTwo((scores.X * scale) - upper);
        result.Y = Exponential.OfTwo((scores.Y * scale) - upper);
        result.Z = Exponential.OfTwo((scores.Z * scale) - lower);
        result.W = Exponential.OfTwo((scores.W * scale) - lower);
        return result;
    }

    /// <summary>Powers of 16 rows and 16 positions as the left factor of a product.</summary>
    private static Words Weights(Sums left, Sums right)
    {
        Words result;
        result.X = Narrowing.ToBF16(left.Y, left.X);
        result.Y = Narrowing.ToBF16(left.W, left.Z);
        result.Z = Narrowing.ToBF16(right.Y, right.X);
        result.W = Narrowing.ToBF16(right.W, right.Z);
        return result;
    }

    /// <summary>16 positions' values times their weights for 16 rows. Chunk c of 16 bytes of position r lies at c ^ (r % 8).</summary>
    /// <param name="sums">What was added so far.</param>
    /// <param name="weights">16 rows by 16 positions.</param>
    /// <param name="columns">Numbers of values.</param>
    /// <param name="row">The lane's position at the first number.</param>
    /// <param name="lane">Lanes from 16 on give the second 8 of 16 numbers.</param>
    private static WideSums AddValues(WideSums sums, Words weights, int columns, long row, int lane)
    {
        int turn = lane & 7, half = lane >> 4;
        long at0 = row + ((half ^ turn) * 16), at1 = row + (((2 + half) ^ turn) * 16);
        long at2 = row + (((4 + half) ^ turn) * 16), at3 = row + (((6 + half) ^ turn) * 16);
        sums.C0 = AddValues(sums.C0, weights, at0, at1);
        if (columns > 32) sums.C1 = AddValues(sums.C1, weights, at2, at3);
        if (columns > 64) sums.C2 = AddValues(sums.C2, weights, at0 + 128, at1 + 128);
        if (columns > 96) sums.C3 = AddValues(sums.C3, weights, at2 + 128, at3 + 128);
        return sums;
    }

    private static Strip AddValues(Strip sums, Words weights, long left, long right)
        => Strips.Add<BF16>(sums, weights, TensorCore.LoadMatricesTurned(left), TensorCore.LoadMatricesTurned(right));
}

/// <summary>What a lane keeps of its two rows, the upper and eight below.</summary>
public struct AttendedRows
{
    /// <summary>Values times powers.</summary>
    public WideSums Results;

    /// <summary>The greatest scores so far, scaled.</summary>
    public float UpperMost;
    public float LowerMost;

    /// <summary>The lane's part of the sums of powers.</summary>
    public float UpperTotal;
    public float LowerTotal;

    /// <summary>Values times weights: the powers over their sum.</summary>
    public readonly WideSums Weighted() => Strips.Scale(Results, 1 / Quads.Sum(UpperTotal), 1 / Quads.Sum(LowerTotal));
}
