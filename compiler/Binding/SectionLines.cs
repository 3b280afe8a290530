using System.Collections.Generic;
using System.Linq;
using Sinter.Compiler.Syntax;

namespace Sinter.Compiler.Binding;

/// <summary>What the lines of train and parallel sections have in common.</summary>
internal static class SectionLines
{
    /// <summary>Stands for every name among the numbers of a method.</summary>
    public const string AnyName = "*";

    /// <summary>
    /// Later sections replace lines of the same name; within one, a name stands once. Stages are a list in order: a section that
    /// has some replaces all of those before it.
    /// </summary>
    public static List<SectionLine> Merge(IEnumerable<EquatableArray<SectionLine>?> sections, DiagnosticBag diagnostics)
    {
        var merged = new List<SectionLine>();
        foreach (EquatableArray<SectionLine>? section in sections)
        {
            var own = new HashSet<string>();
            if ((section ?? default).Any(line => line is StageLine)) merged.RemoveAll(old => old is StageLine);
            foreach (SectionLine line in section ?? default)
            {
                (Name name, bool isStage) = NameOf(line);
                if (!own.Add((isStage ? "stage " : "") + name.Text))
                    diagnostics.Add(Diagnostics.DefinedTwice, name.Span, $"'{name.Text}' is given twice in this section");
                merged.RemoveAll(old => NameOf(old).Name.Text == name.Text && NameOf(old).IsStage == isStage);
                merged.Add(line);
            }
        }

        return merged;
    }

    public static void ReportUnfit(SectionLine line, IReadOnlyCollection<string> known, IReadOnlyCollection<string> other, DiagnosticBag diagnostics)
    {
        Name name = NameOf(line).Name;
        if (!known.Contains(name.Text))
        {
            diagnostics.Add(Diagnostics.UnknownKey, name.Span,
                $"'{name.Text}' is no line of this section{NearestName.Suggest(name.Text, known)}{(line is ScheduleLine ? ", and the loss does not use it" : $"; known are {string.Join(", ", known)}")}");
            return;
        }

        diagnostics.Add(Diagnostics.TrainingValue, line.Span,
            other.Contains(name.Text) ? $"'{name.Text}' takes numbers that change with time, such as 0.001 until 10T tokens, then 0; or a count" : $"'{name.Text}' takes a method, such as adamw(beta1: 0.9)");
    }

    /// <summary><c>adamw(beta1: 0.9)</c>, <c>normal(0.006)</c> or <c>zero1</c>, checked against the methods that there are.</summary>
    public static Choice? Choose(ExpressionLine line, Dictionary<string, string[]> methods, DiagnosticBag diagnostics)
    {
        EquatableArray<Segment> path = line.Value switch
        {
            Call call => call.Path,
            Reference reference => reference.Path,
            _ => default,
        };
        string method = path.Count == 1 && !path[0].IsIndexed ? path[0].Name.Text : "";
        if (!methods.TryGetValue(method, out string[]? numbers))
        {
            diagnostics.Add(Diagnostics.TrainingValue, line.Value.Span,
                $"{Tokens.Shorten(line.Value.Print())} is no {line.Name.Text}; {string.Join(", ", methods.Keys)} {(methods.Count == 1 ? "is" : "are")}{NearestName.Suggest(method, methods.Keys)}");
            return null;
        }

        var values = new List<NamedValue>();
        foreach (CallArgument argument in (line.Value as Call)?.Arguments ?? default)
        {
            string name = argument.Label?.Text ?? "";
            if (!numbers.Contains(name) && (name.Length == 0 || !numbers.Contains(AnyName)) || argument.IsWidth || values.Any(known => known.Name == name))
            {
                diagnostics.Add(Diagnostics.UnknownKey, argument.Label?.Span ?? argument.Value.Span,
                    $"{method} has no {(name.Length == 0 ? "number without a name" : $"'{name}' here")}{NearestName.Suggest(name, numbers)}");
                return null;
            }

            if (Value(argument.Value, diagnostics) is not { } value) return null;
            values.Add(new NamedValue(name, value));
        }

        return new Choice(line.Name.Text, method, values.ToEquatable());
    }

    public static Stage? Keys(StageLine stage, IReadOnlyCollection<string> known, DiagnosticBag diagnostics)
    {
        var values = new List<NamedValue>();
        foreach (StageKey key in stage.Keys)
        {
            if (!known.Contains(key.Name.Text) || values.Any(value => value.Name == key.Name.Text))
            {
                bool isKnown = known.Contains(key.Name.Text);
                diagnostics.Add(isKnown ? Diagnostics.DefinedTwice : Diagnostics.UnknownKey, key.Name.Span,
                    isKnown ? $"'{key.Name.Text}' is given twice" : $"a stage has no '{key.Name.Text}'{NearestName.Suggest(key.Name.Text, known)}");
                return null;
            }

            if (key.Name.Text == "mixture")
            {
                if (Mixture(key, diagnostics) is not { } mixture) return null;
                values.Add(new NamedValue("mixture", new GroupValue(mixture.Numbers)));
                continue;
            }

            if (Value(key.Value, diagnostics) is not { } found) return null;
            if (key.Name.Text != "rope" && found is not NumberValue { Value: > 0 })
            {
                diagnostics.Add(Diagnostics.TrainingValue, key.Value.Span, $"'{key.Name.Text}' is a positive number");
                return null;
            }

            values.Add(new NamedValue(key.Name.Text, found));
        }

        return new Stage(stage.Name.Text, values.ToEquatable());
    }

    /// <summary><c>weights(web: 0.8, code: 0.2)</c></summary>
    private static Choice? Mixture(StageKey key, DiagnosticBag diagnostics) =>
        Choose(new ExpressionLine(key.Name, key.Value, key.Value.Span), new() { ["weights"] = [AnyName] }, diagnostics);

    public static int? Whole(NumberLiteral number, DiagnosticBag diagnostics)
    {
        if (new NumberValue(number.Value) is { IsWhole: true, Value: >= 1 and <= 1_000_000 }) return (int)number.Value;
        diagnostics.Add(Diagnostics.TrainingValue, number.Span, $"{number.Text} should be a whole number from 1 to 1000000");
        return null;
    }

    private static ConfigValue? Value(Expression expression, DiagnosticBag diagnostics)
    {
        switch (expression)
        {
            case NumberLiteral number:
                return new NumberValue(number.Value);
            case TileLiteral { Rows: > 0, Columns: > 0 } tile:
                return new TextValue(tile.Print());
            case Reference { Path: { Count: 1 } path } when !path[0].IsIndexed:
                return new TextValue(path[0].Name.Text);
            case Call { Path: { Count: 1 } path, Arguments: { Count: 1 } arguments } when !path[0].IsIndexed && arguments[0].Value is NumberLiteral:
                return new TextValue(expression.Print());
            default:
                diagnostics.Add(Diagnostics.TrainingValue, expression.Span, $"{Tokens.Shorten(expression.Print())} is no number, word or block such as 1x128");
                return null;
        }
    }

    internal static (Name Name, bool IsStage) NameOf(SectionLine line) => line switch
    {
        ExpressionLine expression => (expression.Name, false),
        ScheduleLine schedule => (schedule.Name, false),
        PlacementLine placement => (placement.Name, false),
        _ => (((StageLine)line).Name, true),
    };
}
