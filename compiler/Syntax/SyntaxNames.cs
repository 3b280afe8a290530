using System.Collections.Generic;
using System.Linq;

namespace Sinter.Compiler.Syntax;

/// <summary>All the names that a piece of syntax mentions, dotted ones whole.</summary>
public static class SyntaxNames
{
    public static IEnumerable<string> In(Expression expression) => expression switch
    {
        HasTest has => [has.Name.Text],
        Reference reference => InPath(reference.Path),
        Alternatives alternatives => Many([alternatives.First, alternatives.Otherwise, .. alternatives.Indices]),
        Call call => InPath(call.Path).Concat(Many(call.Arguments.Select(argument => argument.Value))),
        Sum sum => Many(sum.Terms.Select(term => term.Value)),
        Product product => Many(product.Factors.Select(factor => factor.Value)),
        Power power => Many([power.Base, power.Exponent]),
        Negation negation => In(negation.Operand),
        Not not => In(not.Operand),
        Comparison comparison => Many([comparison.Left, comparison.Right]),
        Logic logic => Many(logic.Operands),
        Conditional conditional => Many([conditional.Condition, conditional.Then, conditional.Otherwise]),
        _ => [],
    };

    public static IEnumerable<string> In(Statement statement) => statement switch
    {
        Assignment assignment => In(assignment.Value),
        CacheStatement cache => In(cache.Value),
        TraceStatement trace => In(trace.Value),
        RepeatStatement repeat => Many([repeat.From, repeat.To]).Concat(repeat.Body.SelectMany(In)),
        IfStatement choice => In(choice.Condition).Concat(choice.Then.SelectMany(In)).Concat(choice.Otherwise.SelectMany(In)),
        _ => [],
    };

    private static IEnumerable<string> Many(IEnumerable<Expression> expressions) => expressions.SelectMany(In);

    private static IEnumerable<string> InPath(EquatableArray<Segment> path) =>
        path.SelectMany(segment => Many(segment.Indices)).Prepend(string.Join(".", path.Select(segment => segment.Name.Text)));
}
