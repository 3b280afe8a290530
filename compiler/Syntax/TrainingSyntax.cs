namespace Sinter.Compiler.Syntax;

/// <summary><c>train { … }</c>: loss, schedules, optimizer and stages.</summary>
public sealed record TrainItem(EquatableArray<SectionLine> Lines, SourceSpan Span) : Item(Span);

/// <summary><c>parallel { … }</c>: how training is spread over machines.</summary>
public sealed record ParallelItem(EquatableArray<SectionLine> Lines, SourceSpan Span) : Item(Span);

public abstract record SectionLine(SourceSpan Span);

/// <summary><c>optimizer = adamw(beta1: 0.9)</c></summary>
public sealed record ExpressionLine(Name Name, Expression Value, SourceSpan Span) : SectionLine(Span);

/// <summary><c>rate = 0 to 2.2e-4 over 2000 steps, hold until 10T tokens, then 7.3e-6</c></summary>
public sealed record ScheduleLine(Name Name, EquatableArray<PhaseSyntax> Phases, SourceSpan Span) : SectionLine(Span);

/// <summary><c>experts = 64, at most 4 nodes a token</c></summary>
public sealed record PlacementLine(Name Name, NumberLiteral Count, NumberLiteral? MostNodes, SourceSpan Span) : SectionLine(Span);

/// <summary><c>stage extend { length: 32768, steps: 1000 }</c></summary>
public sealed record StageLine(Name Name, EquatableArray<StageKey> Keys, SourceSpan Span) : SectionLine(Span);

public sealed record StageKey(Name Name, Expression Value);

/// <summary>One phase of a schedule: a value held, or a way from one value to another, for some time.</summary>
/// <param name="From">Null for <c>hold</c> and for a curve that starts where the last phase ended.</param>
/// <param name="To">Null where the value is held.</param>
/// <param name="Until">Whether the time counts from the start of training.</param>
public sealed record PhaseSyntax(
    PhaseCurve Curve, NumberLiteral? From, NumberLiteral? To, AmountSyntax? Time, bool Until, SourceSpan Span);

public enum PhaseCurve
{
    Hold,
    Linear,
    Cosine,
}

/// <summary><c>10T tokens</c>, <c>2000 steps</c>; without a unit, that of the phase before.</summary>
public sealed record AmountSyntax(double Value, Name? Unit, SourceSpan Span);
