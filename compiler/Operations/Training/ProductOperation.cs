using Sinter.Compiler.Graph;

namespace Sinter.Compiler.Operations.Training;

/// <summary>An axis of a product; size zero for the tokens of the step.</summary>
public sealed record ProductAxisShape(int Size, Stride Left, Stride Right, Stride Result);

/// <summary>What the pairs of token and expert are in a product.</summary>
public enum PairAxis
{
    None,
    Rows,
    Depth,
}

/// <summary>
/// result[batch, row, column] (+)= Σ over depth of left[batch, row, depth] · right[batch, depth, column]; of each at most two
/// axes. With pairs, (token, i) in the order of their experts is the rows or the depth, and the batch the experts.
/// [float* left, float* right, float* result, then with pairs ExpertGroups* groups]
/// </summary>
/// <param name="LeftOffset">Of the first number of the left factor; so for the others.</param>
/// <param name="SharesRows">Whether several pairs have one row of the result.</param>
/// <param name="TokenRows">Rows a token, where workers share the step's tokens and each computes the rows of its own; else 0.</param>
/// <param name="CastsDepth">Whether both factors are cast to E4M3 in tiles of 128 along the depth.</param>
/// <param name="RoundsLeft">Whether the scales of the left factor's tiles are then powers of two; so for the right one.</param>
public sealed record ProductOperation(
    string Name,
    string Equation,
    EquatableArray<ProductAxisShape> Batch,
    EquatableArray<ProductAxisShape> Rows,
    EquatableArray<ProductAxisShape> Columns,
    EquatableArray<ProductAxisShape> Depth,
    PairAxis Pairs,
    bool SharesRows,
    int TokenRows,
    bool Adds,
    bool CastsDepth,
    bool RoundsLeft,
    bool RoundsRight,
    int LeftOffset,
    int RightOffset,
    int ResultOffset) : Operation(Name, Equation);

/// <summary>
/// table[offset + index[t] · TableStride + column] += rows[t · RowStride + column] for the tokens t in order.
/// [int* index, float* rows, float* table]
/// </summary>
public sealed record ScatterOperation(string Name, string Equation, int Columns, int RowStride, int TableStride, int Offset) : Operation(Name, Equation);

/// <summary>Rows in BF16, or in tiles of 1×128. [float* from, float* to]</summary>
/// <param name="Repeats">Rows a token.</param>
public sealed record CastOperation(string Name, string Equation, int Repeats, int Width, CastForm Form) : Operation(Name, Equation);

/// <summary>How often each expert was chosen. [int* chosen, int* loads]</summary>
public sealed record CountOperation(string Name, string Equation, int Chosen) : Operation(Name, Equation);
