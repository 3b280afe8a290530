using Sinter.Compiler.Syntax;

namespace Sinter.Compiler.Binding;

/// <summary>The recipe by which a model is trained.</summary>
/// <param name="Loss">Over the names of the model's values and of <paramref name="Schedules"/>.</param>
/// <param name="Schedules">Numbers that change while training goes on: rate, batch, balance, and weights in the loss.</param>
public sealed record BoundTraining(
    Expression? Loss,
    EquatableArray<Schedule> Schedules,
    EquatableArray<Choice> Choices,
    EquatableArray<Stage> Stages);

/// <summary>A named method with its numbers: <c>adamw(beta1: 0.9)</c>.</summary>
public sealed record Choice(string Name, string Method, EquatableArray<NamedValue> Numbers);

public sealed record Schedule(string Name, EquatableArray<Phase> Phases);

/// <summary>From one value to another within some time; the last phase may last for ever.</summary>
/// <param name="Length">How long the phase lasts, or null for ever.</param>
/// <param name="End">When it ends, counted from the start, or null where <paramref name="Length"/> says it.</param>
public sealed record Phase(PhaseCurve Curve, double From, double To, Amount? Length, Amount? End);

public sealed record Amount(double Value, bool IsTokens);

/// <summary>A stretch of training with its own lengths, batch and steps.</summary>
public sealed record Stage(string Name, EquatableArray<NamedValue> Keys);

/// <summary>How training is spread over machines.</summary>
public sealed record BoundPlacement(EquatableArray<Choice> Choices, int? Experts, int? MostNodes);
