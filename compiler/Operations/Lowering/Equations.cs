using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using Sinter.Compiler.Graph;

namespace Sinter.Compiler.Operations.Lowering;

/// <summary>Writes what a node computes in index notation, for the comments above kernels.</summary>
internal static class Equations
{
    /// <summary>One line: <c>gate[t,f] = Σ[d] m[t,d]·gate_proj.weight[f,d]</c>.</summary>
    public static string Of(TensorGraph graph, int node) => $"{Reference(graph.Nodes[node])} = {Right(graph, graph.Nodes[node])}";

    public static string Right(TensorGraph graph, Node node) => node switch
    {
        Contract contract => Sum(graph, contract) + string.Join("·", contract.Factors.Select(factor => Reference(graph, factor))),
        Map map => Text(map.Function, map.Inputs.Select(input => Reference(graph, input)).ToList()),
        Reduce reduce => $"{reduce.Reduction.ToString().ToLowerInvariant()}[{reduce.Over}]({Reference(graph, reduce.Input)})",
        Softmax softmax => $"softmax[{softmax.Over}]({Reference(graph, softmax.Input)})",
        LogSumExp sum => $"logsumexp[{sum.Over}]({Reference(graph, sum.Input)})",
        Cast cast => $"{cast.Form.ToString().ToLowerInvariant()}({Reference(graph, cast.Input)})",
        Rotary rotary => $"rotary[{rotary.Along}]({Reference(graph, rotary.Input)})",
        Take take => $"{Reference(graph, take.Values)} at {take.Among} = {Reference(graph, take.Index)}",
        Cached cached => Reference(graph, cached.Input),
        Choose choose => $"top[{choose.Among}]({Reference(graph, choose.Scores)}"
            + (choose.Groups > 1 ? $", the {choose.Keep} best of {choose.Groups} groups by {choose.GroupScore.ToString().ToLowerInvariant()})" : ")"),
        Attend attend => $"Σ[{attend.Over}] softmax[{attend.Over}]({Text(attend.Map, [Scores(graph, attend)])}"
            + $"{(attend.IsCausal ? ", causal" : "")})·{Reference(graph, attend.Value)}",
        _ => Reference(node),
    };

    private static string Sum(TensorGraph graph, Contract contract)
    {
        IEnumerable<Axis> summed = contract.Factors.SelectMany(factor => graph.Nodes[factor].Axes).Distinct().Where(axis => !contract.Axes.Contains(axis));
        return summed.Any() ? $"Σ[{string.Join(",", summed)}] " : "";
    }

    private static string Scores(TensorGraph graph, Attend attend) =>
        "(" + string.Join(" + ", attend.Terms.Select(term => $"{Reference(graph, term.Query)}·{Reference(graph, term.Key)}")) + ")";

    public static string Reference(TensorGraph graph, int node) => Reference(graph.Nodes[node]);

    private static string Reference(Node node) => $"{node.Name}[{string.Join(",", node.Axes)}]";

    /// <summary>A scalar function with its arguments written out.</summary>
    public static string Text(Scalar function, IReadOnlyList<string> arguments) => function switch
    {
        Constant constant => constant.Value.ToString("R", CultureInfo.InvariantCulture),
        Argument argument => arguments[argument.Index],
        Unary { Operator: UnaryOperator.Negate } unary => "-" + Text(unary.Operand, arguments),
        Unary unary => $"{unary.Operator.ToString().ToLowerInvariant()}({Text(unary.Operand, arguments)})",
        Binary binary => binary.Operator switch
        {
            BinaryOperator.Add => $"({Text(binary.Left, arguments)} + {Text(binary.Right, arguments)})",
            BinaryOperator.Subtract => $"({Text(binary.Left, arguments)} - {Text(binary.Right, arguments)})",
            BinaryOperator.Multiply => $"{Text(binary.Left, arguments)}·{Text(binary.Right, arguments)}",
            BinaryOperator.Divide => $"{Text(binary.Left, arguments)}/{Text(binary.Right, arguments)}",
            _ => $"{binary.Operator.ToString().ToLowerInvariant()}({Text(binary.Left, arguments)}, {Text(binary.Right, arguments)})",
        },
        _ => function.ToString(),
    };
}
