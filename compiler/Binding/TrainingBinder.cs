using System.Collections.Generic;
using System.Linq;
using Sinter.Compiler.Syntax;

namespace Sinter.Compiler.Binding;

/// <summary>Checks a train section, and lays a model's own lines over those of its architecture.</summary>
internal static class TrainingBinder
{
    // The lines with a meaning of their own. Any other name has to occur in the loss, as a weight that changes with time.
    private static readonly string[] s_schedules = ["balance", "batch", "rate"];
    private static readonly string[] s_stageKeys = ["batch", "length", "mixture", "rate", "rope", "steps", "tokens"];

    // Methods by line, with the names of their numbers; "" is a bare number, "*" any name.
    private static readonly Dictionary<string, Dictionary<string, string[]>> s_methods = new()
    {
        ["optimizer"] = new() { ["adamw"] = ["beta1", "beta2", "clip", "decay", "epsilon", "moments"] },
        ["precision"] = new() { ["fp8"] = ["accumulate", "activations", "linear", "weights"], ["bf16"] = [], ["f32"] = [] },
        ["init"] = new() { ["normal"] = [""] },
        ["data"] = new() { ["packed"] = ["fim", "held_out", "mask", "positions"], ["windows"] = ["held_out", "mask", "positions"] },
        ["mixture"] = new() { ["weights"] = [SectionLines.AnyName] },
        ["adaptive"] = new() { ["plateau"] = ["factor", "least", "patience"] },
    };

    // What a loss may call, and the one value that each takes.
    private static readonly string[] s_losses = ["cross_entropy", "sequence_balance"];

    public static BoundTraining? Bind(IReadOnlyList<TrainItem?> sections, DiagnosticBag diagnostics)
    {
        List<SectionLine> lines = SectionLines.Merge(sections.Select(section => section?.Lines), diagnostics);
        if (sections.All(section => section is null)) return null;

        Expression? loss = lines.OfType<ExpressionLine>().FirstOrDefault(line => line.Name.Text == "loss")?.Value;
        HashSet<string> weights = loss is null ? [] : [.. SyntaxNames.In(loss)];
        if (loss is not null) CheckLoss(loss, lines, diagnostics);

        var schedules = new List<Schedule>();
        var choices = new List<Choice>();
        var stages = new List<Stage>();
        foreach (SectionLine line in lines)
        {
            switch (line)
            {
                case ScheduleLine schedule when s_schedules.Contains(schedule.Name.Text) || weights.Contains(schedule.Name.Text):
                    if (ScheduleReader.Read(schedule, diagnostics) is { } read) schedules.Add(read);
                    break;
                case ExpressionLine { Name.Text: "loss" }:
                    break;
                case ExpressionLine weight when weights.Contains(weight.Name.Text):
                    SectionLines.ReportUnfit(line, [weight.Name.Text], [weight.Name.Text], diagnostics);
                    break;
                case ExpressionLine choice when s_methods.TryGetValue(choice.Name.Text, out Dictionary<string, string[]>? methods):
                    if (SectionLines.Choose(choice, methods, diagnostics) is { } chosen) choices.Add(chosen);
                    break;
                case StageLine stage:
                    if (SectionLines.Keys(stage, s_stageKeys, diagnostics) is { } keys) stages.Add(keys);
                    break;
                default:
                    SectionLines.ReportUnfit(line, [.. s_schedules, .. s_methods.Keys, "loss"], s_schedules, diagnostics);
                    break;
            }
        }

        return new BoundTraining(loss, schedules.ToEquatable(), choices.ToEquatable(), stages.ToEquatable());
    }

    /// <summary>A sum of losses, each perhaps times a number or a schedule.</summary>
    private static void CheckLoss(Expression loss, List<SectionLine> lines, DiagnosticBag diagnostics)
    {
        foreach (Expression term in loss is Sum sum ? sum.Terms.Select(term => term.Value) : [loss])
        {
            int calls = 0;
            foreach (Expression factor in term is Product product ? product.Factors.Select(factor => factor.Value) : [term])
            {
                switch (factor)
                {
                    case NumberLiteral:
                        break;
                    case Reference { Path: { Count: 1 } path } when !path[0].IsIndexed:
                        if (lines.Any(line => SectionLines.NameOf(line).Name.Text == path[0].Name.Text)) break;
                        diagnostics.Add(Diagnostics.UnknownName, factor.Span,
                            $"the loss uses '{path[0].Name.Text}', for which there is no line here{NearestName.Suggest(path[0].Name.Text, lines.OfType<ScheduleLine>().Select(line => line.Name.Text))}");
                        break;
                    case Call { Path: { Count: 1 } path, Arguments.Count: 1 } when s_losses.Contains(path[0].Name.Text):
                        calls++;
                        break;
                    default:
                        diagnostics.Add(Diagnostics.TrainingValue, factor.Span,
                            $"{Tokens.Shorten(factor.Print())} is no part of a loss; cross_entropy(logits), sequence_balance(s), numbers and scheduled weights are");
                        calls++;
                        break;
                }
            }

            if (calls != 1) diagnostics.Add(Diagnostics.TrainingValue, term.Span, $"{Tokens.Shorten(term.Print())} should hold one loss, and has {calls}");
        }
    }
}
