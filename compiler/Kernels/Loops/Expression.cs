namespace Sinter.Compiler.Kernels.Loops;

/// <summary>What a value of the loop language is.</summary>
public enum Kind
{
    Boolean,
    Integer,

    /// <summary>A 64-bit integer: rows times strides may pass 2^31.</summary>
    Long,

    Float,

    /// <summary>A vector of floats, of a length that the target decides.</summary>
    Lanes,

    /// <summary>A place among floats: a buffer, or a row in one.</summary>
    Floats,

    /// <summary>A list of such places.</summary>
    Rows,

    Integers,
    Weight,
    Matrix,

    /// <summary>A row or column of a stored matrix, on a device.</summary>
    Line,
    Cache,
    Groups,
    Step,
    Worker,
    Range,
}

/// <summary>A value of the loop language. It means the same for every target; printers differ in how they spell it.</summary>
public abstract record Expression(Kind Kind)
{
    public static implicit operator Expression(int value) => new Whole(value);

    public static Expression operator +(Expression a, Expression b) => Fold(Operator.Add, a, b);

    public static Expression operator -(Expression a, Expression b) => Fold(Operator.Subtract, a, b);

    public static Expression operator *(Expression a, Expression b) => Fold(Operator.Multiply, a, b);

    public static Expression operator /(Expression a, Expression b) => Fold(Operator.Divide, a, b);

    public static Expression operator %(Expression a, Expression b) => new Arithmetic(Operator.Remainder, a, b);

    public static Expression operator <(Expression a, Expression b) => new Arithmetic(Operator.Less, a, b);

    public static Expression operator >(Expression a, Expression b) => new Arithmetic(Operator.Greater, a, b);

    public static Expression operator <=(Expression a, Expression b) => new Arithmetic(Operator.LessOrEqual, a, b);

    public static Expression operator >=(Expression a, Expression b) => new Arithmetic(Operator.GreaterOrEqual, a, b);

    public static Expression operator &(Expression a, Expression b) => new Arithmetic(Operator.And, a, b);

    public static Expression operator |(Expression a, Expression b) => new Arithmetic(Operator.Or, a, b);

    public Expression Is(Expression other) => new Arithmetic(Operator.Equal, this, other);

    /// <summary>The number or place at an index; a float, an integer or a row, by what this is a place of.</summary>
    public Expression this[Expression index] => new Element(
        Kind switch { Kind.Floats => Kind.Float, Kind.Rows => Kind.Floats, Kind.Range => Kind.Range, _ => Kind.Integer }, this, index);

    /// <summary>A field of one of the structures that a step is described with.</summary>
    public Expression Field(string name, Kind kind) => new Member(kind, this, name);

    private static Expression Fold(Operator operation, Expression a, Expression b) => (operation, a, b) switch
    {
        (Operator.Add or Operator.Subtract, _, Whole { Value: 0 }) => a,
        (Operator.Add, Whole { Value: 0 }, _) => b,
        (Operator.Multiply or Operator.Divide, _, Whole { Value: 1 }) => a,
        (Operator.Multiply, Whole { Value: 1 }, _) => b,
        (Operator.Multiply, _, Whole { Value: 0 }) => b,
        (Operator.Multiply, Whole { Value: 0 }, _) => a,
        _ => new Arithmetic(operation, a, b),
    };
}

public enum Operator
{
    Multiply,
    Divide,
    Remainder,
    Add,
    Subtract,
    Less,
    Greater,
    LessOrEqual,
    GreaterOrEqual,
    Equal,
    And,
    Or,
}

public sealed record Whole(long Value) : Expression(Kind.Integer);

public sealed record Real(double Value) : Expression(Kind.Float);

/// <summary>A variable, a parameter, or a constant of the kernel.</summary>
public sealed record Name(Kind Kind, string Text) : Expression(Kind);

/// <summary>Lanes where one side is; else long, float or integer. A place plus a number is a place further on.</summary>
public sealed record Arithmetic(Operator Operator, Expression Left, Expression Right) : Expression(Result(Operator, Left.Kind, Right.Kind))
{
    private static Kind Result(Operator operation, Kind left, Kind right) =>
        operation >= Operator.Less ? Kind.Boolean
        : left is Kind.Floats or Kind.Rows or Kind.Lanes or Kind.Integers ? left
        : right is Kind.Lanes or Kind.Long or Kind.Float ? right
        : left;
}

public sealed record Element(Kind Kind, Expression Place, Expression Index) : Expression(Kind);

public sealed record Member(Kind Kind, Expression Of, string Selector) : Expression(Kind);

public sealed record Conditional(Expression Condition, Expression Then, Expression Otherwise) : Expression(Then.Kind);

public sealed record Call(Kind Kind, Function Function, EquatableArray<Expression> Arguments) : Expression(Kind);

/// <summary>What targets offer besides arithmetic.</summary>
public enum Function
{
    /// <summary>(a, b): of integers, floats or lanes.</summary>
    Min,
    Max,

    /// <summary>(a, b, c): a·b + c, rounded once.</summary>
    Fma,

    Exp,
    Log,
    Sqrt,
    Rsqrt,
    Sigmoid,
    Silu,
    Tanh,
    Relu,
    Abs,

    /// <summary>1 where the number is above zero, else 0.</summary>
    Step,
    Negate,

    Not,

    /// <summary>How many lanes there are.</summary>
    LaneCount,

    /// <summary>(width, at): how many lanes a row of this width still fills from there on, at most all; whole vectors lie before.</summary>
    LanesLeft,

    /// <summary>(number): the same in every lane.</summary>
    All,

    /// <summary>(place, count): the first lanes from memory, zero in the others.</summary>
    LoadLanes,

    /// <summary>(weight, element, count): as <see cref="LoadLanes"/>, widened from the stored format.</summary>
    WidenLanes,

    /// <summary>(a, count, rest): the first lanes of a, then those of rest.</summary>
    FirstLanes,

    /// <summary>(x, rotation): neighbouring lanes as pairs, turned by cosine and sine in turn.</summary>
    RotatePairs,

    /// <summary>Of the lanes.</summary>
    Sum,
    Largest,

    /// <summary>(number): as 64 bits.</summary>
    Long,

    /// <summary>(number): of an integer, as a float.</summary>
    Float,

    /// <summary>(weight, offset, column stride, depth stride, block, block stride): a stored matrix seen as [column, depth].</summary>
    View,

    /// <summary>(weight, element): one number, widened and scaled; on a device.</summary>
    WidenAt,

    /// <summary>(weight, element): the stored row from an element on; on a device.</summary>
    LineAt,

    /// <summary>(weight, line, index): one number of a line, widened and scaled; on a device.</summary>
    WidenInLine,

    /// <summary>(weight, expert): the tensor of one expert; on a device.</summary>
    OfExpert,

    /// <summary>(place, index): a number's address, for kernels on tensor cores.</summary>
    AddressAt,

    /// <summary>Of the main loop on tensor cores that the kernel is made for.</summary>
    TileRows,
    TileColumns,
}
