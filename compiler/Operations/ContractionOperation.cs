using Sinter.Compiler.Graph;

namespace Sinter.Compiler.Operations;

/// <summary>
/// y[row, batch, column] = epilogue(A0, A1, …, extras), where each accumulator A is a sum over terms of
/// Σ over depth of x[row, batch, depth] · w[batch, column, depth].
/// </summary>
/// <param name="Rows">What the rows are, and so how inputs and outputs find them.</param>
/// <param name="Batch">Products side by side, with their own inputs and weights: the heads; else 1.</param>
/// <param name="Columns">Outputs a row and batch.</param>
/// <param name="Epilogue">Arguments: the accumulators, then the extras.</param>
/// <param name="Output">Layout of y; the batch is the layout's repeat.</param>
public sealed record ContractionOperation(
    string Name,
    string Equation,
    RowSource Rows,
    int Batch,
    int Columns,
    EquatableArray<ContractionInput> Inputs,
    EquatableArray<ContractionWeight> Weights,
    EquatableArray<Accumulator> Accumulators,
    EquatableArray<ContractionExtra> Extras,
    Scalar Epilogue,
    Layout Output) : Operation(Name, Equation);

/// <summary>What the rows of a contraction are. In brackets: parameters that come first in the kernel's list.</summary>
public enum RowSource
{
    /// <summary>The tokens of the step.</summary>
    Tokens,

    /// <summary>
    /// The tokens in a list: an indexed input's row i is rows[i]; all else has row i. [int* rows, int count]
    /// </summary>
    Listed,

    /// <summary>
    /// All positions of the step's sequences. The inputs are caches: row p of sequence q stands at
    /// Data + Slot·SlotStride + p·RowStride; in the output it is row FirstKey + p.
    /// </summary>
    Keys,

    /// <summary>
    /// Pairs of token and expert, ordered by expert (see <see cref="GroupOperation"/>): segment e, rows Offsets[e] up to
    /// Offsets[e+1], uses expert e's weights. An indexed input's row i is the token Pairs[i] / Chosen; an indexed extra's is
    /// the pair Pairs[i]; all else has row i. [ExpertGroups* groups]; weights are StoredWeight* to expert 0's, then 1's…
    /// </summary>
    Experts,
}

/// <summary>Rows of activations. [float* x], or [CacheView* x] where the rows are keys.</summary>
/// <param name="Layout">The batch is the layout's repeat; depth entries lie side by side.</param>
/// <param name="Indexed">Whether the row goes through the row source's list.</param>
public sealed record ContractionInput(Layout Layout, int Depth, bool Indexed = false);

/// <summary>
/// A view of a stored matrix: number (batch, column, depth) is element Offset + batch·BatchStride +
/// (column / Block)·BlockStride + (column % Block)·ColumnStride + depth·DepthStride. [StoredWeight* w]
/// One of ColumnStride and DepthStride is 1; the other is a multiple of the stored matrix's columns.
/// </summary>
public sealed record ContractionWeight(int Offset, int BatchStride, int Block, int BlockStride, int ColumnStride, int DepthStride);

/// <param name="Terms">What is added up.</param>
public sealed record Accumulator(EquatableArray<Term> Terms);

/// <summary>Input and weight by their index in the operation.</summary>
public sealed record Term(int Input, int Weight);

/// <summary>A further value that the epilogue reads. [float* extra]</summary>
/// <param name="PerRow">One number for the whole row, at layout(row, batch, 0), instead of one for each column.</param>
/// <param name="Indexed">Whether the row goes through the row source's list.</param>
public sealed record ContractionExtra(Layout Layout, bool PerRow = false, bool Indexed = false);
