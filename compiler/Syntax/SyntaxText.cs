using System.Linq;

namespace Sinter.Compiler.Syntax;

/// <summary>Writes expressions as a person would, for messages and comparisons.</summary>
public static class SyntaxText
{
    public static string Print(this Expression expression) => expression switch
    {
        NumberLiteral number => number.Text,
        TileLiteral tile => $"{tile.Rows}x{tile.Columns}",
        TextLiteral text => $"\"{text.Value}\"",
        TruthLiteral truth => truth.Value ? "true" : "false",
        NoneLiteral => "none",
        HasTest has => $"has {has.Name.Text}",
        Reference reference => Print(reference.Path),
        Alternatives alternatives => $"({Print(alternatives.First)} or {Print(alternatives.Otherwise)}){Brackets(alternatives.Indices)}",
        Call call => $"{Print(call.Path)}({string.Join(", ", call.Arguments.Select(Print))})",
        Sum sum => string.Concat(sum.Terms.Select((term, i) => (i == 0 ? "" : term.IsNegative ? " - " : " + ") + Inside(term.Value, 6))),
        Product product => string.Concat(product.Factors.Select((factor, i) => (i == 0 ? "" : factor.IsInverse ? "/" : "*") + Inside(factor.Value, 7))),
        Power power => $"{Inside(power.Base, 9)}^{Inside(power.Exponent, 8)}",
        Negation negation => $"-{Inside(negation.Operand, 8)}",
        Not not => $"not {Inside(not.Operand, 3)}",
        Comparison comparison => $"{Inside(comparison.Left, 5)} {comparison.Operator} {Inside(comparison.Right, 5)}",
        Logic logic => string.Join(logic.IsAnd ? " and " : " or ", logic.Operands.Select(part => Inside(part, logic.IsAnd ? 3 : 2))),
        Conditional conditional => $"{Inside(conditional.Condition, 1)} ? {Inside(conditional.Then, 0)} : {Inside(conditional.Otherwise, 0)}",
        _ => "…",
    };

    public static string Print(this EquatableArray<Segment> path) =>
        string.Join(".", path.Select(segment => segment.Name.Text + (segment.IsIndexed ? Brackets(segment.Indices) : "")));

    private static string Print(CallArgument argument) =>
        (argument.IsWidth ? "width " : argument.Label is { } label ? label.Text + ": " : "") + Print(argument.Value);

    private static string Brackets(EquatableArray<Expression> indices) => $"[{string.Join(",", indices.Select(Print))}]";

    /// <summary>In brackets where it binds looser than its place asks for.</summary>
    private static string Inside(Expression expression, int binding) => Binding(expression) < binding ? $"({Print(expression)})" : Print(expression);

    private static int Binding(Expression expression) => expression switch
    {
        Conditional => 0,
        Logic logic => logic.IsAnd ? 2 : 1,
        Not => 3,
        Comparison => 4,
        Sum => 5,
        Product => 6,
        Negation => 7,
        Power => 8,
        _ => 9,
    };
}
