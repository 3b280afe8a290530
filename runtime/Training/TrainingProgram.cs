using System.Collections.Generic;
using Sinter.Runtime.Execution;

namespace Sinter.Runtime.Training;

/// <summary>
/// A compiled training graph without its numbers: the static lists of kernels, forward and backward, that generated code
/// derives from this class. It holds no state.
/// </summary>
public abstract class TrainingProgram
{
    /// <summary>The model that is trained.</summary>
    public abstract ModelDescription Description { get; }

    /// <summary>What the kernels need.</summary>
    public abstract TrainingDescription Training { get; }

    /// <summary>Runs one sequence forward: losses and loads are added up, and what the backward pass wants is kept. Every worker calls it.</summary>
    public abstract void Forward(ref readonly TrainingPass pass, in Worker worker);

    /// <summary>Runs the sequence of the last <see cref="Forward"/> backward: gradients are added to <see cref="TrainingPass.Gradients"/>. Every worker calls it.</summary>
    public abstract void Backward(ref readonly TrainingPass pass, in Worker worker);
}

/// <summary>What a compiled training graph needs from its surroundings.</summary>
public sealed record TrainingDescription
{
    public required IReadOnlyList<TrainingDeclaration> Tensors { get; init; }

    /// <summary>Layers that route to experts.</summary>
    public required IReadOnlyList<BalanceDeclaration> Balanced { get; init; }

    /// <summary>The rotary tables that the kernels read, those that turn back among them.</summary>
    public required IReadOnlyList<RotaryDeclaration> Rotaries { get; init; }

    /// <summary>Tokens foreseen after the next one.</summary>
    public required int Depth { get; init; }

    /// <summary>Bytes of activations and their gradients, a token of the sequence.</summary>
    public required long TokenBytes { get; init; }

    /// <summary>Bytes of values with two axes over the sequence, a pair of tokens.</summary>
    public required long PairBytes { get; init; }

    /// <summary>Bytes that do not grow with the sequence.</summary>
    public required long FixedBytes { get; init; }

    /// <summary>Bytes of values kept from the forward for the backward pass, a token.</summary>
    public required long KeptBytes { get; init; }

    /// <summary>Bytes each worker needs for packed tiles.</summary>
    public required int ScratchBytes { get; init; }

    /// <summary>Bytes each worker needs besides, a token of the sequence.</summary>
    public required int ScratchTokenBytes { get; init; }

    /// <summary>In which numbers the products of the linear layers are computed.</summary>
    public required TrainingPrecision Precision { get; init; }
}

/// <summary>A stored tensor of the training graph, or the same one of several layers and experts.</summary>
/// <param name="Name">As published, with <c>{layer}</c> and <c>{expert}</c>.</param>
/// <param name="Slot">Index of the first layer's in the pass's table; experts of a layer lie one after the other in one slot.</param>
/// <param name="IsTrained">Whether the graph has a gradient of it.</param>
/// <param name="IsCast">Whether products read it in the precision's numbers.</param>
public sealed record TrainingDeclaration(string Name, IReadOnlyList<int> Shape, int FirstLayer, int Layers, int Experts, int Slot, bool IsTrained, bool IsCast = false);

/// <summary>Layers with a choice of experts.</summary>
/// <param name="Bias">The published name of what steers the choice and has no gradient, or null.</param>
public sealed record BalanceDeclaration(int FirstLayer, int Layers, int Experts, string? Bias);
