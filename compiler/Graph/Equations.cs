using System.Collections.Generic;
using System.Globalization;
using System.Linq;

namespace Sinter.Compiler.Graph;

/// <summary>Writes what a node computes in index notation: for printed graphs, and for the comments above kernels.</summary>
public static class Equations
{
    private const int Sum = 1, Product = 2, Sign = 3;

    /// <summary>One line: <c>gate[t,f] = Σ[d] m[t,d]·gate_proj.weight[f,d]</c>.</summary>
    public static string Of(TensorGraph graph, int node) => $"{Reference(graph, node)} = {Right(graph, graph.Nodes[node])}";

    /// <summary>Its name and axes.</summary>
    public static string Reference(TensorGraph graph, int node) => Reference(graph.Nodes[node]);

    private static string Reference(Node node) => $"{node.Name}[{string.Join(",", node.Axes)}]";

    /// <summary>What stands right of the equals sign.</summary>
    public static string Right(TensorGraph graph, Node node)
    {
        string Value(int operand) => Reference(graph, operand);
        return node switch
        {
            Input input => input.IsIndex ? "indices" : "input",
            Weight weight => Stored(weight.Tensor) + (weight.Index < 0 ? "" : $" of {Value(weight.Index)}")
                + (weight.IndexStride > 0 ? $" by {weight.IndexStride}" : "") + Places(weight.Offset, weight.Axes, weight.Strides),
            Contract contract => Sums(graph, contract) + string.Join("·", contract.Factors.Select(Value)),
            Map map => Text(map.Function, [.. map.Inputs.Select(Value)]),
            Reduce reduce => $"{Lower(reduce.Reduction)}[{reduce.Over}]({Value(reduce.Input)})",
            Softmax softmax => $"softmax[{softmax.Over}]({Value(softmax.Input)})",
            LogSumExp sum => $"logsumexp[{sum.Over}]({Value(sum.Input)})",
            Cast cast => $"{Lower(cast.Form)}({Value(cast.Input)})",
            Rotary rotary => $"rotary[{rotary.Along}]({Value(rotary.Input)})",
            Causal causal => $"causal({Value(causal.Input)})",
            Choose choose => $"top_k[{choose.Among}]({Value(choose.Scores)}{Groups(choose)})",
            Take take => $"{Value(take.Values)} at {take.Among} = {Value(take.Index)}",
            OneHot hot => $"1 at {hot.Among} = {Value(hot.Index)}, else 0",
            Rename rename => $"{Value(rename.Input)} with {rename.To} for {rename.From}",
            Cached cached => $"cache({Value(cached.Input)})",
            Assemble assemble => string.Join(" and ", assemble.Parts
                .Select(part => Value(part.Value) + Places(part.Offset, graph.Nodes[part.Value].Axes, part.Strides)).DefaultIfEmpty("0"))
                + $" laid out as {Stored(assemble.Tensor)}",
            Attend attend => $"Σ[{attend.Over}] softmax[{attend.Over}]({Scores(graph, attend)})·{Value(attend.Value)}",
            AttendGradient gradient => $"the gradient of {Value(gradient.Attend.Operands.ElementAt(gradient.Of))} in {Right(graph, gradient.Attend)}"
                + $", from {Value(gradient.Gradient)}",
            _ => node.GetType().Name,
        };
    }

    private static string Sums(TensorGraph graph, Contract contract)
    {
        IEnumerable<Axis> summed = contract.Factors.SelectMany(factor => graph.Nodes[factor].Axes).Distinct().Where(axis => !contract.Axes.Contains(axis));
        return summed.Any() ? $"Σ[{string.Join(",", summed)}] " : "";
    }

    private static string Groups(Choose choose) => choose.Groups == 1
        ? ""
        : $", groups: {choose.Groups}, keep: {choose.Keep}, group_score: {(choose.GroupScore == GroupScore.Max ? "max" : "top2_sum")}";

    private static string Scores(TensorGraph graph, Attend attend)
    {
        string sum = string.Join(" + ", attend.Terms.Select(term => $"{Reference(graph, term.Query)}·{Reference(graph, term.Key)}"));
        string score = Text(attend.Map, [attend.Map is Argument ? sum : $"({sum})"]);
        return attend.IsCausal ? $"causal({score})" : score;
    }

    private static string Stored(WeightTensor tensor) => $"{tensor.Name} [{string.Join(", ", tensor.Shape)}]"
        + (tensor.Experts > 0 ? $" x {tensor.Experts} experts" : "") + (tensor.Otherwise is { } otherwise ? $" or {otherwise}" : "");

    /// <summary>Where in its tensor a view stands: <c>at 32768 + 64h + d</c>.</summary>
    private static string Places(int offset, IEnumerable<Axis> axes, IEnumerable<int> strides)
    {
        IEnumerable<string> terms = axes.Zip(strides, (axis, stride) => $"{stride}{axis}").Where(term => term[0] != '0');
        if (offset != 0) terms = new[] { offset.ToString(CultureInfo.InvariantCulture) }.Concat(terms);
        return $" at {string.Join(" + ", terms)}";
    }

    private static string Text(Scalar function, IReadOnlyList<string> arguments, int binding = 0)
    {
        switch (function)
        {
            case Constant constant:
                return constant.Value.ToString("R", CultureInfo.InvariantCulture);
            case Argument argument:
                return arguments[argument.Index];
            case Unary { Operator: UnaryOperator.Negate } negation:
                return "-" + Text(negation.Operand, arguments, Sign);
            case Unary unary:
                return $"{Lower(unary.Operator)}({Text(unary.Operand, arguments)})";
            case Binary { Operator: BinaryOperator.Max or BinaryOperator.Min } pair:
                return $"{Lower(pair.Operator)}({Text(pair.Left, arguments)}, {Text(pair.Right, arguments)})";
            case Binary binary:
                (string sign, int level) = binary.Operator switch
                {
                    BinaryOperator.Add => (" + ", Sum),
                    BinaryOperator.Subtract => (" - ", Sum),
                    BinaryOperator.Multiply => ("·", Product),
                    _ => ("/", Product),
                };
                string text = $"{Text(binary.Left, arguments, level)}{sign}{Text(binary.Right, arguments, level + 1)}";
                return level < binding ? $"({text})" : text;
            default:
                return function.ToString();
        }
    }

    private static string Lower<T>(T name)
        where T : struct, System.Enum => name.ToString().ToLowerInvariant();
}
