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
/// as its gradient: of a batch of B sequences 1/B, λ/B and α/B, and then the gradients of the sequences add up.
/// </summary>
public static class Objective
{
    /// <summary>Cross-entropy of the next token.</summary>
    public const string Main = "loss.main";

    /// <summary>Cross-entropy of multi-token prediction.</summary>
    public const string Prediction = "loss.prediction";

    /// <summary>Of each layer with a balanced choice; the objective has the sum of them.</summary>
    public const string Balance = "loss.balance";

    /// <summary>The token one place on.</summary>
    public const string MainTarget = "target.main";

    /// <summary>The token that prediction is to foresee, two places on.</summary>
    public const string PredictionTarget = "target.prediction";

    public static bool IsLoss(string name) => name is Main or Prediction or Balance;
}
