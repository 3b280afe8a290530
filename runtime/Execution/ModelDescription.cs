using System.Collections.Generic;

namespace Sinter.Runtime.Execution;

/// <summary>What a compiled model needs from its surroundings: the generated class holds one, and the runtime provides the rest.</summary>
public sealed record ModelDescription
{
    /// <summary>The model's name in its .sinter file.</summary>
    public required string Name { get; init; }

    /// <summary>The architecture's name in its .sinter file.</summary>
    public required string Architecture { get; init; }

    /// <summary><c>model_type</c> values of config.json that this architecture reads.</summary>
    public required IReadOnlyList<string> ModelTypes { get; init; }

    /// <summary>Every config name the model binds, flattened (<c>rope_scaling.factor</c>), with its value: long, double, string, bool or null.</summary>
    public required IReadOnlyDictionary<string, object?> Config { get; init; }

    public required int VocabularySize { get; init; }

    public required int HiddenSize { get; init; }

    public required int Layers { get; init; }

    /// <summary>The longest sequence: <c>max_position_embeddings</c>.</summary>
    public required int MaxPositions { get; init; }

    public required IReadOnlyList<WeightDeclaration> Weights { get; init; }

    /// <summary>
    /// Groups of <see cref="WeightDeclaration.Name"/> that one kernel reads together, such as an expert's gate and up
    /// projections: in each layer all their tensors must be stored in one format.
    /// </summary>
    public IReadOnlyList<IReadOnlyList<string>> SameFormat { get; init; } = [];

    /// <summary>The caches of one layer.</summary>
    public required IReadOnlyList<CacheDeclaration> Caches { get; init; }

    /// <summary>How many layers keep a cache: the model's and those that predict further tokens.</summary>
    public required int CachedLayers { get; init; }

    /// <summary>The rotary tables that the kernels read.</summary>
    public required IReadOnlyList<RotaryDeclaration> Rotaries { get; init; }

    /// <summary>Bytes of activations a token of the step.</summary>
    public required long TokenBytes { get; init; }

    /// <summary>Bytes of expanded keys and values a position of the step's sequences; zero when attention stays absorbed.</summary>
    public required long PositionBytes { get; init; }

    /// <summary>Bytes that do not grow with the step.</summary>
    public required long FixedBytes { get; init; }

    /// <summary>Bytes each worker needs for packed tiles.</summary>
    public required int ScratchBytes { get; init; }

    /// <summary>Whether the model has a part that predicts the token after the next one.</summary>
    public required bool Predicts { get; init; }

    /// <summary>Whether that part leaves hidden states of its own, from which it can predict one token further.</summary>
    public bool PredictsAgain { get; init; }
}

/// <summary>
/// Tensors that lie together in the weight table: one for each layer from <see cref="FirstLayer"/> on and, where
/// <see cref="Experts"/> is not zero, one for each expert of each layer.
/// </summary>
/// <param name="Name">Name in the checkpoint, with <c>{layer}</c> and <c>{expert}</c> where they vary.</param>
/// <param name="Shape">Shape of one tensor, as published.</param>
/// <param name="FirstLayer">The first layer's number.</param>
/// <param name="Layers">How many layers; 1 for a tensor outside the layers.</param>
/// <param name="Experts">Experts a layer; zero for a tensor that is not an expert's.</param>
/// <param name="Slot">Index of the first tensor in the weight table; then layer by layer, expert by expert.</param>
/// <param name="Otherwise">The name of the tensor to take where the checkpoint lacks this one, or null.</param>
/// <param name="Predicts">Whether only multi-token prediction needs it: then the checkpoint may leave it out.</param>
public sealed record WeightDeclaration(
    string Name,
    IReadOnlyList<int> Shape,
    int FirstLayer,
    int Layers,
    int Experts,
    int Slot,
    string? Otherwise = null,
    bool Predicts = false);

/// <summary>A cache kept for every layer: <paramref name="Width"/> numbers a token.</summary>
public sealed record CacheDeclaration(string Name, int Width);

/// <summary>
/// A table of rotations: for each position, <paramref name="Dimension"/>/2 pairs of cosine and sine.
/// </summary>
/// <param name="Dimension">How many numbers are rotated.</param>
/// <param name="InverseFrequencies">[<paramref name="Dimension"/>/2] angle a position, in radians, YaRN's blend included.</param>
/// <param name="Magnitude">What cosine and sine are multiplied with (YaRN: mscale / mscale_all_dim).</param>
public sealed record RotaryDeclaration(int Dimension, IReadOnlyList<double> InverseFrequencies, double Magnitude);
