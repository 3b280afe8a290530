using System;
using System.Collections.Generic;
using System.Linq;
using System.Text.RegularExpressions;
using Sinter.Compiler.Kernels.Loops;

namespace Sinter.Compiler.Emit;

/// <summary>Kernels of the loop language as C# for CPUs: static methods over <c>ILanes</c> and <c>IWeightFormat</c>.</summary>
public static class CSharpKernelPrinter
{
    private const int LongestLine = 140;

    private static readonly string[] s_formats = ["F32", "BF16", "F16", "E4M3", "Int8"];

    public static string Print(Kernel kernel)
    {
        var writer = new SourceWriter();
        foreach (string line in kernel.Comment.Split('\n')) writer.Line(line.Length > 0 ? "// " + line : "//");
        if (kernel.Formats is not null)
        {
            WriteDispatch(writer, kernel.Entry, kernel.Formats);
            writer.Line();
        }

        WriteProcedure(writer, kernel, kernel.Entry, isPublic: kernel.Formats is null);
        foreach (Procedure part in kernel.Parts)
        {
            writer.Line();
            WriteProcedure(writer, kernel, part, isPublic: false);
        }

        return writer.ToString();
    }

    /// <summary>The entry of a kernel that reads weights: on to the version for their format.</summary>
    private static void WriteDispatch(SourceWriter writer, Procedure entry, Name weight)
    {
        WriteHead(writer, entry, entry.Name, isPublic: true, widens: false);
        using SourceWriter.Scope method = writer.Block();
        using SourceWriter.Scope formats = writer.Block($"switch ({weight.Text}->Format)");
        string arguments = string.Join(", ", new[] { "in step", "in worker" }.Concat(entry.Parameters.Select(p => p.Text)));
        foreach (string format in s_formats)
            writer.Line($"case WeightFormat.{format}: {entry.Name}As<V, {format}>({arguments}); break;");
    }

    private static void WriteHead(SourceWriter writer, Procedure procedure, string name, bool isPublic, bool widens)
    {
        string parameters = string.Join(", ", procedure.Parameters.Select(p => $"{CSharpExpressions.Type(p.Kind)} {p.Text}"));
        writer.Line("[MethodImpl(MethodImplOptions.AggressiveOptimization)]");
        string head = $"{(isPublic ? "public" : "private")} static void {name}{(widens ? "<V, W>" : "<V>")}";
        string line = $"{head}(ref readonly Step step, in Worker worker, {parameters})";
        writer.Line(line);
        writer.Indented(() =>
        {
            writer.Line("where V : struct, ILanes<V>");
            if (widens) writer.Line("where W : struct, IWeightFormat");
        });
    }

    private static void WriteProcedure(SourceWriter writer, Kernel kernel, Procedure procedure, bool isPublic)
    {
        if (procedure.Comment.Length > 0) writer.Line("// " + procedure.Comment);
        bool isFormatted = !isPublic && procedure == kernel.Entry;
        WriteHead(writer, procedure, procedure.Name + (isFormatted ? "As" : ""), isPublic, procedure.IsWidening);
        using SourceWriter.Scope method = writer.Block();
        var inner = new SourceWriter();
        WriteAll(inner, procedure.Body);
        string body = inner.ToString();
        var used = kernel.Sizes.Where(c => Regex.IsMatch(body, $@"\b{c.Name}\b")).ToList();
        if (used.Count > 0)
            writer.Line($"const int {string.Join(", ", used.Select(c => $"{c.Name} = {CSharpExpressions.Print(c.Value)}"))};");
        writer.Lines(body);
    }

    private static void WriteAll(SourceWriter writer, IReadOnlyList<Statement> statements)
    {
        foreach (Statement statement in statements) Write(writer, statement);
    }

    private static void Write(SourceWriter writer, Statement statement)
    {
        switch (statement)
        {
            case For loop:
                string step = loop.Step is Whole { Value: 1 } ? $"{loop.Variable.Text}++" : $"{loop.Variable.Text} += {CSharpExpressions.Print(loop.Step)}";
                WriteBlock(writer, $"for (int {loop.Variable.Text} = {CSharpExpressions.Print(loop.From)}; {loop.Variable.Text} < {CSharpExpressions.Print(loop.To)}; {step})", loop.Body);
                break;
            case ForDown loop:
                WriteBlock(writer, $"for (int {loop.Variable.Text} = {CSharpExpressions.Print(loop.From)}; {loop.Variable.Text} > 0; {loop.Variable.Text}--)", loop.Body);
                break;
            case While loop:
                WriteBlock(writer, $"while ({CSharpExpressions.Print(loop.Condition)})", loop.Body);
                break;
            case Deal deal:
                string least = deal.Least is Whole { Value: 1 } ? "" : ", " + CSharpExpressions.Print(deal.Least);
                writer.Line($"Portions portions = worker.Portions({CSharpExpressions.Print(deal.Items)}{least});");
                WriteBlock(writer, $"while (portions.Next(out int {deal.From.Text}, out int {deal.To.Text}))", deal.Body);
                break;
            case If choice:
                WriteBlock(writer, $"if ({CSharpExpressions.Print(choice.Condition)})", choice.Then);
                if (choice.Otherwise.Count > 0) WriteBlock(writer, "else", choice.Otherwise);
                break;
            default:
                writer.Line(Simple(statement)!);
                break;
        }
    }

    private static void WriteBlock(SourceWriter writer, string head, IReadOnlyList<Statement> body)
    {
        string? only = body.Count == 1 && body[0] is not Remark ? Simple(body[0]) : null;
        if (only is not null && body[0] is not Declare and not Kernels.Loops.Share && head.Length + 1 + only.Length <= LongestLine)
        {
            writer.Line($"{head} {only}");
            return;
        }

        using SourceWriter.Scope block = writer.Block(head);
        WriteAll(writer, body);
    }

    /// <summary>The text of a statement that has no block; else null.</summary>
    private static string? Simple(Statement statement) => statement switch
    {
        Remark remark => "// " + remark.Text,
        Declare { Variable: var variable } declare => $"{CSharpExpressions.Type(variable.Kind)} {variable.Text} = {CSharpExpressions.Print(declare.Value)};",
        Assign assign => Print(assign),
        StoreLanes store => $"{Receiver(store.Value)}.Store({CSharpExpressions.Print(store.Place)}, {CSharpExpressions.Print(store.Count)});",
        Kernels.Loops.Share share => $"worker.Share({CSharpExpressions.Print(share.Items)}, out int {share.From.Text}, out int {share.To.Text});",
        Reserve reserve => Print(reserve),
        Barrier => "worker.Barrier();",
        Leave => "return;",
        Next => "continue;",
        Run run => $"{run.Procedure.Name}{(run.Procedure.IsWidening ? "<V, W>" : "<V>")}({Arguments(["in step", "in worker"], run.Arguments)});",
        Tile tile => $"{Method(tile.Operation)}({Arguments([], tile.Arguments)});",
        _ => null,
    };

    private static string Print(Reserve reserve)
    {
        string type = CSharpExpressions.Type(reserve.Place.Kind);
        string memory = reserve.Owner is null ? "worker.Scratch" : $"worker.ScratchOf({CSharpExpressions.Print(reserve.Owner)})";
        return $"{type} {reserve.Place.Text} = ({type}){(reserve.At == 0 ? memory : $"({memory} + {reserve.At})")};";
    }

    private static string Print(Assign assign)
    {
        string target = CSharpExpressions.Print(assign.Target);
        if (assign.Value is Arithmetic { Operator: Operator.Add or Operator.Subtract or Operator.Multiply } update && update.Left == assign.Target)
        {
            string sign = update.Operator switch { Operator.Add => "+", Operator.Subtract => "-", _ => "*" };
            return update is { Operator: not Operator.Multiply, Right: Whole { Value: 1 } }
                ? $"{target}{sign}{sign};"
                : $"{target} {sign}= {CSharpExpressions.Print(update.Right)};";
        }

        return $"{target} = {CSharpExpressions.Print(assign.Value)};";
    }

    private static string Receiver(Expression value)
    {
        string text = CSharpExpressions.Print(value);
        return value is Name or Call { Function: not Function.Negate } ? text : $"({text})";
    }

    private static string Arguments(IEnumerable<string> first, EquatableArray<Expression> arguments) =>
        string.Join(", ", first.Concat(arguments.Select(a => CSharpExpressions.Print(a))));

    private static string Method(TileOperation operation) => operation switch
    {
        TileOperation.Clear => "Tiles.Clear",
        TileOperation.ArrangeRows => "FewRows.Arrange<V, W>",
        TileOperation.AddFewRows => "FewRows.Add<V, W>",
        TileOperation.TurnRows => "TurnedRows.Turn<V>",
        TileOperation.AddTurnedRows => "TurnedRows.Add<V, W>",
        TileOperation.PackPanel => "Panel.Pack<V, W>",
        TileOperation.AddPanel => "Panel.Add<V>",
        TileOperation.AddScores => "AttentionTile.AddScores<V>",
        TileOperation.AddTurnedScores => "TurnedRows.AddPlain<V>",
        TileOperation.AddValues => "AttentionTile.AddValues<V>",
        _ => throw new ArgumentOutOfRangeException(nameof(operation)),
    };
}
