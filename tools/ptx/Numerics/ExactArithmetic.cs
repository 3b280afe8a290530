using System;

namespace Sinter.Ptx.Numerics;

/// <summary>
/// Sums, products and quotients of numbers of at most 32 bits, as doubles rounded to odd: inexact results get an
/// odd last bit, so that rounding once more, in any mode, to a narrower format gives the correctly rounded result
/// (Boldo and Melquiond, "When double rounding is odd").
/// </summary>
internal static class ExactArithmetic
{
    public static double Add(double a, double b)
    {
        var sum = a + b;
        if (!double.IsFinite(sum))
        {
            return sum;
        }

        return Odd(sum, SumError(a, b, sum));
    }

    /// <summary>The product of two numbers of at most 24 bits is exact in a double.</summary>
    public static double MultiplyAdd(double a, double b, double c) => Add(a * b, c);

    public static double Divide(double a, double b)
    {
        var quotient = a / b;
        if (!double.IsFinite(quotient) || quotient == 0)
        {
            return quotient;
        }

        var rest = Math.FusedMultiplyAdd(-quotient, b, a);
        return Odd(quotient, b < 0 ? -rest : rest);
    }

    public static double SquareRoot(double a)
    {
        var root = Math.Sqrt(a);
        return double.IsFinite(root) && root != 0 ? Odd(root, Math.FusedMultiplyAdd(-root, root, a)) : root;
    }

    /// <summary>The exact error of a rounded sum (Knuth's TwoSum).</summary>
    public static double SumError(double a, double b, double sum)
    {
        var second = sum - a;
        return (a - (sum - second)) + (b - second);
    }

    /// <summary>A double result with the sign of its error, rounded in a direction.</summary>
    public static double Direct(double result, double error, Rounding rounding)
    {
        if (rounding == Rounding.Nearest || error == 0 || !double.IsFinite(result))
        {
            return result;
        }

        return rounding switch
        {
            Rounding.Down => error < 0 ? Math.BitDecrement(result) : result,
            Rounding.Up => error > 0 ? Math.BitIncrement(result) : result,
            _ when result > 0 => error < 0 ? Math.BitDecrement(result) : result,
            _ => error > 0 ? Math.BitIncrement(result) : result,
        };
    }

    private static double Odd(double result, double error)
    {
        if (error == 0 || (BitConverter.DoubleToUInt64Bits(result) & 1) == 1)
        {
            return result;
        }

        return error > 0 ? Math.BitIncrement(result) : Math.BitDecrement(result);
    }
}
