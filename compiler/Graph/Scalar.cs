namespace Sinter.Compiler.Graph;

/// <summary>What a map does to the numbers at one place of its inputs.</summary>
public abstract record Scalar;

public sealed record Constant(double Value) : Scalar;

/// <summary>The number of the input with this index, at the place in question.</summary>
public sealed record Argument(int Index) : Scalar;

public sealed record Unary(UnaryOperator Operator, Scalar Operand) : Scalar;

public sealed record Binary(BinaryOperator Operator, Scalar Left, Scalar Right) : Scalar;

public enum UnaryOperator
{
    Negate,
    Exp,
    Log,
    Sqrt,
    Rsqrt,
    Sigmoid,
    Silu,
    Tanh,
    Relu,
    Abs,

    /// <summary>1 where the operand is above zero, else 0: the slope of relu, and what max and min choose by.</summary>
    Step,
}

public enum BinaryOperator
{
    Add,
    Subtract,
    Multiply,
    Divide,
    Max,
    Min,
}
