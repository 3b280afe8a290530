using Sinter.Compiler.Graph;

namespace Sinter.Compiler.Operations;

/// <summary>
/// Reductions along rows and maps over them: norms, softmax, rotations, casts, the combination of experts. The rows are
/// the step's tokens, each <paramref name="Repeats"/> times (once for every head, say). A worker takes whole tokens,
/// always the same ones, so that operations on the same rows follow each other without a barrier.
/// </summary>
/// <param name="Width">Numbers a row.</param>
/// <param name="Reductions">In order; each may use the inputs and the reductions before it.</param>
/// <param name="Outputs">Each a function of the inputs, then the reductions.</param>
public sealed record RowOperation(
    string Name,
    string Equation,
    int Repeats,
    int Width,
    EquatableArray<RowInput> Inputs,
    EquatableArray<RowReduction> Reductions,
    EquatableArray<RowOutput> Outputs) : Operation(Name, Equation);

/// <summary>How a row operation finds the number of an input at (token, repeat, column). In brackets: the kernel's parameters for it.</summary>
public enum RowInputKind
{
    /// <summary>x[layout(token, repeat, column)]. [float* x]</summary>
    Elements,

    /// <summary>One number for the whole row: x[layout(token, repeat, 0)]. [float* x]</summary>
    PerRow,

    /// <summary>A stored vector: w[offset + repeat·RepeatStride + column]. [StoredWeight* w]</summary>
    Vector,

    /// <summary>The row of a stored matrix that an index chooses: w[index[token], column]. [StoredWeight* w, int* index]</summary>
    TableRow,

    /// <summary>x[layout(token, repeat, index[token·Width + column])]. [float* x, int* index]</summary>
    Taken,

    /// <summary>
    /// Σ over i &lt; <see cref="RowInput.Count"/> of x[rank[token·Count + i]·RowStride + offset + column], in ascending
    /// order of i. [float* x, int* rank]
    /// </summary>
    GatheredSum,

    /// <summary>
    /// Elements whose neighbouring pairs are rotated by the token's position: with c, s = table[position, pair],
    /// (x0, x1) becomes (x0·c − x1·s, x0·s + x1·c). [float* x, float* table]: the table holds c and s in turn.
    /// </summary>
    Rotated,
}

public sealed record RowInput(RowInputKind Kind, Layout Layout, int Count = 0);

/// <param name="Value">Arguments: the inputs, then the reductions before this one.</param>
public sealed record RowReduction(Reduction Reduction, Scalar Value);

public enum RowTarget
{
    /// <summary>y[layout(token, repeat, column)]. [float* y]</summary>
    Buffer,

    /// <summary>The token's row in its sequence's slot of a cache: Data + slot·SlotStride + position·RowStride + offset + column. [CacheView* cache]</summary>
    Cache,

    /// <summary>Only for rows of width 1: y[layout(token, repeat, 0)]; a reduction stored for later. [float* y]</summary>
    PerRow,
}

/// <param name="Value">Arguments: the inputs, then the reductions.</param>
public sealed record RowOutput(RowTarget Target, Layout Layout, Scalar Value);
