using Sinter.Compiler.Graph;

namespace Sinter.Compiler.Operations.Training;

/// <summary>Numbers from one entry of an axis to the next; times the tokens of the step where the axes inside it have as many.</summary>
public sealed record Stride(int Numbers, bool PerToken = false)
{
    public static readonly Stride None = new(0);

    public static readonly Stride One = new(1);
}

/// <summary>Where the number at (i, j, …) stands: offset + Σ index · stride.</summary>
public sealed record Place(EquatableArray<Stride> Strides, int Offset = 0);

/// <summary>
/// y[i, …] (+)= finish(Σ or max over the reduced axes of value(inputs at (i, …, k, …))): the schedule for whatever has no
/// faster one. Lanes run along the innermost reduced axis or the last of the result, where numbers lie side by side.
/// </summary>
/// <param name="Sizes">Of the result's axes, then of those that are reduced; zero for as many as the step has tokens.</param>
/// <param name="Reduced">How many of the axes are reduced: the last ones.</param>
/// <param name="Value">Of the inputs.</param>
/// <param name="Finish">Argument 0: the reduced value; argument 1: the tokens of the sequence, of which the step may have a stretch.</param>
/// <param name="SharesTokens">Whether the first axis is the step's tokens, which workers then share.</param>
/// <param name="Output">Strides of the result's axes. [float* y], last in the kernel's list.</param>
/// <param name="Adds">Whether the result is added to what is there.</param>
public sealed record NestOperation(
    string Name,
    string Equation,
    EquatableArray<int> Sizes,
    int Reduced,
    Reduction Reduction,
    EquatableArray<NestInput> Inputs,
    Scalar Value,
    Scalar Finish,
    bool SharesTokens,
    Place Output,
    bool Adds) : Operation(Name, Equation);

/// <summary>What a nest reads at (i, …); in brackets the kernel's parameters. Strides are of all axes, reduced ones last.</summary>
public abstract record NestInput;

/// <summary>x[place]. [float* x]</summary>
public sealed record NumberInput(Place Place) : NestInput;

/// <summary>x[place + index[…] · stride]. [float* x, int* index]</summary>
public sealed record TakenInput(Place Place, Place Index, int Stride) : NestInput;

/// <summary>1 where the entry of an axis is index[…], else 0. [int* index]</summary>
public sealed record HotInput(Place Index, int Axis) : NestInput;

/// <summary>0 where the key's position is not after the query's and not before the query's document, else −∞. [int* begins]</summary>
public sealed record MaskInput(int QueryAxis, int KeyAxis) : NestInput;

/// <summary>x[place] with neighbours along the last axis rotated by the position along another. [float* x, float* rotations]</summary>
public sealed record RotatedInput(Place Place, int PositionAxis) : NestInput;
