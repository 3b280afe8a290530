using System;
using System.Text.Json.Nodes;

namespace Sinter.Runtime.Training.Schedules;

/// <summary>
/// A schedule as time passes. Where phases count steps and tokens in turn, only the run itself knows at which token a phase of
/// steps ended: so it is remembered, and saved with the run.
/// </summary>
public sealed class RunningSchedule(Schedule schedule)
{
    private int _phase;
    private double _startSteps, _startTokens;

    /// <summary>Whether the last phase is over; its end value stays.</summary>
    public bool IsOver => _phase == schedule.Phases.Count;

    /// <summary>
    /// The value of one step; steps come in order. A line reaches its end in the last step of its phase, so that a warm-up of n
    /// steps has the peak at the nth; a cosine begins with its first value, and the step after its last would have its end.
    /// </summary>
    /// <param name="before">Before the step.</param>
    /// <param name="after">After the step; the same as <paramref name="before"/> for what decides on its tokens.</param>
    public double At(TrainingClock before, TrainingClock after)
    {
        Advance(before);
        if (IsOver) return schedule.Phases[^1].To;
        SchedulePhase phase = schedule.Phases[_phase];
        double start = Start(phase), length = End(phase) - start;
        return phase.Curve switch
        {
            ScheduleCurve.Linear => RateCurve.Linear(phase.From, phase.To, Math.Min(1, (after.In(phase.InTokens) - start) / length)),
            ScheduleCurve.Cosine => RateCurve.Cosine(phase.From, phase.To, (before.In(phase.InTokens) - start) / length),
            _ => phase.From,
        };
    }

    /// <summary>Leaves the phases that are over.</summary>
    public void Advance(TrainingClock now)
    {
        while (!IsOver && now.In(schedule.Phases[_phase].InTokens) >= End(schedule.Phases[_phase]))
        {
            SchedulePhase phase = schedule.Phases[_phase++];

            // In its own unit a phase ends where it should, though the step may have gone beyond.
            double end = End(phase);
            (_startSteps, _startTokens) = phase.InTokens ? ((double)now.Steps, end) : (end, (double)now.Tokens);
        }
    }

    public JsonObject Save() => new() { ["phase"] = _phase, ["steps"] = _startSteps, ["tokens"] = _startTokens };

    public void Restore(JsonObject state)
    {
        _phase = Math.Min((int)state["phase"]!, schedule.Phases.Count);
        (_startSteps, _startTokens) = ((double)state["steps"]!, (double)state["tokens"]!);
    }

    private double Start(SchedulePhase phase) => phase.InTokens ? _startTokens : _startSteps;

    private double End(SchedulePhase phase) => phase.Until ? phase.Amount : Start(phase) + phase.Amount;
}
