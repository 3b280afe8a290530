using System;
using System.Collections.Generic;
using System.Linq;
using System.Text.RegularExpressions;
using Sinter.Compiler.Kernels.Loops;

namespace Sinter.Compiler.Emit;

/// <summary>Kernels of the loop language as C# for ILGPU, in the form that every device runs: groups, their memory, barriers; no warps.</summary>
public static class DeviceKernelPrinter
{
    private const int LongestLine = 130;
    private const int ShortLine = 60;

    private static readonly (string Name, string Value)[] s_indices =
    [
        ("thread", "Group.IdxX"), ("groupX", "Grid.IdxX"), ("groupY", "Grid.IdxY"), ("groupZ", "Grid.IdxZ"),
    ];

    /// <param name="threads">Of a group.</param>
    public static string Print(Kernel kernel, int threads)
    {
        var writer = new SourceWriter();
        foreach (string line in kernel.Comment.Split('\n')) writer.Line(line.Length > 0 ? "// " + line : "//");
        writer.Line($"[Threads({threads})]");
        WriteProcedure(writer, kernel, kernel.Entry, isEntry: true);
        foreach (Procedure part in kernel.Parts)
        {
            writer.Line();
            WriteProcedure(writer, kernel, part, isEntry: false);
        }

        return writer.ToString();
    }

    /// <summary>The type that tells a kernel on tensor cores what it multiplies.</summary>
    public static string Print(TensorProduct product)
    {
        static string Parameter(Name name) => $"{DeviceExpressions.Type(name.Kind)} {name.Text}";
        var writer = new SourceWriter();
        using (writer.Block($"private struct {product.Name} : ITensorProduct"))
        {
            foreach (Name captured in product.Captured) writer.Line($"public {Parameter(captured)};");
            writer.Line();
            writer.Line($"public readonly int Products => {product.Products};");
            writer.Line($"public readonly int Columns => {product.Columns};");
            writer.Line($"public readonly int Depth => {product.Depth};");
            writer.Line($"public readonly long Row({Parameter(TensorProduct.Row)}) => {DeviceExpressions.Print(product.Start)};");
            writer.Line($"public readonly int Line({Parameter(TensorProduct.Column)}) => {DeviceExpressions.Print(product.Line)};");
            IEnumerable<Name> parameters = [TensorProduct.Row, TensorProduct.Column, TensorProduct.Sum, TensorProduct.Second];
            writer.Line($"public readonly void Store({string.Join(", ", parameters.Select(Parameter))}) => {Simple(product.Store)}");
        }

        return writer.ToString();
    }

    private static void WriteProcedure(SourceWriter writer, Kernel kernel, Procedure procedure, bool isEntry)
    {
        IEnumerable<string> parameters = procedure.Parameters.Select(p => $"{DeviceExpressions.Type(p.Kind)} {p.Text}");
        string step = isEntry ? "DeviceStep step, " : "";
        string generic = procedure.IsWidening ? "<W>" : "", constraint = procedure.IsWidening ? " where W : struct, IDeviceFormat" : "";
        string head = $"{(isEntry ? "public" : "private")} static void {procedure.Name}{generic}({step}{string.Join(", ", parameters)}){constraint}";
        using SourceWriter.Scope method = writer.Block(head);
        var inner = new SourceWriter();
        WriteAll(inner, procedure.Body);
        string body = inner.ToString();
        bool Uses(string name) => Regex.IsMatch(body, $@"\b{name}\b");
        List<Size> sizes = [.. kernel.Sizes.Where(size => Uses(size.Name))];
        if (sizes.Count > 0)
            writer.Line($"const int {string.Join(", ", sizes.Select(size => $"{size.Name} = {DeviceExpressions.Print(size.Value)}"))};");
        List<string> indices = [.. s_indices.Where(index => Uses(index.Name)).Select(index => $"{index.Name} = {index.Value}")];
        if (isEntry && indices.Count > 0) writer.Line($"int {string.Join(", ", indices)};");
        writer.Lines(body);
    }

    /// <summary>Short declarations and assignments of a register tile share lines.</summary>
    private static void WriteAll(SourceWriter writer, IReadOnlyList<Statement> statements)
    {
        for (int i = 0; i < statements.Count; i++)
        {
            if (Short(statements[i]) is not { } line)
            {
                Write(writer, statements[i]);
                continue;
            }

            bool declares = statements[i] is Declare;
            while (i + 1 < statements.Count && statements[i + 1] is Declare == declares && Short(statements[i + 1]) is { } next && line.Length + next.Length < LongestLine)
            {
                line = declares ? $"{line.TrimEnd(';')}, {next.Substring(next.IndexOf(' ') + 1)}" : $"{line} {next}";
                i++;
            }

            writer.Line(line);
        }
    }

    private static string? Short(Statement statement)
    {
        if (statement is not (Declare { Variable.Kind: Kind.Float } or Assign { Target: Name })) return null;
        string text = Simple(statement);
        return text.Length <= ShortLine ? text : null;
    }

    private static void Write(SourceWriter writer, Statement statement)
    {
        switch (statement)
        {
            case For loop:
                string variable = loop.Variable.Text;
                string step = loop.Step is Whole { Value: 1 } ? $"{variable}++" : $"{variable} += {DeviceExpressions.Print(loop.Step)}";
                Block(writer, $"for (int {variable} = {DeviceExpressions.Print(loop.From)}; {variable} < {DeviceExpressions.Print(loop.To)}; {step})", loop.Body);
                break;
            case While loop:
                Block(writer, $"while ({DeviceExpressions.Print(loop.Condition)})", loop.Body);
                break;
            case If choice:
                Block(writer, $"if ({DeviceExpressions.Print(choice.Condition)})", choice.Then);
                if (choice.Otherwise.Count > 0) Block(writer, "else", choice.Otherwise);
                break;
            default:
                writer.Line(Simple(statement));
                break;
        }
    }

    private static void Block(SourceWriter writer, string head, IReadOnlyList<Statement> body)
    {
        if (body.Count == 1 && body[0] is Assign or Run or Leave or Next)
        {
            writer.Line($"{head} {Simple(body[0])}");
            return;
        }

        using SourceWriter.Scope block = writer.Block(head);
        WriteAll(writer, body);
    }

    private static string Simple(Statement statement) => statement switch
    {
        Remark remark => "// " + remark.Text,
        Declare { Variable: var variable } declare => $"{DeviceExpressions.Type(variable.Kind)} {variable.Text} = {DeviceExpressions.Print(declare.Value)};",
        Assign assign => Print(assign),
        GroupMemory { Place: var place } memory =>
            $"{DeviceExpressions.Type(place.Kind)} {place.Text} = SharedMemory.Allocate<{(place.Kind == Kind.Integers ? "int" : "float")}>({memory.Count});",
        Kernels.Loops.Barrier => "Group.Barrier();",
        Leave => "return;",
        Next => "continue;",
        TensorTile tile => Print(tile),
        Run run => $"{run.Procedure.Name}({string.Join(", ", run.Arguments.Select(DeviceExpressions.Print))});",
        _ => throw new ArgumentOutOfRangeException(nameof(statement), statement, "No device has it."),
    };

    private static string Print(TensorTile tile)
    {
        string product = $"new {tile.Product.Name} {{ {string.Join(", ", tile.Product.Captured.Select(name => $"{name.Text} = {name.Text}"))} }}";
        Expression[] weights = [tile.Weights[0], tile.Weights[tile.Weights.Count - 1]];
        string arguments = string.Join(", ", new[] { tile.Rows }.Concat(weights).Concat([tile.First, tile.End, tile.Block]).Select(DeviceExpressions.Print));
        return $"{tile.Method}.Run({product}, {arguments});";
    }

    private static string Print(Assign assign)
    {
        string target = DeviceExpressions.Print(assign.Target);
        bool isUpdate = assign.Value is Arithmetic { Operator: Operator.Add or Operator.Subtract or Operator.Multiply } sum && sum.Left == assign.Target;
        if (!isUpdate) return $"{target} = {DeviceExpressions.Print(assign.Value)};";
        var update = (Arithmetic)assign.Value;
        string value = DeviceExpressions.Print(update.Right);
        return update.Operator switch
        {
            Operator.Multiply => $"{target} *= {value};",
            Operator.Add => value == "1" ? $"{target}++;" : $"{target} += {value};",
            _ => value == "1" ? $"{target}--;" : $"{target} -= {value};",
        };
    }
}
