using System.Collections.Generic;
using Sinter.Runtime.Checkpoints;
using Sinter.Runtime.Training.Data;

namespace Sinter.Runtime.Training.Schedules;

/// <summary>A stretch of training with settings of its own; what it leaves out is the recipe's.</summary>
/// <param name="Length">Tokens that the model reads of each sequence.</param>
/// <param name="Steps">How long it lasts; null where <paramref name="Tokens"/> says it, or it lasts to the end of training.</param>
/// <param name="Rope">Another <c>rope_scaling</c>, by its method and factor, such as yarn by 40; null for the model's.</param>
public sealed record TrainingStage(
    string Name, int Length, long? Steps = null, long? Tokens = null, double? Rate = null, int? Batch = null,
    IReadOnlyDictionary<string, double>? Mixture = null, RopeExtension? Rope = null)
{
    /// <summary>Whether it is over.</summary>
    /// <param name="within">Steps and tokens since it began.</param>
    public bool IsOver(TrainingClock within) => within.Steps >= (Steps ?? long.MaxValue) || within.Tokens >= (Tokens ?? long.MaxValue);
}

/// <summary>How positions are stretched in a stage.</summary>
public sealed record RopeExtension(string Method, double Factor)
{
    /// <summary>Not at all, whatever the model's config says.</summary>
    public static RopeExtension None { get; } = new("none", 1);
}

/// <summary>All numbers of a training run.</summary>
public sealed record TrainingRecipe
{
    /// <summary>The learning rate.</summary>
    public required Schedule Rate { get; init; }

    /// <summary>Sequences a step.</summary>
    public required Schedule Batch { get; init; }

    /// <summary>λ, of multi-token prediction.</summary>
    public ScheduledWeight Prediction { get; init; } = ScheduledWeight.None;

    /// <summary>α, of the sequence-wise balance loss.</summary>
    public ScheduledWeight Balance { get; init; } = ScheduledWeight.None;

    /// <summary>What <see cref="Prediction"/> and <see cref="Balance"/> name.</summary>
    public IReadOnlyDictionary<string, Schedule> Weights { get; init; } = new Dictionary<string, Schedule>();

    /// <summary>γ, by which the routing bias moves.</summary>
    public Schedule BiasSpeed { get; init; } = Schedule.Constant(0);

    public AdamWSettings Optimizer { get; init; } = new();

    /// <summary>The norm that gradients are clipped to; infinity for none.</summary>
    public double Clip { get; init; } = double.PositiveInfinity;

    /// <summary>How the moments are kept.</summary>
    public ElementType Moments { get; init; } = ElementType.BF16;

    public TrainingPrecision Precision { get; init; }

    /// <summary>The spread of new weights (0.006 in the report).</summary>
    public double Deviation { get; init; } = 0.006;

    public PlateauSettings? Plateau { get; init; }

    public DataOptions Data { get; init; } = new();

    /// <summary>
    /// In order, at least one. Schedules' clocks run through all of them. A last stage without a length of its own ends where the
    /// rate's schedule does.
    /// </summary>
    public required IReadOnlyList<TrainingStage> Stages { get; init; }
}
