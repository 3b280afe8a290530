namespace Sinter.Runtime.Training.Kernels;

/// <summary>An axis of a product: its length, and numbers from one entry to the next in both factors and in the result.</summary>
public readonly struct ProductAxis(int size, long left, long right, long result)
{
    public static readonly ProductAxis One = new(1, 0, 0, 0);

    public readonly int Size = size;
    public readonly long Left = left;
    public readonly long Right = right;
    public readonly long Result = result;
}

/// <summary>Two axes walked as one, the inner one faster; a single one has <see cref="ProductAxis.One"/> outside.</summary>
public readonly struct ProductAxes(ProductAxis outer, ProductAxis inner)
{
    public readonly ProductAxis Outer = outer;
    public readonly ProductAxis Inner = inner;

    public ProductAxes(ProductAxis inner) : this(ProductAxis.One, inner)
    {
    }

    public int Count => Outer.Size * Inner.Size;

    /// <summary>Whether the left factor has all entries next to each other.</summary>
    public bool LeftLiesSideBySide => Inner.Left == 1 && (Outer.Size == 1 || Outer.Left == Inner.Size);

    public long Left(int i) => Outer.Size == 1 ? i * Inner.Left : i / Inner.Size * Outer.Left + i % Inner.Size * Inner.Left;

    public long Right(int i) => Outer.Size == 1 ? i * Inner.Right : i / Inner.Size * Outer.Right + i % Inner.Size * Inner.Right;

    public long Result(int i) => Outer.Size == 1 ? i * Inner.Result : i / Inner.Size * Outer.Result + i % Inner.Size * Inner.Result;
}

/// <summary>Which axes of a product the pairs of token and expert stand for.</summary>
public enum PairRole : byte
{
    /// <summary>None: every product of a batch has the same rows and depth.</summary>
    None,

    /// <summary>Rows: those of an expert's pairs pass its own right factor.</summary>
    Rows,

    /// <summary>Depth: an expert's result sums over its pairs.</summary>
    Depth,
}

/// <summary>
/// result[batch, row, column] (+)= Σ over depth of left[batch, row, depth] · right[batch, depth, column], with any strides.
/// With pairs the batch is the experts, and pair p = (token, i) stands in place of row or depth: of those
/// <see cref="ProductAxes"/> the outer axis is the token, the inner one i.
/// </summary>
public readonly struct ProductShape(
    ProductAxes batch, ProductAxes rows, ProductAxes columns, ProductAxes depth, bool adds, PairRole pairs = PairRole.None, bool sharesRows = false, bool castsDepth = false,
    bool roundsLeft = false, bool roundsRight = false, int tokenRows = 0)
{
    public readonly ProductAxes Batch = batch;
    public readonly ProductAxes Rows = rows;
    public readonly ProductAxes Columns = columns;
    public readonly ProductAxes Depth = depth;

    /// <summary>Whether the result is added to what is there.</summary>
    public readonly bool Adds = adds;

    public readonly PairRole Pairs = pairs;

    /// <summary>Whether several pairs have one row of the result: experts then follow each other.</summary>
    public readonly bool SharesRows = sharesRows;

    /// <summary>Rows a token, where workers share the tokens as all that is computed for each token is shared; else 0.</summary>
    public readonly int TokenRows = tokenRows;

    /// <summary>Whether both factors are cast to E4M3 in tiles of 128 along the depth.</summary>
    public readonly bool CastsDepth = castsDepth;

    /// <summary>Whether the scales of the left factor's tiles are then powers of two.</summary>
    public readonly bool RoundsLeft = roundsLeft;

    /// <summary>The same of the right factor.</summary>
    public readonly bool RoundsRight = roundsRight;
}
