using System;
using System.Collections.Generic;

namespace Sinter.Compiler.Graph;

/// <summary>A scalar function of nodes that is not a node yet, so that neighbouring maps become one.</summary>
internal sealed class Formula(Scalar scalar, IReadOnlyList<int> inputs, int depth)
{
    public Scalar Scalar => scalar;

    public IReadOnlyList<int> Inputs => inputs;

    /// <summary>Height of the scalar: kept small, for whoever walks it calls himself.</summary>
    public int Depth => depth;

    /// <summary>The node that this is, unchanged, or -1.</summary>
    public int Node => scalar is Argument && inputs.Count == 1 ? inputs[0] : -1;

    public double? Number => scalar is Graph.Constant constant ? constant.Value : null;

    public static Formula Of(int node) => new(new Argument(0), [node], 0);

    public static Formula Constant(double number) => new(new Graph.Constant(number), [], 0);

    public static Formula Apply(UnaryOperator op, Formula operand)
    {
        if (operand.Number is { } number) return Constant(Compute(op, number));
        return new Formula(new Unary(op, operand.Scalar), operand.Inputs, operand.Depth + 1);
    }

    public static Formula Combine(BinaryOperator op, Formula left, Formula right)
    {
        if (left.Number is { } a && right.Number is { } b) return Constant(Compute(op, a, b));
        if (op is BinaryOperator.Multiply or BinaryOperator.Divide && right.Number == 1) return left;
        if (op is BinaryOperator.Multiply && left.Number == 1) return right;

        List<int> inputs = [.. left.Inputs];
        int[] places = new int[right.Inputs.Count];
        for (int i = 0; i < places.Length; i++)
        {
            places[i] = inputs.IndexOf(right.Inputs[i]);
            if (places[i] >= 0) continue;
            places[i] = inputs.Count;
            inputs.Add(right.Inputs[i]);
        }

        return new Formula(new Binary(op, left.Scalar, Move(right.Scalar, places)), inputs, Math.Max(left.Depth, right.Depth) + 1);
    }

    private static Scalar Move(Scalar scalar, int[] places) => scalar switch
    {
        Argument argument => new Argument(places[argument.Index]),
        Unary unary => new Unary(unary.Operator, Move(unary.Operand, places)),
        Binary binary => new Binary(binary.Operator, Move(binary.Left, places), Move(binary.Right, places)),
        _ => scalar,
    };

    private static double Compute(UnaryOperator op, double x) => op switch
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
        _ => Math.Abs(x),
    };

    private static double Compute(BinaryOperator op, double a, double b) => op switch
    {
        BinaryOperator.Add => a + b,
        BinaryOperator.Subtract => a - b,
        BinaryOperator.Multiply => a * b,
        BinaryOperator.Divide => a / b,
        BinaryOperator.Max => Math.Max(a, b),
        _ => Math.Min(a, b),
    };
}
