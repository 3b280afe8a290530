using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using System.Text;

namespace Sinter.Compiler.Graph;

/// <summary>Writes a graph much as the language would: one line a value, <c>name[axes] = …</c>.</summary>
public static class GraphPrinter
{
    public static string Print(ModelGraph model)
    {
        var text = new StringBuilder();
        text.Append($"model {model.Name} = {model.Architecture}, {model.Layers} layers\n");
        foreach (CacheSpecification cache in model.Caches) text.Append($"cache {cache.Name}: {cache.Width} numbers a token and layer\n");
        foreach (Region region in model.Main) text.Append('\n').Append(Print(region));
        if (model.Prediction is { } prediction) text.Append('\n').Append(Print(prediction));
        return text.ToString();
    }

    public static string Print(Region region)
    {
        var text = new StringBuilder();
        text.Append($"region {region.Name}\n");
        text.Append(Print(region.Graph));
        return text.ToString();
    }

    public static string Print(TensorGraph graph)
    {
        var text = new StringBuilder();
        foreach (Node node in graph.Nodes) text.Append($"  {Print(node, graph)}\n");
        foreach (Output output in graph.Outputs) text.Append($"  output {output.Name} = {Value(output.Node, graph)}\n");
        foreach (Trace trace in graph.Traces) text.Append($"  trace {trace.Name} = {Value(trace.Node, graph)}\n");
        return text.ToString();
    }

    /// <summary>One line.</summary>
    public static string Print(Node node, TensorGraph graph) => $"{Name(node)} = {Right(node, graph)}";

    private static string Right(Node node, TensorGraph graph) => node switch
    {
        Input input => input.IsIndex ? "indices" : "input",
        Weight weight => View(weight, graph),
        Contract contract => string.Join(" * ", contract.Factors.Select(factor => Value(factor, graph))) + Over(contract, graph),
        Map map => Formula(map.Function, map.Inputs.Select(input => Value(input, graph)).ToList(), 0),
        Reduce reduce => $"{reduce.Reduction.ToString().ToLowerInvariant()}[{reduce.Over}]({Value(reduce.Input, graph)})",
        Softmax softmax => $"softmax[{softmax.Over}]({Value(softmax.Input, graph)})",
        LogSumExp sum => $"logsumexp[{sum.Over}]({Value(sum.Input, graph)})",
        Cast cast => $"{cast.Form.ToString().ToLowerInvariant()}({Value(cast.Input, graph)})",
        Rotary rotary => $"rotary[{rotary.Along}]({Value(rotary.Input, graph)})",
        Causal causal => $"causal({Value(causal.Input, graph)})",
        Choose choose => $"top_k[{choose.Among}]({Value(choose.Scores, graph)}{Groups(choose)})",
        Take take => $"{Name(graph.Nodes[take.Values]).Replace(take.Among.Name, Value(take.Index, graph))}",
        Rename rename => $"{Value(rename.Input, graph)} with {rename.To} for {rename.From}",
        Cached cached => $"cache({Value(cached.Input, graph)})",
        _ => node.GetType().Name,
    };

    private static string Groups(Choose choose) => choose.Groups == 1
        ? ""
        : $", groups: {choose.Groups}, keep: {choose.Keep}, group_score: {(choose.GroupScore == GroupScore.Max ? "max" : "top2_sum")}";

    private static string View(Weight weight, TensorGraph graph)
    {
        string text = $"{weight.Tensor.Name} [{string.Join(", ", weight.Tensor.Shape)}]";
        if (weight.Tensor.Experts > 0) text += $" x {weight.Tensor.Experts} experts";
        if (weight.Tensor.Otherwise is { } otherwise) text += $" or {otherwise}";
        if (weight.Index >= 0) text += $" of {Value(weight.Index, graph)}";
        if (weight.IndexStride > 0) text += $" by {weight.IndexStride}";
        IEnumerable<string> strides = weight.Axes.Zip(weight.Strides, (axis, stride) => $"{stride}{axis}").Where(term => term[0] != '0');
        return $"{text} at {string.Join(" + ", new[] { weight.Offset.ToString(CultureInfo.InvariantCulture) }.Where(offset => offset != "0").Concat(strides))}";
    }

    private static string Over(Contract contract, TensorGraph graph)
    {
        IEnumerable<Axis> summed = contract.Factors.SelectMany(factor => graph.Nodes[factor].Axes).Distinct()
            .Where(axis => !contract.Axes.Contains(axis));
        return $"  sum over {string.Join(",", summed)}";
    }

    private static string Name(Node node) => $"{node.Name}[{string.Join(",", node.Axes)}]";

    private static string Value(int node, TensorGraph graph) => Name(graph.Nodes[node]);

    private static string Formula(Scalar scalar, IReadOnlyList<string> inputs, int binding)
    {
        switch (scalar)
        {
            case Constant constant:
                return constant.Value.ToString("R", CultureInfo.InvariantCulture);
            case Argument argument:
                return inputs[argument.Index];
            case Unary { Operator: UnaryOperator.Negate } negation:
                return $"-{Formula(negation.Operand, inputs, 3)}";
            case Unary unary:
                return $"{unary.Operator.ToString().ToLowerInvariant()}({Formula(unary.Operand, inputs, 0)})";
            case Binary { Operator: BinaryOperator.Max or BinaryOperator.Min } pair:
                return $"{pair.Operator.ToString().ToLowerInvariant()}({Formula(pair.Left, inputs, 0)}, {Formula(pair.Right, inputs, 0)})";
            case Binary binary:
                (string sign, int level) = binary.Operator switch
                {
                    BinaryOperator.Add => ("+", 1),
                    BinaryOperator.Subtract => ("-", 1),
                    BinaryOperator.Multiply => ("*", 2),
                    _ => ("/", 2),
                };
                string text = $"{Formula(binary.Left, inputs, level)} {sign} {Formula(binary.Right, inputs, level + 1)}";
                return level < binding ? $"({text})" : text;
            default:
                return scalar.ToString()!;
        }
    }
}
