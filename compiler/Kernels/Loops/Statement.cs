namespace Sinter.Compiler.Kernels.Loops;

/// <summary>A step of a kernel.</summary>
public abstract record Statement;

public sealed record Remark(string Text) : Statement;

public sealed record Declare(Name Variable, Expression Value) : Statement;

public sealed record Assign(Expression Target, Expression Value) : Statement;

/// <summary>Stores lanes, the first <paramref name="Count"/> of them.</summary>
public sealed record StoreLanes(Expression Place, Expression Value, Expression Count) : Statement;

/// <summary>Variable from <paramref name="From"/> while below <paramref name="To"/>.</summary>
public sealed record For(Name Variable, Expression From, Expression To, Expression Step, EquatableArray<Statement> Body) : Statement;

/// <summary>From <paramref name="From"/> down to 1.</summary>
public sealed record ForDown(Name Variable, Expression From, EquatableArray<Statement> Body) : Statement;

public sealed record While(Expression Condition, EquatableArray<Statement> Body) : Statement;

public sealed record If(Expression Condition, EquatableArray<Statement> Then, EquatableArray<Statement> Otherwise = default) : Statement;

/// <summary>Declares the bounds of this worker's contiguous share of <paramref name="Items"/>.</summary>
public sealed record Share(Expression Items, Name From, Name To) : Statement;

/// <summary>Goes through the portions that this worker gets of <paramref name="Items"/>, which all deal out among themselves.</summary>
/// <param name="Least">The fewest items of a portion.</param>
public sealed record Deal(Expression Items, Expression Least, Name From, Name To, EquatableArray<Statement> Body) : Statement;

/// <summary>Declares a place in the worker's own memory, or in another's.</summary>
/// <param name="At">In bytes, a multiple of 64.</param>
/// <param name="Owner">Whose memory; null means the worker's own.</param>
public sealed record Reserve(Name Place, int At, Expression? Owner = null) : Statement;

/// <summary>Declares a place in the memory that a group of threads shares, on a device.</summary>
public sealed record GroupMemory(Name Place, int Count) : Statement;

/// <summary>Waits until every thread of the group has come here, on a device, or every worker.</summary>
public sealed record Barrier : Statement;

/// <summary>Ends the kernel for this worker.</summary>
public sealed record Leave : Statement;

/// <summary>Skips the rest of the loop's body.</summary>
public sealed record Next : Statement;

/// <summary>Calls another procedure of the kernel.</summary>
public sealed record Run(Procedure Procedure, EquatableArray<Expression> Arguments) : Statement;

/// <summary>A step on whole tiles, hand-tuned for each target.</summary>
public sealed record Tile(TileOperation Operation, EquatableArray<Expression> Arguments) : Statement;

/// <summary>The group's tile of a product on tensor cores, on devices that have them: rows from a first to before an end.</summary>
/// <param name="TakesScales">Whether weights may be codes with scales to their blocks; a kernel is made for each main loop that takes its weights.</param>
/// <param name="Block">Which of the tiles along the columns.</param>
public sealed record TensorTile(TensorProduct Product, bool TakesScales, Name Rows, EquatableArray<Expression> Weights, Expression First, Expression End, Expression Block) : Statement;

/// <summary>The group's rows of attention on tensor cores, on devices that have them: from a first to before an end, of one sequence.</summary>
public sealed record TensorRows(TensorAttention Attention, Name Output, Expression First, Expression End) : Statement;

/// <summary>The tile operations; shapes in brackets.</summary>
public enum TileOperation
{
    /// <summary>(tile, count): to zero.</summary>
    Clear,

    /// <summary>(rows, count, depth, matrix, arranged): copies rows into [count, depth] in the order that <see cref="AddFewRows"/> wants.</summary>
    ArrangeRows,

    /// <summary>(arranged, count, depth, matrix, column, columns, sums, stride): sums[row, column] += row · matrix, the matrix streamed once.</summary>
    AddFewRows,

    /// <summary>(rows, count, depth, turned): lays rows side by side, [depth, rows], in groups.</summary>
    TurnRows,

    /// <summary>(turned, count, depth, matrix, column, columns, strips, sums, stride): sums[row, column] += row · matrix, lanes along the rows.</summary>
    AddTurnedRows,

    /// <summary>(matrix, column, columns, start, depth, panel): widens two vectors of columns into [depth, 2 vectors].</summary>
    PackPanel,

    /// <summary>(rows, count, start, depth, panel, sums): sums[row, 2 vectors] += row[start..] · panel.</summary>
    AddPanel,

    /// <summary>(queries, rows, depth, keys, key stride, keys' count, scores, stride, turned, panel): scores[row, key] += query · key, lanes along the keys if turned.</summary>
    AddScores,

    /// <summary>(turned queries, rows, depth, keys, key stride, keys' count, distance to the next keys, scores, stride): as that, the same numbers, lanes along the rows.</summary>
    AddTurnedScores,

    /// <summary>(weights, stride, factors, rows, values, value stride, keys' count, outputs, width): output[row] = output[row] · factor[row] + Σ weight · value.</summary>
    AddValues,
}

/// <param name="IsWidening">Whether it is made for each format of the weights, or hands on to one that is.</param>
public sealed record Procedure(string Name, string Comment, EquatableArray<Name> Parameters, EquatableArray<Statement> Body, bool IsWidening);

/// <summary>A named number of the kernel: a size, or a tile's.</summary>
public sealed record Size(string Name, Expression Value);

/// <summary>
/// One kernel: <paramref name="Entry"/> is what the model's program calls; it has the step and the worker before its own
/// parameters, as have all procedures.
/// </summary>
/// <param name="Formats">The weight whose format decides which version of the widening procedures runs; null where there is none.</param>
public sealed record Kernel(
    string Comment,
    EquatableArray<Size> Sizes,
    Procedure Entry,
    EquatableArray<Procedure> Parts,
    Name? Formats);
