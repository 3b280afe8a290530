using System.Collections.Generic;
using System.Linq;

namespace Sinter.Ptx.Text;

/// <summary>What was written after an opcode.</summary>
internal abstract record Operand(SourcePosition Position);

internal enum NumberKind
{
    Integer,
    Single,
    Double,
}

/// <summary>A constant: 64-bit integer, or the bits of an f32 or f64.</summary>
internal sealed record Number(NumberKind Kind, ulong Bits, SourcePosition Position) : Operand(Position);

/// <summary>A register, special register, variable, function or label; <c>_</c> is the sink.</summary>
internal sealed record Name(string Text, SourcePosition Position) : Operand(Position);

/// <summary><c>name+4</c> outside brackets.</summary>
internal sealed record Sum(Operand Base, long Offset, SourcePosition Position) : Operand(Position);

/// <summary><c>[base+offset]</c>; a tensor copy adds its coordinates: <c>[map, {x, y}]</c>.</summary>
internal sealed record Address(Operand Base, long Offset, VectorOperand? Coordinates, SourcePosition Position) : Operand(Position);

/// <summary><c>{a, b, c, d}</c>.</summary>
internal sealed record VectorOperand(IReadOnlyList<Operand> Elements, SourcePosition Position) : Operand(Position);

/// <summary><c>(a, b)</c> in a call.</summary>
internal sealed record Group(IReadOnlyList<Operand> Elements, SourcePosition Position) : Operand(Position);

/// <summary><c>p|q</c>.</summary>
internal sealed record Pair(Operand First, Operand Second, SourcePosition Position) : Operand(Position);

/// <summary><c>!p</c>.</summary>
internal sealed record Not(Operand Inner, SourcePosition Position) : Operand(Position);

internal abstract record Statement(SourcePosition Position);

internal sealed record LabelStatement(string Name, SourcePosition Position) : Statement(Position);

/// <summary>A nested scope in braces.</summary>
internal sealed record Scope(IReadOnlyList<Statement> Body, SourcePosition Position) : Statement(Position);

internal sealed record Instruction(
    string Opcode,
    IReadOnlyList<Operand> Operands,
    string? Predicate,
    bool PredicateNegated,
    SourcePosition Position,
    string Text) : Statement(Position);

/// <summary><c>.reg .type name</c> or <c>.reg .type name&lt;count&gt;</c>; count is -1 for a single register.</summary>
internal sealed record RegisterDeclaration(string Type, int VectorLength, string Name, int Count, SourcePosition Position) : Statement(Position);

/// <summary>A variable in .shared, .global, .const, .local or .param space.</summary>
internal sealed record Variable(
    string Space,
    bool External,
    int Align,
    string Type,
    int VectorLength,
    string Name,
    IReadOnlyList<long> Dimensions,
    IReadOnlyList<Operand> Initialiser,
    SourcePosition Position) : Statement(Position)
{
    /// <summary>Elements without the vector factor; 0 where an extern array has no size.</summary>
    public long Elements => Dimensions.Aggregate(1L, (product, size) => product * size);
}

/// <summary>A kernel (.entry) or a device function (.func). <c>Body</c> is null for a prototype.</summary>
internal sealed record Function(
    bool IsEntry,
    string Name,
    IReadOnlyList<Statement> Returns,
    IReadOnlyList<Statement> Parameters,
    IReadOnlyList<Statement>? Body,
    IReadOnlyDictionary<string, IReadOnlyList<long>> Directives,
    SourcePosition Position);
