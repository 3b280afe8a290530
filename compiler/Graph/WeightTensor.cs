namespace Sinter.Compiler.Graph;

/// <summary>A tensor of the checkpoint, or the same tensor of every layer and expert.</summary>
/// <param name="Name">As published, with <c>{layer}</c> and <c>{expert}</c> where they vary.</param>
/// <param name="Shape">Of one tensor, as published.</param>
/// <param name="Experts">How many experts have one; zero where it is not an expert's.</param>
/// <param name="Otherwise">The tensor to take where the checkpoint lacks this one.</param>
public sealed record WeightTensor(string Name, EquatableArray<int> Shape, int Experts = 0, string? Otherwise = null);

/// <summary>
/// The angles of a rotary embedding: position · theta^(-2i/dimension), blended with the interpolated frequency where
/// YaRN extends the context.
/// </summary>
/// <param name="Magnitude">Factor on cosine and sine.</param>
public sealed record RotaryTable(int Dimension, EquatableArray<double> InverseFrequencies, double Magnitude);
