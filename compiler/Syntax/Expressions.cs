namespace Sinter.Compiler.Syntax;

/// <summary>What can stand on the right of an equals sign, as written. Sums and products are flat: a·(b·c) has three factors.</summary>
public abstract record Expression(SourceSpan Span);

public sealed record NumberLiteral(double Value, string Text, SourceSpan Span) : Expression(Span);

/// <summary>The block of a block-scaled format: <c>1x128</c>.</summary>
public sealed record TileLiteral(int Rows, int Columns, SourceSpan Span) : Expression(Span);

public sealed record TextLiteral(string Value, SourceSpan Span) : Expression(Span);

public sealed record TruthLiteral(bool Value, SourceSpan Span) : Expression(Span);

public sealed record NoneLiteral(SourceSpan Span) : Expression(Span);

/// <summary><c>has q</c>: whether an axis or config name is not <c>none</c>.</summary>
public sealed record HasTest(Name Name, SourceSpan Span) : Expression(Span);

/// <summary>A step of a path: <c>layers[index]</c>.</summary>
public sealed record Segment(Name Name, bool IsIndexed, EquatableArray<Expression> Indices);

/// <summary><c>x[t,d]</c>, <c>gate.weight[e,d]</c>, <c>scale</c>.</summary>
public sealed record Reference(EquatableArray<Segment> Path, SourceSpan Span) : Expression(Span);

/// <summary><c>(shared_head.head.weight or lm_head.weight)[v,d]</c>: the second where the checkpoint lacks the first.</summary>
public sealed record Alternatives(
    Expression First, Expression Otherwise, EquatableArray<Expression> Indices, SourceSpan Span) : Expression(Span);

/// <summary><c>mean[d](x[t,d])</c>, <c>self_attn.Attention(x[t,d])</c>.</summary>
public sealed record Call(EquatableArray<Segment> Path, EquatableArray<CallArgument> Arguments, SourceSpan Span) : Expression(Span);

/// <summary>A bare, a labelled (<c>keep: topk_group</c>) or a width argument (<c>width f</c>, label <c>width</c>).</summary>
public sealed record CallArgument(Name? Label, bool IsWidth, Expression Value);

public sealed record Sum(EquatableArray<Term> Terms, SourceSpan Span) : Expression(Span);

public sealed record Term(bool IsNegative, Expression Value);

public sealed record Product(EquatableArray<Factor> Factors, SourceSpan Span) : Expression(Span);

public sealed record Factor(bool IsInverse, Expression Value);

public sealed record Power(Expression Base, Expression Exponent, SourceSpan Span) : Expression(Span);

public sealed record Negation(Expression Operand, SourceSpan Span) : Expression(Span);

public sealed record Not(Expression Operand, SourceSpan Span) : Expression(Span);

public sealed record Comparison(string Operator, Expression Left, Expression Right, SourceSpan Span) : Expression(Span);

/// <summary><c>and</c> or <c>or</c> of two or more; <c>name or value</c> gives a config name its default.</summary>
public sealed record Logic(bool IsAnd, EquatableArray<Expression> Operands, SourceSpan Span) : Expression(Span);

/// <summary><c>condition ? then : otherwise</c>, decided when the model is compiled.</summary>
public sealed record Conditional(Expression Condition, Expression Then, Expression Otherwise, SourceSpan Span) : Expression(Span);
