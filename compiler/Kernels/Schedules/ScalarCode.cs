using System;
using System.Collections.Generic;
using Sinter.Compiler.Graph;
using Sinter.Compiler.Kernels.Loops;
using static Sinter.Compiler.Kernels.Loops.Build;

namespace Sinter.Compiler.Kernels.Schedules;

/// <summary>
/// Scalar functions as expressions. What depends on nothing that varies along the row stays a single number, worked out
/// once before the loop.
/// </summary>
internal static class ScalarCode
{
    /// <param name="arguments">Floats, for what is the same along the row, and lanes.</param>
    /// <param name="before">Where numbers are made that the whole row shares.</param>
    public static Expression InLanes(Scalar scalar, IReadOnlyList<Expression> arguments, Body before) =>
        AsLanes(Evaluate(scalar, arguments, before), before);

    /// <summary>All arguments being floats.</summary>
    public static Expression AsNumber(Scalar scalar, IReadOnlyList<Expression> arguments) => Evaluate(scalar, arguments, new Body());

    /// <summary>The arguments that a function reads.</summary>
    public static IEnumerable<int> Arguments(Scalar scalar) => scalar switch
    {
        Argument argument => [argument.Index],
        Unary unary => Arguments(unary.Operand),
        Binary binary => [.. Arguments(binary.Left), .. Arguments(binary.Right)],
        _ => [],
    };

    private static Expression Evaluate(Scalar scalar, IReadOnlyList<Expression> arguments, Body before)
    {
        switch (scalar)
        {
            case Constant constant:
                return new Real(constant.Value);
            case Argument argument:
                return arguments[argument.Index];
            case Unary unary:
                Expression operand = Evaluate(unary.Operand, arguments, before);
                return Make(operand.Kind, Function(unary.Operator), operand);
            case Binary { Operator: BinaryOperator.Add, Left: Binary { Operator: BinaryOperator.Multiply } product } sum:
                return MultiplyAdd(product, sum.Right, arguments, before);
            case Binary { Operator: BinaryOperator.Add, Right: Binary { Operator: BinaryOperator.Multiply } product } sum:
                return MultiplyAdd(product, sum.Left, arguments, before);
            case Binary binary:
                return Apply(binary.Operator, Evaluate(binary.Left, arguments, before), Evaluate(binary.Right, arguments, before), before);
            default:
                throw new ArgumentOutOfRangeException(nameof(scalar));
        }
    }

    private static Expression MultiplyAdd(Binary product, Scalar addend, IReadOnlyList<Expression> arguments, Body before)
    {
        Expression a = Evaluate(product.Left, arguments, before), b = Evaluate(product.Right, arguments, before);
        Expression c = Evaluate(addend, arguments, before);
        if (a.Kind == Kind.Float && b.Kind == Kind.Float) return Apply(BinaryOperator.Add, a * b, c, before);
        return Make(Kind.Lanes, Loops.Function.Fma, AsLanes(a, before), AsLanes(b, before), AsLanes(c, before));
    }

    private static Expression Apply(BinaryOperator operation, Expression left, Expression right, Body before)
    {
        if (left.Kind != right.Kind) (left, right) = (AsLanes(left, before), AsLanes(right, before));
        return operation switch
        {
            BinaryOperator.Add => left + right,
            BinaryOperator.Subtract => left - right,
            BinaryOperator.Multiply => left * right,
            BinaryOperator.Divide => left / right,
            BinaryOperator.Max => Max(left, right),
            BinaryOperator.Min => Min(left, right),
            _ => throw new ArgumentOutOfRangeException(nameof(operation)),
        };
    }

    private static Expression AsLanes(Expression value, Body before)
    {
        if (value.Kind == Kind.Lanes) return value;
        return value is Real ? All(value) : All(before.Named("shared", value));
    }

    private static Function Function(UnaryOperator operation) => operation switch
    {
        UnaryOperator.Negate => Loops.Function.Negate,
        UnaryOperator.Exp => Loops.Function.Exp,
        UnaryOperator.Log => Loops.Function.Log,
        UnaryOperator.Sqrt => Loops.Function.Sqrt,
        UnaryOperator.Rsqrt => Loops.Function.Rsqrt,
        UnaryOperator.Sigmoid => Loops.Function.Sigmoid,
        UnaryOperator.Silu => Loops.Function.Silu,
        UnaryOperator.Tanh => Loops.Function.Tanh,
        UnaryOperator.Relu => Loops.Function.Relu,
        UnaryOperator.Abs => Loops.Function.Abs,
        UnaryOperator.Step => Loops.Function.Step,
        _ => throw new ArgumentOutOfRangeException(nameof(operation)),
    };
}
