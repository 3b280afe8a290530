namespace Sinter.Compiler.Kernels.Loops;

/// <summary>What the main loop of a kernel on tensor cores is told: a type that is printed for each.</summary>
/// <param name="Name">Of the printed type.</param>
/// <param name="Captured">What its methods use beside their parameters.</param>
public abstract record TensorShape(string Name, EquatableArray<Name> Captured);

/// <summary>A product as tensor cores do it: factors that are BF16 or become it, sums in float32, and what becomes of the sums.</summary>
/// <param name="Name">Of the printed type.</param>
/// <param name="Captured">What <paramref name="Line"/>, <paramref name="Start"/> and <paramref name="Store"/> use beside their parameters.</param>
/// <param name="Products">1 or 2, with the same rows and weights of their own.</param>
/// <param name="Start">Where the row's activations begin.</param>
/// <param name="Line">Where the column's weights begin.</param>
/// <param name="Store">Takes the sums of row and column.</param>
public sealed record TensorProduct(
    string Name,
    EquatableArray<Name> Captured,
    int Products,
    int Columns,
    int Depth,
    Expression Start,
    Expression Line,
    Run Store) : TensorShape(Name, Captured)
{
    /// <summary>The parameters of what is printed.</summary>
    public static readonly Name Row = new(Kind.Integer, "row");

    /// <inheritdoc cref="Row"/>
    public static readonly Name Column = new(Kind.Integer, "column");

    /// <summary>The sums, of the second product where there are two.</summary>
    public static readonly Name Sum = new(Kind.Float, "sum");

    /// <inheritdoc cref="Sum"/>
    public static readonly Name Second = new(Kind.Float, "second");
}

/// <summary>Attention as tensor cores do it: factors that become BF16, scores, softmax and results in float32.</summary>
/// <param name="Name">Of the printed type.</param>
/// <param name="Captured">What the expressions use beside their parameters.</param>
/// <param name="Depth">Of queries and keys, all parts together.</param>
/// <param name="Width">Of values.</param>
/// <param name="Parts">Warps that share rows.</param>
/// <param name="Keys">Positions of a step.</param>
/// <param name="Scale">Of scores, for powers of two.</param>
/// <param name="Bound">How many positions a row sees.</param>
/// <param name="Query">The address of a row's numbers from <see cref="Number"/> on.</param>
/// <param name="Key">The same of a position's key.</param>
/// <param name="Value">The same of its value; null where a value is its key's first numbers.</param>
/// <param name="Result">Where a row's result begins.</param>
public sealed record TensorAttention(
    string Name,
    EquatableArray<Name> Captured,
    int Depth,
    int Width,
    int Parts,
    int Keys,
    double Scale,
    Expression Bound,
    Expression Query,
    Expression Key,
    Expression? Value,
    Expression Result) : TensorShape(Name, Captured)
{
    /// <summary>The parameters of what is printed.</summary>
    public static readonly Name Row = new(Kind.Integer, "row");

    /// <inheritdoc cref="Row"/>
    public static readonly Name Position = new(Kind.Integer, "position");

    /// <inheritdoc cref="Row"/>
    public static readonly Name Number = new(Kind.Integer, "number");
}
