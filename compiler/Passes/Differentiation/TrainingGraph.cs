using System;
using System.Globalization;
using Sinter.Compiler.Graph;

namespace Sinter.Compiler.Passes.Differentiation;

/// <summary>
/// A model's objective and its gradients, region by region, for sequences that each start at position 0.
/// </summary>
/// <remarks>
/// Values and gradients pass from region to region by name. Gradients: a round of a backward region takes <c>grad.NAME</c>
/// for each output that it differentiates, zero where nothing has given one yet, and with that the gradient of this value is
/// spent; then what it gives as <c>grad.NAME</c> for its inputs adds up with what other regions gave. A value may thus be read
/// by several regions. Of the gradients of stored tensors those with the same published name add up.
/// </remarks>
/// <param name="Forward">
/// The main regions in order and then prediction, with the losses as outputs without axes and their targets as inputs
/// (<see cref="Objective"/>).
/// </param>
/// <param name="Backward">
/// The last first; a repeated region runs for its layers from <see cref="Region.EndLayer"/> − 1 down. A round takes, besides
/// gradients, the inputs that the same round of the forward region had.
/// </param>
public sealed record TrainingGraph(EquatableArray<Region> Forward, EquatableArray<Region> Backward);

/// <summary>
/// The names by which an objective goes. Every loss is a mean over the tokens of one sequence; what each is worth comes in
/// as its gradient: of a batch of B sequences 1/B, λ/(D·B) for each of D depths and α/B (DeepSeek-V3 equations 24 and 25), and then
/// the gradients of the sequences add up.
/// </summary>
public static class Objective
{
    /// <summary>Cross-entropy of the next token.</summary>
    public const string Main = "loss.main";

    /// <summary>Cross-entropy of multi-token prediction at its first depth; further ones have their number behind it.</summary>
    public const string Prediction = "loss.prediction";

    /// <summary>Of each layer with a balanced choice; the objective has the sum of them.</summary>
    public const string Balance = "loss.balance";

    /// <summary>The token one place on.</summary>
    public const string MainTarget = "target.main";

    /// <summary>The token that prediction is to foresee at its first depth, two places on; further ones have their number behind it.</summary>
    public const string PredictionTarget = "target.prediction";

    /// <summary>The token that prediction reads at its first depth, one place on.</summary>
    public const string Next = "next";

    public static bool IsLoss(string name) => name is Main or Balance || DepthOf(Prediction, name) > 0;

    /// <summary>What a name of prediction becomes at a depth, counted from 1.</summary>
    public static string At(string name, int depth) => depth == 1 ? name : $"{name}.{depth.ToString(CultureInfo.InvariantCulture)}";

    /// <summary>The depth at which a name stands for <paramref name="first"/>; 0 where it stands for something else.</summary>
    public static int DepthOf(string first, string name)
    {
        if (name == first) return 1;
        return name.StartsWith(first + ".", StringComparison.Ordinal)
            && int.TryParse(name.Substring(first.Length + 1), NumberStyles.None, CultureInfo.InvariantCulture, out int depth) && depth > 1 ? depth : 0;
    }
}
