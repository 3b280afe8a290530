using System;
using Sinter.Compiler.Graph;

namespace Sinter.Compiler.Passes.Differentiation;

/// <summary>Derivatives of the scalar functions of maps, and the algebra that keeps them short.</summary>
public static class ScalarDerivative
{
    public static readonly Scalar Zero = new Constant(0);
    public static readonly Scalar One = new Constant(1);

    /// <summary>
    /// ∂function / ∂argument. Where a function has a corner, one of its slopes: relu and abs have slope 0 at zero, and of two
    /// equal numbers it is the left one that max and min pass on.
    /// </summary>
    public static Scalar By(this Scalar function, int argument) => function switch
    {
        Constant => Zero,
        Argument own => own.Index == argument ? One : Zero,
        Unary unary => Multiply(Slope(unary), unary.Operand.By(argument)),
        Binary binary => By(binary, argument),
        _ => throw new NotSupportedException(function.GetType().Name),
    };

    public static Scalar Add(Scalar left, Scalar right) =>
        left.Equals(Zero) ? right
        : right.Equals(Zero) ? left
        : right is Unary { Operator: UnaryOperator.Negate } negated ? Subtract(left, negated.Operand)
        : new Binary(BinaryOperator.Add, left, right);

    public static Scalar Subtract(Scalar left, Scalar right) =>
        right.Equals(Zero) ? left : left.Equals(Zero) ? Negate(right) : new Binary(BinaryOperator.Subtract, left, right);

    public static Scalar Multiply(Scalar left, Scalar right) => (left, right) switch
    {
        (Constant a, Constant b) => new Constant(a.Value * b.Value),
        (Constant { Value: 0 }, _) or (_, Constant { Value: 0 }) => Zero,
        (Constant { Value: 1 }, _) => right,
        (_, Constant { Value: 1 }) => left,
        (Constant { Value: -1 }, _) => Negate(right),
        (_, Constant { Value: -1 }) => Negate(left),
        _ => new Binary(BinaryOperator.Multiply, left, right),
    };

    public static Scalar Divide(Scalar left, Scalar right) =>
        left.Equals(Zero) ? Zero : right.Equals(One) ? left : new Binary(BinaryOperator.Divide, left, right);

    public static Scalar Negate(Scalar operand) => operand switch
    {
        Constant constant => new Constant(-constant.Value),
        Unary { Operator: UnaryOperator.Negate } negated => negated.Operand,
        _ => new Unary(UnaryOperator.Negate, operand),
    };

    /// <summary>The derivative of a function of one operand by that operand.</summary>
    private static Scalar Slope(Unary unary)
    {
        Scalar x = unary.Operand;
        switch (unary.Operator)
        {
            case UnaryOperator.Negate: return new Constant(-1);
            case UnaryOperator.Exp: return unary;
            case UnaryOperator.Log: return Divide(One, x);
            case UnaryOperator.Sqrt: return Divide(new Constant(0.5), unary);
            case UnaryOperator.Rsqrt: return Multiply(new Constant(-0.5), Divide(unary, x));
            case UnaryOperator.Sigmoid: return Multiply(unary, Subtract(One, unary));
            case UnaryOperator.Tanh: return Subtract(One, Multiply(unary, unary));
            case UnaryOperator.Relu: return Step(x);
            case UnaryOperator.Abs: return Subtract(Step(x), Step(Negate(x)));
            case UnaryOperator.Step: return Zero;
            case UnaryOperator.Silu:
                // (x σ)' = σ + x σ (1 − σ)
                var sigmoid = new Unary(UnaryOperator.Sigmoid, x);
                return Multiply(sigmoid, Add(One, Multiply(x, Subtract(One, sigmoid))));
            default: throw new NotSupportedException(unary.Operator.ToString());
        }
    }

    private static Scalar By(Binary binary, int argument)
    {
        Scalar x = binary.Left, y = binary.Right;
        Scalar dx = x.By(argument), dy = y.By(argument);
        switch (binary.Operator)
        {
            case BinaryOperator.Add: return Add(dx, dy);
            case BinaryOperator.Subtract: return Subtract(dx, dy);
            case BinaryOperator.Multiply: return Add(Multiply(dx, y), Multiply(x, dy));
            case BinaryOperator.Divide: return Subtract(Divide(dx, y), Multiply(Divide(binary, y), dy));
            case BinaryOperator.Max: return Select(Step(Subtract(y, x)), dy, dx);
            case BinaryOperator.Min: return Select(Step(Subtract(x, y)), dy, dx);
            default: throw new NotSupportedException(binary.Operator.ToString());
        }
    }

    private static Scalar Step(Scalar x) => new Unary(UnaryOperator.Step, x);

    /// <summary>One of two slopes, by a condition that is 1 or 0.</summary>
    private static Scalar Select(Scalar condition, Scalar then, Scalar otherwise) =>
        Add(Multiply(condition, then), Multiply(Subtract(One, condition), otherwise));
}
