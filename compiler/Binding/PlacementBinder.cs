using System.Collections.Generic;
using System.Linq;
using Sinter.Compiler.Syntax;

namespace Sinter.Compiler.Binding;

/// <summary>Checks a parallel section.</summary>
internal static class PlacementBinder
{
    private static readonly Dictionary<string, Dictionary<string, string[]>> s_methods = new()
    {
        ["pipeline"] = new() { ["dualpipe"] = [""], ["dualpipev"] = [""], ["one_forward_one_backward"] = [""] },
        ["data"] = new() { ["zero1"] = [], ["replicated"] = [] },
    };

    public static BoundPlacement? Bind(IReadOnlyList<ParallelItem?> sections, DiagnosticBag diagnostics)
    {
        List<SectionLine> lines = SectionLines.Merge(sections.Select(section => section?.Lines), diagnostics);
        if (sections.All(section => section is null)) return null;

        var choices = new List<Choice>();
        int? experts = null, nodes = null;
        foreach (SectionLine line in lines)
        {
            switch (line)
            {
                case PlacementLine { Name.Text: "experts" } placement:
                    experts = SectionLines.Whole(placement.Count, diagnostics);
                    nodes = placement.MostNodes is { } most ? SectionLines.Whole(most, diagnostics) : null;
                    break;
                case ExpressionLine choice when s_methods.TryGetValue(choice.Name.Text, out Dictionary<string, string[]>? methods):
                    if (SectionLines.Choose(choice, methods, diagnostics) is { } chosen) choices.Add(chosen);
                    break;
                default:
                    SectionLines.ReportUnfit(line, [.. s_methods.Keys, "experts"], ["experts"], diagnostics);
                    break;
            }
        }

        return new BoundPlacement(choices.ToEquatable(), experts, nodes);
    }
}
