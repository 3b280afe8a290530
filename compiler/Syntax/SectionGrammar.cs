using Sprache;
using static Sinter.Compiler.Syntax.Combinators;
using static Sinter.Compiler.Syntax.Tokens;

namespace Sinter.Compiler.Syntax;

/// <summary>The train and parallel sections.</summary>
internal static class SectionGrammar
{
    private static readonly Parser<NumberLiteral> s_quantity =
        (from number in Number
         from magnitude in Magnitude.XOptional()
         select (number, magnitude))
        .Spanned((value, span) => new NumberLiteral(
            value.number.Value * (value.magnitude.IsDefined ? Scale(value.magnitude.Get().Text) : 1), value.number.Text, span));

    private static readonly Parser<AmountSyntax> s_amount =
        (from quantity in s_quantity
         from unit in Keyword("tokens").XOr(Keyword("steps")).Spanned((_, span) => span).XOptional()
         select (quantity, unit))
        .Spanned((value, span) => new AmountSyntax(
            value.quantity.Value,
            value.unit.IsDefined ? new Name(value.unit.Get().Length == 6 ? "tokens" : "steps", value.unit.Get()) : null,
            span));

    private static readonly Parser<(AmountSyntax Amount, bool Until)> s_time =
        (from keyword in Keyword("until") from amount in s_amount select (amount, true))
        .XOr(from keyword in Keyword("over").XOr(Keyword("for")) from amount in s_amount select (amount, false));

    private static readonly Parser<PhaseSyntax> s_hold =
        (from keyword in Keyword("hold")
         from time in s_time.XOr(s_amount.Select(amount => (amount, false)))
         select time)
        .Spanned((time, span) => new PhaseSyntax(PhaseCurve.Hold, null, null, time.Item1, time.Item2, span));

    private static readonly Parser<PhaseSyntax> s_curve =
        (from curve in Keyword("cosine").Select(_ => PhaseCurve.Cosine).XOr(Keyword("linear").Select(_ => PhaseCurve.Linear))
         from to in Keyword("to")
         from value in Number
         from time in s_time
         select (curve, value, time))
        .Spanned((phase, span) => new PhaseSyntax(phase.curve, null, phase.value, phase.time.Amount, phase.time.Until, span));

    private static readonly Parser<PhaseSyntax> s_plain =
        (from value in Number
         from to in (from keyword in Keyword("to") from end in Number select end).XOptional()
         from time in s_time.XOptional()
         select (value, to, time))
        .Spanned((phase, span) => new PhaseSyntax(
            phase.to.IsDefined ? PhaseCurve.Linear : PhaseCurve.Hold,
            phase.value,
            phase.to.GetOrDefault(),
            phase.time.IsDefined ? phase.time.Get().Amount : null,
            phase.time.IsDefined && phase.time.Get().Until,
            span));

    private static readonly Parser<PhaseSyntax> s_phase =
        from then in Keyword("then").XOptional()
        from phase in s_hold.XOr(s_curve).XOr(s_plain).Called("a phase of the schedule")
        select phase;

    private static readonly Parser<SectionLine> s_schedule =
        (from name in Identifier
         from equal in Symbol("=")
         from phases in s_phase.ListOf(Symbol(","))
         select (name, phases))
        .Spanned((line, span) => (SectionLine)new ScheduleLine(line.name, line.phases, span));

    private static readonly Parser<SectionLine> s_formula =
        (from name in Identifier
         from equal in Symbol("=")
         from value in ExpressionGrammar.Any
         select (name, value))
        .Spanned((line, span) => (SectionLine)new ExpressionLine(line.name, line.value, span));

    private static readonly Parser<StageKey> s_stageKey =
        from name in Identifier
        from colon in Symbol(":")
        from value in ExpressionGrammar.Any
        from comma in Symbol(",").XOptional()
        select new StageKey(name, value);

    private static readonly Parser<SectionLine> s_stage =
        (from keyword in Keyword("stage", "a line")
         from name in Identifier
         from open in Symbol("{")
         from keys in s_stageKey.Until(Symbol("}"))
         select (name, keys))
        .Spanned((line, span) => (SectionLine)new StageLine(line.name, line.keys, span));

    private static readonly Parser<SectionLine> s_placement =
        (from name in Identifier
         from equal in Symbol("=")
         from count in Number
         from most in (from comma in Symbol(",")
                       from at in Keyword("at")
                       from word in Keyword("most")
                       from nodes in Number
                       from unit in Keyword("nodes")
                       from article in Keyword("a")
                       from token in Keyword("token")
                       select nodes).XOptional()
         select (name, count, most))
        .Spanned((line, span) => (SectionLine)new PlacementLine(line.name, line.count, line.most.GetOrDefault(), span));

    public static readonly Parser<Item> Train =
        (from keyword in Keyword("train")
         from open in Symbol("{")
         from lines in s_stage.Or(s_schedule).Or(s_formula).Called("a line").Until(Symbol("}"))
         select lines)
        .Spanned((lines, span) => (Item)new TrainItem(lines, span));

    public static readonly Parser<Item> Parallel =
        (from keyword in Keyword("parallel")
         from open in Symbol("{")
         from lines in s_placement.Or(s_formula).Called("a line").Until(Symbol("}"))
         select lines)
        .Spanned((lines, span) => (Item)new ParallelItem(lines, span));

    private static double Scale(string magnitude) => magnitude switch
    {
        "K" => 1e3,
        "M" => 1e6,
        "B" => 1e9,
        _ => 1e12,
    };
}
