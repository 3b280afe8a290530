using System.Collections.Generic;

namespace Sinter.Runtime.Training.Schedules;

/// <summary>How far training has come.</summary>
/// <param name="Steps">Steps made.</param>
/// <param name="Tokens">Tokens that the model has read.</param>
public readonly record struct TrainingClock(long Steps, long Tokens)
{
    public double In(bool tokens) => tokens ? Tokens : Steps;

    public TrainingClock Since(TrainingClock start) => new(Steps - start.Steps, Tokens - start.Tokens);
}

/// <summary>How a number moves within a phase.</summary>
public enum ScheduleCurve
{
    Hold,
    Linear,
    Cosine,
}

/// <summary>One phase of a schedule.</summary>
/// <param name="Amount">How long it lasts, or, with <paramref name="Until"/>, when it ends from the start of training; infinity for ever.</param>
/// <param name="InTokens">Whether the amount is of tokens; else of steps.</param>
public sealed record SchedulePhase(ScheduleCurve Curve, double From, double To, double Amount, bool InTokens, bool Until);

/// <summary>A number that changes while training goes on, phase after phase.</summary>
public sealed record Schedule(IReadOnlyList<SchedulePhase> Phases)
{
    /// <summary>A number that stays.</summary>
    public static Schedule Constant(double value) => new([new SchedulePhase(ScheduleCurve.Hold, value, value, double.PositiveInfinity, false, false)]);
}

/// <summary>A weight of the objective: a number times schedules, by their names.</summary>
public sealed record ScheduledWeight(double Factor, IReadOnlyList<string> Schedules)
{
    public static ScheduledWeight None { get; } = new(0, []);
}
