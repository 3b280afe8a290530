using System;
using System.Collections.Generic;
using Sinter.Runtime.Training.Ranks;
using Sinter.Runtime.Training.Schedules;

namespace Sinter.Runtime.Training.Runs;

/// <summary>What a run is told besides its recipe.</summary>
public sealed record RunOptions
{
    /// <summary>The run's folder: checkpoints, metrics and tokens.</summary>
    public required string Folder { get; init; }

    /// <summary>Of weights and data.</summary>
    public ulong Seed { get; init; } = 1;

    /// <summary>Training ends after this step, counted from the start of the run; null where the recipe says when.</summary>
    public long? Steps { get; init; }

    /// <summary>Training ends when the model has read this many tokens.</summary>
    public long? Tokens { get; init; }

    /// <summary>Steps between checkpoints; one is always made at the end.</summary>
    public int SaveEvery { get; init; } = 500;

    /// <summary>How many checkpoints are kept.</summary>
    public int Keep { get; init; } = 3;

    /// <summary>Steps between validations.</summary>
    public int ValidateEvery { get; init; } = 50;

    /// <summary>Rows of the validation.</summary>
    public int ValidationRows { get; init; } = 16;

    /// <summary>The folder with tokenizer.json, which checkpoints carry along; null without.</summary>
    public string? TokenizerFolder { get; init; }

    /// <summary>Whether to go on from the newest checkpoint.</summary>
    public bool Resume { get; init; }

    /// <summary>
    /// The processes that train together: each makes the same run with its part of every batch, and all see one folder. The first
    /// writes it, and its observer alone hears of the run. Sessions are to be opened with the same.
    /// </summary>
    public ICommunicator Ranks { get; init; } = OneProcess.Alone;
}

/// <summary>Hears what a run does.</summary>
public interface IRunObserver
{
    void Warned(string sentence);

    void Stepped(StepMetrics step, TimeSpan? remaining);

    void Validated(Validation validation);

    void Saved(string path);
}

/// <summary>Opens sessions: one for each length and rotary scaling that stages ask for.</summary>
/// <param name="stage">Whose length and scaling.</param>
public delegate TrainedModel OpenSession(TrainingStage stage);

/// <summary>A session and the config that its model was compiled with.</summary>
public sealed record TrainedModel(TrainingSession Session, IReadOnlyDictionary<string, object?> Config);
