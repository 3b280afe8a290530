using System;
using System.Collections.Generic;
using Sinter.Compiler.Graph;

namespace Sinter.Tests.Reference;

/// <summary>The scalar functions of maps, in double precision.</summary>
public static class ScalarReference
{
    public static double Evaluate(Scalar function, IReadOnlyList<double> arguments) => function switch
    {
        Constant constant => constant.Value,
        Argument argument => arguments[argument.Index],
        Unary unary => Apply(unary.Operator, Evaluate(unary.Operand, arguments)),
        Binary binary => Apply(binary.Operator, Evaluate(binary.Left, arguments), Evaluate(binary.Right, arguments)),
        _ => throw new NotSupportedException($"The reference knows no scalar {function.GetType().Name}."),
    };

    private static double Apply(UnaryOperator operation, double x) => operation switch
    {
        UnaryOperator.Negate => -x,
        UnaryOperator.Exp => Math.Exp(x),
        UnaryOperator.Log => Math.Log(x),
        UnaryOperator.Sqrt => Math.Sqrt(x),
        UnaryOperator.Rsqrt => 1 / Math.Sqrt(x),
        UnaryOperator.Sigmoid => 1 / (1 + Math.Exp(-x)),
        UnaryOperator.Silu => Math.Max(double.MinValue, x) / (1 + Math.Exp(-x)),
        UnaryOperator.Tanh => Math.Tanh(x),
        UnaryOperator.Relu => Math.Max(x, 0),
        UnaryOperator.Abs => Math.Abs(x),
        UnaryOperator.Step => x > 0 ? 1 : 0,
        _ => throw new NotSupportedException($"The reference knows no {operation}."),
    };

    private static double Apply(BinaryOperator operation, double x, double y) => operation switch
    {
        BinaryOperator.Add => x + y,
        BinaryOperator.Subtract => x - y,
        BinaryOperator.Multiply => x * y,
        BinaryOperator.Divide => x / y,
        BinaryOperator.Max => Math.Max(x, y),
        BinaryOperator.Min => Math.Min(x, y),
        _ => throw new NotSupportedException($"The reference knows no {operation}."),
    };
}
