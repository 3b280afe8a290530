using System;
using System.Collections.Generic;
using System.Linq;

namespace Sinter.Compiler.Graph;

/// <summary>Rewrites scalar functions.</summary>
public static class ScalarAlgebra
{
    /// <summary>The function with every argument replaced.</summary>
    public static Scalar Substitute(this Scalar function, Func<int, Scalar> replacement) => function switch
    {
        Constant => function,
        Argument argument => replacement(argument.Index),
        Unary unary => unary with { Operand = unary.Operand.Substitute(replacement) },
        Binary binary => binary with { Left = binary.Left.Substitute(replacement), Right = binary.Right.Substitute(replacement) },
        _ => throw new NotSupportedException(function.GetType().Name),
    };

    /// <summary>The indices of its arguments, as often as they occur.</summary>
    public static IEnumerable<int> Arguments(this Scalar function) => function switch
    {
        Argument argument => [argument.Index],
        Unary unary => unary.Operand.Arguments(),
        Binary binary => binary.Left.Arguments().Concat(binary.Right.Arguments()),
        _ => [],
    };

    /// <summary>
    /// The function of one argument that the sum of all <paramref name="count"/> arguments goes through, or null where the
    /// function is not one of their sum.
    /// </summary>
    public static Scalar? OfSum(this Scalar function, int count)
    {
        if (IsSumOfAll(function, count)) return new Argument(0);
        return function switch
        {
            Unary unary when unary.Operand.OfSum(count) is { } operand => unary with { Operand = operand },
            Binary { Right: Constant } binary when binary.Left.OfSum(count) is { } left => binary with { Left = left },
            Binary { Left: Constant } binary when binary.Right.OfSum(count) is { } right => binary with { Right = right },
            _ => null,
        };
    }

    private static bool IsSumOfAll(Scalar function, int count) =>
        OnlyAdds(function) && function.Arguments().OrderBy(index => index).SequenceEqual(Enumerable.Range(0, count));

    private static bool OnlyAdds(Scalar function) =>
        function is Argument || function is Binary { Operator: BinaryOperator.Add } sum && OnlyAdds(sum.Left) && OnlyAdds(sum.Right);
}
