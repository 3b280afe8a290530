using Sinter.Cuda.Instructions;

namespace Sinter.Cuda.Kernels;

/// <summary>A warp's sums for 16 rows by 32 columns.</summary>
public struct Strip
{
    public Sums C0;
    public Sums C1;
    public Sums C2;
    public Sums C3;

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

    /// <summary>Sums of 128 in depth, multiplied by the scales of the upper and lower rows and added.</summary>
    public static Strip Promote(Strip sums, Strip part, float upper, float lower)
    {
        Strip result;
        result.C0 = Promote(sums.C0, part.C0, upper, lower);
        result.C1 = Promote(sums.C1, part.C1, upper, lower);
        result.C2 = Promote(sums.C2, part.C2, upper, lower);
        result.C3 = Promote(sums.C3, part.C3, upper, lower);
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
