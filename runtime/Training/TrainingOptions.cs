using Sinter.Runtime.Checkpoints;
using Sinter.Runtime.Training.Ranks;

namespace Sinter.Runtime.Training;

/// <summary>In which numbers the products of the linear layers are computed; all else is f32 (DeepSeek-V3 section 3.3).</summary>
public enum TrainingPrecision
{
    F32,

    /// <summary>Factors rounded to BF16, sums in f32.</summary>
    BF16,

    /// <summary>Factors cast to E4M3 with a scale for each tile, sums in f32.</summary>
    FP8,
}

/// <summary>How a training session runs and how much it can hold.</summary>
public sealed record TrainingOptions
{
    /// <summary>Tokens of a sequence that have a loss: the session can hold this many.</summary>
    public required int Length { get; init; }

    /// <summary>Threads; null for the machine's cores. Results do not depend on it.</summary>
    public int? Threads { get; init; }

    public TrainingPrecision Precision { get; init; }

    /// <summary>How the moments of AdamW are kept: <see cref="ElementType.F32"/> or, as in the report, <see cref="ElementType.BF16"/>.</summary>
    public ElementType Moments { get; init; } = ElementType.BF16;

    /// <summary>Whether positions count from the beginning of a document where masks between documents are given; else from that of the sequence.</summary>
    public bool RestartsPositions { get; init; }

    /// <summary>The processes that train together, each on its part of a batch. Each keeps the moments of its share of the weights only.</summary>
    public ICommunicator Ranks { get; init; } = OneProcess.Alone;
}

/// <summary>What the parts of the objective are worth in a batch.</summary>
/// <param name="Sequences">Sequences of the whole batch, however many calls bring them: each has this part of the mean.</param>
/// <param name="Prediction">λ, of the mean over the depths of multi-token prediction (DeepSeek-V3 equation 25).</param>
/// <param name="Balance">α, of the sequence-wise balance loss summed over the layers (equation 17).</param>
public readonly record struct ObjectiveFactors(int Sequences, double Prediction, double Balance);
