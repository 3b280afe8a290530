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
        Sum sum => string.Concat(sum.Terms.Select((term, i) => (i == 0 ? "" : term.IsNegative ? " - " : " + ") + Operand(term.Value))),
        Product product => string.Concat(product.Factors.Select((factor, i) => (i == 0 ? "" : factor.IsInverse ? "/" : "*") + Operand(factor.Value))),
        Power power => $"{Operand(power.Base)}^{Operand(power.Exponent)}",
        Negation negation => $"-{Operand(negation.Operand)}",
        Not not => $"not {Operand(not.Operand)}",
        Comparison comparison => $"{Print(comparison.Left)} {comparison.Operator} {Print(comparison.Right)}",
        Logic logic => string.Join(logic.IsAnd ? " and " : " or ", logic.Operands.Select(part => part is Logic or Conditional ? $"({Print(part)})" : Print(part))),
        Conditional conditional => $"{Operand(conditional.Condition)} ? {Operand(conditional.Then)} : {Operand(conditional.Otherwise)}",
        _ => "…",
    };

    public static string Print(this EquatableArray<Segment> path) =>
        string.Join(".", path.Select(segment => segment.Name.Text + (segment.IsIndexed ? Brackets(segment.Indices) : "")));

    private static string Print(CallArgument argument) =>
        (argument.IsWidth ? "width " : argument.Label is { } label ? label.Text + ": " : "") + Print(argument.Value);

    private static string Brackets(EquatableArray<Expression> indices) => $"[{string.Join(",", indices.Select(Print))}]";

    private static string Operand(Expression expression) =>
        expression is Sum or Product or Comparison or Logic or Conditional or Negation ? $"({Print(expression)})" : Print(expression);
}
