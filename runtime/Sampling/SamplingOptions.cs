namespace Sinter.Runtime.Sampling;

/// <summary>How the next token is chosen from the logits.</summary>
public record SamplingOptions
{
    /// <summary>Zero takes the most likely token; larger values divide the logits before the softmax.</summary>
    public double Temperature { get; init; }

    /// <summary>Only so many of the most likely tokens; null for all.</summary>
    public int? TopK { get; init; }

    /// <summary>Only the fewest most likely tokens whose probabilities together reach this; 1 for all.</summary>
    public double TopP { get; init; } = 1;

    /// <summary>Only tokens at least this many times as likely as the most likely one; 0 for all.</summary>
    public double MinP { get; init; }

    /// <summary>The same seed gives the same tokens from the same logits; null for another one every time.</summary>
    public ulong? Seed { get; init; }

    /// <exception cref="SinterException">A value is out of range.</exception>
    public virtual void Validate()
    {
        if (!(Temperature >= 0 && double.IsFinite(Temperature))) throw Wrong(nameof(Temperature), Temperature, "zero or a positive number");
        if (TopK < 1) throw Wrong(nameof(TopK), TopK.Value, "at least 1");
        if (!(TopP > 0 && TopP <= 1)) throw Wrong(nameof(TopP), TopP, "more than 0 and at most 1");
        if (!(MinP >= 0 && MinP <= 1)) throw Wrong(nameof(MinP), MinP, "from 0 to 1");
    }

    /// <summary>The error of an option that is out of range.</summary>
    private protected static SinterException Wrong(string option, double value, string wanted) =>
        new(System.FormattableString.Invariant($"{option} is {value}; it must be {wanted}."));
}
