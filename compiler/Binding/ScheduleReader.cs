using System;
using System.Collections.Generic;
using Sinter.Compiler.Syntax;

namespace Sinter.Compiler.Binding;

/// <summary>Makes a schedule of its phases: where each starts and ends, and for how long.</summary>
internal static class ScheduleReader
{
    public static Schedule? Read(ScheduleLine line, DiagnosticBag diagnostics)
    {
        var phases = new List<Phase>();
        bool? isTokens = null;
        double? reached = null;
        double ended = 0;
        foreach (PhaseSyntax phase in line.Phases)
        {
            bool isLast = phases.Count == line.Phases.Count - 1;
            if (phase.From is null && reached is null) return Fail(phase.Span, "the first phase of a schedule needs a value to start from", diagnostics);
            if (phase.Time is null && !isLast) return Fail(phase.Span, "only the last phase of a schedule may go on for ever; 'until', 'over' or 'for' says how long", diagnostics);
            if (phase.Time is null && phase.Curve != PhaseCurve.Hold) return Fail(phase.Span, "a change needs a time: 0 to 2.2e-4 over 2000 steps", diagnostics);

            Amount? amount = null;
            if (phase.Time is { } time)
            {
                if (time.Unit is { } unit) isTokens = unit.Text == "tokens";
                if (isTokens is not { } tokens) return Fail(time.Span, "a time needs its unit: 10T tokens, 2000 steps", diagnostics);
                if (time.Value <= 0) return Fail(time.Span, "a time is a positive number of tokens or steps", diagnostics);
                amount = new Amount(time.Value, tokens);
                if (phase.Until && time.Value <= ended) return Fail(time.Span, "this phase would end before it begins", diagnostics);
                ended = phase.Until ? time.Value : 0;
            }

            double from = phase.From?.Value ?? reached!.Value;
            double to = phase.To?.Value ?? from;
            if (line.Name.Text == "batch" && Math.Min(from, to) < 1) return Fail(phase.Span, "a batch has one sequence at least", diagnostics);
            phases.Add(new Phase(phase.Curve, from, to, phase.Until ? null : amount, phase.Until ? amount : null));
            reached = to;
        }

        return new Schedule(line.Name.Text, phases.ToEquatable());
    }

    private static Schedule? Fail(SourceSpan span, string message, DiagnosticBag diagnostics)
    {
        diagnostics.Add(Diagnostics.TrainingValue, span, message);
        return null;
    }
}
