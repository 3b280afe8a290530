using System.Collections.Generic;
using System.Linq;
using Sinter.Compiler.Kernels.Schedules;
using Sinter.Compiler.Operations;
using Sinter.Compiler.Operations.Training;

namespace Sinter.Compiler.Emit.Training;

/// <summary>The kernels of a training step as C#: loops, or a call of the runtime's tiles with the sizes of the operation.</summary>
public static class TrainingKernelPrinter
{
    public static KernelSource Print(Operation operation, string method) => operation switch
    {
        NestOperation nest => Scheduled(new NestSchedule(nest with { Name = method }).Make(), method),
        ProductOperation product => Product(product, method),
        ScatterOperation scatter => Call(scatter, method, ["int* index", "float* rows", "float* table"],
            $"Scatter.Add<V>(in worker, index, step.Tokens, {scatter.Columns}, rows, {scatter.RowStride}, table + {scatter.Offset}, {scatter.TableStride});"),
        CastOperation cast => Call(cast, method, ["float* from", "float* to"],
            $"Casts.{cast.Form}(in worker, from, to, step.Tokens{(cast.Repeats > 1 ? $" * {cast.Repeats}" : "")}, {cast.Width});"),
        SequenceAttentionOperation attention => Attention(attention, method),
        CountOperation count => Call(count, method, ["int* chosen", "int* loads"], $"Loads.Count(in worker, chosen, step.Tokens * {count.Chosen}, loads);"),
        _ => KernelPrinter.Print(operation, method),
    };

    private static KernelSource Scheduled(Scheduled scheduled, string method) =>
        new(method, scheduled.Parameters, CSharpKernelPrinter.Print(scheduled.Kernel), scheduled.ScratchBytes);

    private static KernelSource Product(ProductOperation product, string method)
    {
        string pairs = product.Pairs == PairAxis.None ? "" : $", PairRole.{product.Pairs}{(product.SharesRows ? ", sharesRows: true" : "")}";
        string casts = product.CastsDepth ? $", castsDepth: true{(product.RoundsLeft ? ", roundsLeft: true" : "")}{(product.RoundsRight ? ", roundsRight: true" : "")}" : "";
        string At(string name, int offset) => offset == 0 ? name : $"{name} + {offset}";
        string[] lines =
        [
            "var shape = new ProductShape(",
            $"    batch: {Axes(product.Batch)},",
            $"    rows: {Axes(product.Rows)},",
            $"    columns: {Axes(product.Columns)},",
            $"    depth: {Axes(product.Depth)},",
            $"    adds: {(product.Adds ? "true" : "false")}{pairs}{casts}{(product.TokenRows > 0 ? $", tokenRows: {product.TokenRows}" : "")});",
            $"Product.Run<V>(in worker, in shape, {At("left", product.LeftOffset)}, {At("right", product.RightOffset)}, {At("result", product.ResultOffset)}{(pairs.Length > 0 ? ", groups" : "")});",
        ];
        List<string> parameters = ["float* left", "float* right", "float* result"];
        if (pairs.Length > 0) parameters.Add("ExpertGroups* groups");
        return Call(product, method, parameters, lines);
    }

    private static KernelSource Attention(SequenceAttentionOperation attention, string method)
    {
        string Rows(HeadLayout? layout) => layout is null ? "default" : $"new({layout.Width}, {layout.Row}, {layout.Head})";
        string[] operands = ["query", "key", "otherQuery", "otherKey", "value"];
        string[] results = attention.IsBackward ? ["gradient", "ofQuery", "ofKey", "ofOtherQuery", "ofOtherKey", "ofValue"] : ["output"];
        string all = string.Join(", ", operands.Concat(results));
        return Call(attention, method, operands.Concat(results).Select(name => $"float* {name}").Prepend("int* begins"),
            $"var shape = new AttentionShape({attention.Heads}, {Literal.Number(attention.Scale)}f, {(attention.Causal ? "true" : "false")},",
            $"    {Rows(attention.Query)}, {Rows(attention.Key)}, {Rows(attention.OtherQuery)}, {Rows(attention.OtherKey)}, {Rows(attention.Value)}, {Rows(attention.Output)});",
            $"SequenceAttention.{(attention.IsBackward ? "Backward" : "Forward")}<V>(in worker, in shape, step.Tokens, begins, {all});");
    }

    private static string Axes(EquatableArray<ProductAxisShape> axes) => axes.Count == 0
        ? "new(ProductAxis.One)"
        : $"new({string.Join(", ", axes.Select(axis => $"new ProductAxis({(axis.Size > 0 ? axis.Size.ToString() : "step.Tokens")}, {Stride(axis.Left)}, {Stride(axis.Right)}, {Stride(axis.Result)})"))})";

    private static string Stride(Stride stride) => stride.PerToken ? stride.Numbers == 1 ? "step.Tokens" : $"(long)step.Tokens * {stride.Numbers}" : stride.Numbers.ToString();

    private static KernelSource Call(Operation operation, string method, IEnumerable<string> parameters, params string[] lines)
    {
        var writer = new SourceWriter();
        foreach (string line in operation.Equation.Split('\n')) writer.Line("// " + line);
        writer.Line($"public static void {method}<V>(ref readonly Step step, in Worker worker, {string.Join(", ", parameters)})");
        writer.Indented(() => writer.Line("where V : struct, ILanes<V>"));
        using (writer.Block())
        {
            foreach (string line in lines) writer.Line(line);
        }

        return new KernelSource(method, default, writer.ToString(), 0);
    }
}
