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
        // On tensor cores it is the main loop that says how many.
        if (TileOf(kernel.Entry) is null) writer.Line($"[Threads({threads})]");
        WriteProcedure(writer, kernel, kernel.Entry, isEntry: true);
        foreach (Procedure part in kernel.Parts)
        {
            writer.Line();
            WriteProcedure(writer, kernel, part, isEntry: false);
        }

        return writer.ToString();
    }

    /// <summary>The type that tells a kernel on tensor cores what it works on.</summary>
    public static string Print(TensorShape shape)
    {
        var writer = new SourceWriter();
        using (writer.Block($"private struct {shape.Name} : I{shape.GetType().Name}"))
        {
            foreach (Name captured in shape.Captured) writer.Line($"public {Parameter(captured)};");
            writer.Line();
            if (shape is TensorProduct product) Write(writer, product);
            else Write(writer, (TensorAttention)shape);
        }

        return writer.ToString();
    }

    private static void Write(SourceWriter writer, TensorProduct product)
    {
        WriteConstant(writer, "Products", product.Products);
        WriteConstant(writer, "Columns", product.Columns);
        WriteConstant(writer, "Depth", product.Depth);
        WriteMethod(writer, "long", "Row", [TensorProduct.Row], DeviceExpressions.Print(product.Start) + ";");
        WriteMethod(writer, "int", "Line", [TensorProduct.Column], DeviceExpressions.Print(product.Line) + ";");
        WriteMethod(writer, "void", "Store", [TensorProduct.Row, TensorProduct.Column, TensorProduct.Sum, TensorProduct.Second], Simple(product.Store));
    }

    private static void Write(SourceWriter writer, TensorAttention attention)
    {
        WriteConstant(writer, "Depth", attention.Depth);
        WriteConstant(writer, "Width", attention.Width);
        WriteConstant(writer, "OwnValues", attention.Value is null ? 0 : attention.Width);
        WriteConstant(writer, "Parts", attention.Parts);
        WriteConstant(writer, "Keys", attention.Keys);
        writer.Line($"public readonly float Scale => {CSharpExpressions.Number(attention.Scale)};");
        Name row = TensorAttention.Row, position = TensorAttention.Position, number = TensorAttention.Number;
        WriteMethod(writer, "int", "Bound", [row], DeviceExpressions.Print(attention.Bound) + ";");
        WriteMethod(writer, "long", "Query", [row, number], DeviceExpressions.Print(attention.Query) + ";");
        WriteMethod(writer, "long", "Key", [position, number], DeviceExpressions.Print(attention.Key) + ";");
        WriteMethod(writer, "long", "Value", [position, number], attention.Value is null ? "Key(position, number);" : DeviceExpressions.Print(attention.Value) + ";");
        WriteMethod(writer, "long", "Result", [row], DeviceExpressions.Print(attention.Result) + ";");
    }

    private static void WriteConstant(SourceWriter writer, string name, int value) => writer.Line($"public readonly int {name} => {value};");

    private static void WriteMethod(SourceWriter writer, string type, string name, IEnumerable<Name> parameters, string body) =>
        writer.Line($"public readonly {type} {name}({string.Join(", ", parameters.Select(Parameter))}) => {body}");

    private static string Parameter(Name name) => $"{DeviceExpressions.Type(name.Kind)} {name.Text}";

    private static void WriteProcedure(SourceWriter writer, Kernel kernel, Procedure procedure, bool isEntry)
    {
        IEnumerable<string> parameters = procedure.Parameters.Select(Parameter);
        string step = isEntry ? "DeviceStep step, " : "";
        string generic = procedure.IsWidening ? "<W>" : "", constraint = procedure.IsWidening ? " where W : struct, IDeviceFormat" : "";
        if (TileOf(procedure) is { } tile) (generic, constraint) = ("<L>", $" where L : struct, {(tile.TakesScales ? "ITensorLoop" : "IPlainTensorLoop")}");
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
        TensorRows rows => $"TensorAttention.Run({New(rows.Attention)}, {rows.Output.Text}, {DeviceExpressions.Print(rows.First)}, {DeviceExpressions.Print(rows.End)});",
        Run run => $"{run.Procedure.Name}({string.Join(", ", run.Arguments.Select(DeviceExpressions.Print))});",
        _ => throw new ArgumentOutOfRangeException(nameof(statement), statement, "No device has it."),
    };

    private static TensorTile? TileOf(Procedure procedure) => procedure.Body.OfType<TensorTile>().FirstOrDefault();

    private static string Print(TensorTile tile)
    {
        Expression[] weights = [tile.Weights[0], tile.Weights[tile.Weights.Count - 1]];
        string arguments = string.Join(", ", new[] { tile.Rows }.Concat(weights).Concat([tile.First, tile.End, tile.Block]).Select(DeviceExpressions.Print));
        return $"default(L).Run({New(tile.Product)}, {arguments});";
    }

    private static string New(TensorShape shape) => $"new {shape.Name} {{ {string.Join(", ", shape.Captured.Select(name => $"{name.Text} = {name.Text}"))} }}";

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
