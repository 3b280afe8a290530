using ILGPU;
using Sinter.Devices.Cuda.Instructions;

namespace Sinter.Devices.Cuda.Kernels;

/// <summary>What is done with a warp's sums for 16 rows by 32 columns.</summary>
public static class Strips
{
    /// <summary>The products of 32 bytes in depth added.</summary>
    /// <param name="sums">What was added so far.</param>
    /// <param name="a">16 rows.</param>
    /// <param name="left">Columns 0 to 15.</param>
    /// <param name="right">Columns 16 to 31.</param>
    public static Strip Add<TElement>(Strip sums, Words a, Words left, Words right)
        where TElement : struct, IElement
    {
        var element = default(TElement);
        Strip result;
        result.C0 = element.Multiply(a, left.X, left.Y, sums.C0);
        result.C1 = element.Multiply(a, left.Z, left.W, sums.C1);
        result.C2 = element.Multiply(a, right.X, right.Y, sums.C2);
        result.C3 = element.Multiply(a, right.Z, right.W, sums.C3);
        return result;
    }

    /// <summary>A piece of 128 bytes in depth added: four steps.</summary>
    /// <param name="sums">What was added so far.</param>
    /// <param name="row">Where this lane's row of the 16 begins in shared memory.</param>
    /// <param name="a0">Which chunk of 16 bytes the lane takes at each step.</param>
    /// <param name="left0">Columns 0 to 15 of each step.</param>
    /// <param name="right0">Columns 16 to 31 of each step.</param>
    public static Strip Deepen<TElement>(
        Strip sums, long row, int a0, int a1, int a2, int a3, Words left0, Words left1, Words left2, Words left3, Words right0, Words right1, Words right2, Words right3)
        where TElement : struct, IElement
    {
        sums = Add<TElement>(sums, TensorCore.LoadMatrices(row + (a0 * 16)), left0, right0);
        sums = Add<TElement>(sums, TensorCore.LoadMatrices(row + (a1 * 16)), left1, right1);
        sums = Add<TElement>(sums, TensorCore.LoadMatrices(row + (a2 * 16)), left2, right2);
        return Add<TElement>(sums, TensorCore.LoadMatrices(row + (a3 * 16)), left3, right3);
    }

    /// <summary>Sums of 128 in depth, multiplied by the scales of the upper and lower rows and added.</summary>
    public static Strip Promote(Strip sums, Strip part, float upper, float lower) => Promote(sums, part, upper, lower, upper, lower);

    /// <summary>The same where the right 16 columns have scales of their own.</summary>
    public static Strip Promote(Strip sums, Strip part, float upper, float lower, float rightUpper, float rightLower)
    {
        Strip result;
        result.C0 = Promote(sums.C0, part.C0, upper, lower);
        result.C1 = Promote(sums.C1, part.C1, upper, lower);
        result.C2 = Promote(sums.C2, part.C2, rightUpper, rightLower);
        result.C3 = Promote(sums.C3, part.C3, rightUpper, rightLower);
        return result;
    }

    /// <summary>The same for a warpgroup's sums.</summary>
    public static WideSums Promote(WideSums sums, WideSums part, float upper, float lower)
    {
        WideSums result;
        result.C0 = Promote(sums.C0, part.C0, upper, lower);
        result.C1 = Promote(sums.C1, part.C1, upper, lower);
        result.C2 = Promote(sums.C2, part.C2, upper, lower);
        result.C3 = Promote(sums.C3, part.C3, upper, lower);
        return result;
    }

    /// <summary>A warp's sums of 16 by 128, the upper and lower rows each times a factor.</summary>
    public static WideSums Scale(WideSums sums, float upper, float lower)
    {
        WideSums result;
        result.C0 = Scale(sums.C0, upper, lower);
        result.C1 = Scale(sums.C1, upper, lower);
        result.C2 = Scale(sums.C2, upper, lower);
        result.C3 = Scale(sums.C3, upper, lower);
        return result;
    }

    /// <summary>The greatest magnitude of a lane's numbers in the upper row.</summary>
    public static float UpperMost(WideSums sums)
        => IntrinsicMath.Max(IntrinsicMath.Max(UpperMost(sums.C0), UpperMost(sums.C1)), IntrinsicMath.Max(UpperMost(sums.C2), UpperMost(sums.C3)));

    /// <summary>The same in the lower row.</summary>
    public static float LowerMost(WideSums sums)
        => IntrinsicMath.Max(IntrinsicMath.Max(LowerMost(sums.C0), LowerMost(sums.C1)), IntrinsicMath.Max(LowerMost(sums.C2), LowerMost(sums.C3)));

    private static float UpperMost(Strip sums)
        => IntrinsicMath.Max(IntrinsicMath.Max(Most(sums.C0.X, sums.C0.Y), Most(sums.C1.X, sums.C1.Y)), IntrinsicMath.Max(Most(sums.C2.X, sums.C2.Y), Most(sums.C3.X, sums.C3.Y)));

    private static float LowerMost(Strip sums)
        => IntrinsicMath.Max(IntrinsicMath.Max(Most(sums.C0.Z, sums.C0.W), Most(sums.C1.Z, sums.C1.W)), IntrinsicMath.Max(Most(sums.C2.Z, sums.C2.W), Most(sums.C3.Z, sums.C3.W)));

    /// <summary>The greater of two magnitudes.</summary>
    public static float Most(float x, float y) => IntrinsicMath.Max(IntrinsicMath.Abs(x), IntrinsicMath.Abs(y));

    /// <summary>The same of 16 by 32.</summary>
    public static Strip Scale(Strip sums, float upper, float lower)
    {
        Strip result;
        result.C0 = Scale(sums.C0, upper, lower);
        result.C1 = Scale(sums.C1, upper, lower);
        result.C2 = Scale(sums.C2, upper, lower);
        result.C3 = Scale(sums.C3, upper, lower);
        return result;
    }

    internal static Sums Scale(Sums sums, float upper, float lower)
    {
        Sums result;
        result.X = sums.X * upper;
        result.Y = sums.Y * upper;
        result.Z = sums.Z * lower;
        result.W = sums.W * lower;
        return result;
    }

    private static Sums Promote(Sums sums, Sums part, float upper, float lower)
    {
        Sums result;
        result.X = sums.X + (part.X * upper);
        result.Y = sums.Y + (part.Y * upper);
        result.Z = sums.Z + (part.Z * lower);
        result.W = sums.W + (part.W * lower);
        return result;
    }
}
