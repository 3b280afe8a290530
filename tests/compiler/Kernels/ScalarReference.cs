using System;
using System.Collections.Generic;
using Sinter.Compiler.Graph;

namespace Sinter.Compiler.Tests.Kernels;

/// <summary>Scalar functions in double precision.</summary>
internal static class ScalarReference
{
    public static double Evaluate(Scalar scalar, IReadOnlyList<double> arguments) => scalar switch
    {
        Constant constant => constant.Value,
        Argument argument => arguments[argument.Index],
        Unary unary => Apply(unary.Operator, Evaluate(unary.Operand, arguments)),
        Binary binary => Apply(binary.Operator, Evaluate(binary.Left, arguments), Evaluate(binary.Right, arguments)),
        _ => throw new ArgumentOutOfRangeException(nameof(scalar)),
    };

    private static double Apply(UnaryOperator operation, double x) => operation switch
    {
        UnaryOperator.Negate => -x,
        UnaryOperator.Exp => Math.Exp(x),
        UnaryOperator.Log => Math.Log(x),
        UnaryOperator.Sqrt => Math.Sqrt(x),
        UnaryOperator.Rsqrt => 1 / Math.Sqrt(x),
        UnaryOperator.Sigmoid => 1 / (1 + Math.Exp(-x)),
        UnaryOperator.Silu => x / (1 + Math.Exp(-x)),
        UnaryOperator.Tanh => Math.Tanh(x),
        UnaryOperator.Relu => Math.Max(x, 0),
        UnaryOperator.Abs => Math.Abs(x),
        UnaryOperator.Step => x > 0 ? 1 : 0,
        _ => throw new ArgumentOutOfRangeException(nameof(operation)),
    };

    private static double Apply(BinaryOperator operation, double a, double b) => operation switch
    {
        BinaryOperator.Add => a + b,
        BinaryOperator.Subtract => a - b,
        BinaryOperator.Multiply => a * b,
        BinaryOperator.Divide => a / b,
        BinaryOperator.Max => Math.Max(a, b),
        BinaryOperator.Min => Math.Min(a, b),
        _ => throw new ArgumentOutOfRangeException(nameof(operation)),
    };
}
