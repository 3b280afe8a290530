using Sinter.Compiler.Graph;

namespace Sinter.Compiler.Operations.Training;

/// <summary>Who provides a buffer of a training step.</summary>
public enum TrainingHome
{
    /// <summary>The plan, while it is needed within a region.</summary>
    Plan,

    /// <summary>The plan, for the whole step: it carries a value from region to region.</summary>
    Boundary,

    /// <summary>Kept from the forward for the backward pass, for each layer.</summary>
    Kept,

    /// <summary>The sequence's tokens, from <see cref="TrainingBuffer.Number"/> places on.</summary>
    TokenIds,

    /// <summary>What a loss is worth: <see cref="TrainingBuffer.Number"/> counts the kinds.</summary>
    Worth,

    /// <summary>A loss.</summary>
    Loss,

    /// <summary>The loads of the layer's experts.</summary>
    Loads,
}

/// <summary>Memory for a value of a training step.</summary>
/// <param name="Numbers">Of the fixed axes.</param>
/// <param name="Sequences">How many of its axes are as long as the sequence: 0, 1 or 2.</param>
public sealed record TrainingBuffer(string Name, int Numbers, int Sequences, bool IsIndex, TrainingHome Home = TrainingHome.Plan, int Number = 0);

/// <summary>The gradient of the stored tensor of the layer at hand.</summary>
public sealed record GradientArgument(WeightTensor Tensor) : CallArgument;

/// <summary>The stored tensor of the layer at hand in the numbers of the precision.</summary>
public sealed record CastWeightArgument(WeightTensor Tensor) : CallArgument;

/// <summary>Where the document of each token begins. [int*]</summary>
public sealed record BeginsArgument : CallArgument;

/// <summary>A parameter that the operation at hand has no use for.</summary>
public sealed record NothingArgument : CallArgument;

/// <summary>One kernel of a training step on actual buffers.</summary>
/// <param name="Reads">What it uses, by the names of <see cref="TrainingRegion"/>: a buffer's number, or a tensor's gradient.</param>
/// <param name="Writes">What it fills or adds to.</param>
/// <param name="Own">Of both those in which a worker touches its own tokens' rows only.</param>
public sealed record TrainingCall(
    Operation Operation,
    EquatableArray<CallArgument> Arguments,
    EquatableArray<string> Reads,
    EquatableArray<string> Writes,
    EquatableArray<string> Own,
    int Stage = 0);

/// <summary>A region of a training step as calls; the groups as in a <see cref="LoweredRegion"/>.</summary>
/// <param name="Stretch">Tokens that it runs for at a time, where it needs nothing of other tokens; else zero: all of the sequence.</param>
/// <param name="Descends">Whether its layers run from the last to the first.</param>
public sealed record TrainingRegion(
    string Name,
    int FirstLayer,
    int EndLayer,
    bool Descends,
    EquatableArray<TrainingBuffer> Buffers,
    EquatableArray<GroupSpecification> Groups,
    EquatableArray<TrainingCall> Calls,
    int Stretch = 0)
{
    public bool IsRepeated => FirstLayer >= 0;

    /// <summary>Whether it runs for so many tokens at a time; its own buffers have as many rows.</summary>
    public bool IsStretched => Stretch > 0;

    public static string Key(int buffer) => buffer.ToString(System.Globalization.CultureInfo.InvariantCulture);

    public static string Key(WeightTensor tensor) => "gradient of " + tensor.Name;
}
