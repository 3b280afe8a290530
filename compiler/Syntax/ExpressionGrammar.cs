using System.Collections.Generic;
using System.Linq;
using Sprache;
using static Sinter.Compiler.Syntax.Combinators;
using static Sinter.Compiler.Syntax.Tokens;

namespace Sinter.Compiler.Syntax;

/// <summary>Expressions, loosest binding first: conditional, or, and, not, comparison, sum, product, power.</summary>
internal static class ExpressionGrammar
{
    private const string Operator = "an operator";

    public static readonly Parser<Expression> Any = Nested(() => s_conditionalRule!).Called("an expression");

    // Inside brackets axes are added and multiplied; comparisons have no meaning there.
    private static readonly Parser<EquatableArray<Expression>> s_indices =
        from open in Symbol("[")
        from items in Nested(() => s_sumRule!).ListOf(Symbol(","))
        from close in Symbol("]")
        select items;

    private static readonly Parser<Segment> s_segment =
        from name in Identifier
        from indices in s_indices.XOptional()
        select new Segment(name, indices.IsDefined, indices.GetOrDefault());

    private static readonly Parser<EquatableArray<Segment>> s_path = s_segment.ListOf(Symbol("."));

    public static readonly Parser<Reference> AnyReference = s_path.Spanned((path, span) => new Reference(path, span));

    private static readonly Parser<CallArgument> s_argument =
        (from keyword in Keyword("width")
         from name in Identifier.Spanned((name, span) => new Reference(new[] { new Segment(name, false, default) }.ToEquatable(), span))
         select new CallArgument(null, true, name))
        .Or(from label in Identifier
            from colon in Symbol(":")
            from value in Any
            select new CallArgument(label, false, value))
        .Or(Any.Select(value => new CallArgument(null, false, value)));

    private static readonly Parser<EquatableArray<CallArgument>> s_arguments =
        from open in Symbol("(")
        from items in s_argument.Called("an expression").ListOf(Symbol(",")).Or(Parse.Return(default(EquatableArray<CallArgument>)))
        from close in Symbol(")")
        select items;

    private static readonly Parser<Expression> s_referenceOrCall =
        (from path in s_path
         from arguments in s_arguments.XOptional()
         select (path, arguments))
        .Spanned((value, span) => value.arguments.IsDefined
            ? new Call(value.path, value.arguments.Get(), span)
            : (Expression)new Reference(value.path, span));

    private static readonly Parser<Expression> s_group =
        (from open in Symbol("(")
         from inner in Any
         from close in Symbol(")")
         from indices in s_indices.XOptional()
         select (inner, indices))
        .Spanned((value, span) => !value.indices.IsDefined ? value.inner : value.inner is Logic { IsAnd: false, Operands.Count: 2 } or
            ? new Alternatives(or.Operands[0], or.Operands[1], value.indices.Get(), span)
            : new Alternatives(value.inner, value.inner, value.indices.Get(), span));

    private static readonly Parser<Expression> s_primary =
        Tile.Or(Number)
        .XOr(Text)
        .XOr(Keyword("true").Spanned((_, span) => (Expression)new TruthLiteral(true, span)))
        .XOr(Keyword("false").Spanned((_, span) => (Expression)new TruthLiteral(false, span)))
        .XOr(Keyword("none").Spanned((_, span) => (Expression)new NoneLiteral(span)))
        .XOr((from keyword in Keyword("has") from name in DottedName select name)
            .Spanned((name, span) => (Expression)new HasTest(name, span)))
        .XOr(s_group)
        .XOr(s_referenceOrCall)
        .Called("an expression");

    /// <summary>The value of a model's line: a number, a text, a word, or a call such as <c>yarn(factor: 40)</c>.</summary>
    public static readonly Parser<Expression> AnySetting =
        (from minus in Symbol("-")
         from number in Number
         select number).Spanned((number, span) => (Expression)new Negation(number, span))
        .XOr(s_primary)
        .Called("a value");

    private static readonly Parser<Expression> s_negative =
        (from minus in Symbol("-")
         from operand in Nested(() => s_powerRule!)
         select operand).Spanned((operand, span) => (Expression)new Negation(operand, span))
        .XOr(s_primary)
        .Called("an expression");

    private static readonly Parser<Expression> s_powerRule =
        (from number in s_negative
         from exponent in (from hat in Symbol("^", Operator) from value in s_negative select value).XOptional()
         select (number, exponent))
        .Spanned((value, span) => value.exponent.IsDefined ? Raise(value.number, value.exponent.Get(), span) : value.number);

    private static readonly Parser<Expression> s_productRule =
        s_powerRule.Chain(Symbol("*", Operator).Select(_ => false).XOr(Symbol("/", Operator).Select(_ => true)))
        .Spanned((factors, span) => factors.Count == 1 ? factors[0].Operand : new Product(Flatten(factors), span));

    private static readonly Parser<Expression> s_sumRule =
        s_productRule.Chain(Symbol("+", Operator).Select(_ => false).XOr(Symbol("-", Operator).Select(_ => true)))
        .Spanned((terms, span) => terms.Count == 1
            ? terms[0].Operand
            : new Sum(terms.Select(term => new Term(term.Operator, term.Operand)).ToEquatable(), span));

    private static readonly Parser<string> s_comparator =
        new[] { "==", "!=", "<=", ">=", "<", ">" }
        .Select(text => Symbol(text, Operator).Select(_ => text))
        .Aggregate((first, next) => first.Or(next));

    private static readonly Parser<Expression> s_comparisonRule =
        (from left in s_sumRule
         from rest in (from op in s_comparator from right in s_sumRule select (op, right)).XOptional()
         select (left, rest))
        .Spanned((value, span) => value.rest.IsDefined
            ? new Comparison(value.rest.Get().op, value.left, value.rest.Get().right, span)
            : value.left);

    private static readonly Parser<Expression> s_notRule =
        (from keyword in Keyword("not")
         from operand in Nested(() => s_notRule!)
         select operand).Spanned((operand, span) => (Expression)new Not(operand, span))
        .XOr(s_comparisonRule);

    private static readonly Parser<Expression> s_andRule = LogicRule(s_notRule, "and");

    private static readonly Parser<Expression> s_orRule = LogicRule(s_andRule, "or");

    private static readonly Parser<Expression> s_conditionalRule =
        (from condition in s_orRule
         from branches in (from question in Symbol("?", Operator)
                           from then in Any
                           from colon in Symbol(":")
                           from otherwise in Any
                           select (then, otherwise)).XOptional()
         select (condition, branches))
        .Spanned((value, span) => value.branches.IsDefined
            ? new Conditional(value.condition, value.branches.Get().then, value.branches.Get().otherwise, span)
            : value.condition);

    private static Parser<Expression> LogicRule(Parser<Expression> operand, string word) =>
        operand.Chain(Keyword(word, Operator))
        .Spanned((operands, span) => operands.Count == 1
            ? operands[0].Operand
            : (Expression)new Logic(word == "and", operands.Select(pair => pair.Operand).ToEquatable(), span));

    /// <summary>−x² is −(x²), as everywhere in mathematics.</summary>
    private static Expression Raise(Expression number, Expression exponent, SourceSpan span) => number is Negation negation
        ? new Negation(new Power(negation.Operand, exponent, span), span)
        : new Power(number, exponent, span);

    private static EquatableArray<Factor> Flatten(List<(bool IsInverse, Expression Value)> factors) =>
        factors.SelectMany(factor => factor is { IsInverse: false, Value: Product inner }
            ? inner.Factors
            : (IEnumerable<Factor>)[new Factor(factor.IsInverse, factor.Value)]).ToEquatable();
}
