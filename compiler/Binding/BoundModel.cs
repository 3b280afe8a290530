using Sinter.Compiler.Syntax;

namespace Sinter.Compiler.Binding;

/// <summary>What a file declares once its imports are read, and all that is wrong with it and with them.</summary>
public sealed record BoundFile(
    EquatableArray<BoundModel> Models,
    EquatableArray<BoundArchitecture> Architectures,
    EquatableArray<DiagnosticInfo> Diagnostics);

/// <summary>An architecture with all the functions and blocks that it can call.</summary>
/// <param name="ModelTypes">Values of <c>model_type</c> in config.json that it reads.</param>
/// <param name="Config">Axes, values and requirements, imported ones first.</param>
public sealed record BoundArchitecture(
    string Name,
    EquatableArray<string> ModelTypes,
    EquatableArray<ConfigEntry> Config,
    EquatableArray<FunctionItem> Functions,
    EquatableArray<BlockItem> Blocks,
    EntryItem Entry,
    PredictItem? Predict,
    TrainItem? Train,
    ParallelItem? Parallel,
    SourceSpan Span);

/// <summary>An architecture with its numbers.</summary>
/// <param name="Settings">The names of config.json that are bound.</param>
/// <param name="Axes">Sizes; null where the axis is <c>none</c> in this model.</param>
/// <param name="Values">The other names of the config sections.</param>
/// <param name="Read">The config names that the config sections read, with the values taken.</param>
/// <param name="Span">Where the model is declared.</param>
public sealed record BoundModel(
    string Name,
    BoundArchitecture Architecture,
    EquatableArray<NamedValue> Settings,
    EquatableArray<BoundAxis> Axes,
    EquatableArray<NamedValue> Values,
    EquatableArray<NamedValue> Read,
    BoundTraining? Training,
    BoundPlacement? Placement,
    SourceSpan Span);

public sealed record BoundAxis(string Name, int? Size);
