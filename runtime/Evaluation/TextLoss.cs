using System;

namespace Sinter.Runtime.Evaluation;

/// <summary>What a model makes of a text.</summary>
/// <param name="Tokens">Tokens that were predicted.</param>
/// <param name="Loss">Cross-entropy of the next token in nats, the mean over them.</param>
/// <param name="Bytes">Bytes of text that they stand for.</param>
/// <param name="PredictionLoss">The same of multi-token prediction; null where the checkpoint has none.</param>
/// <param name="Acceptance">
/// The part of its likeliest tokens that are also the likeliest of the main model one token later: those that greedy
/// decoding would accept.
/// </param>
public sealed record TextLoss(long Tokens, double Loss, long Bytes, double? PredictionLoss, double? Acceptance)
{
    /// <summary>What a byte of text costs, in bits; independent of the tokenizer.</summary>
    public double BitsPerByte => Loss * Tokens / Math.Log(2) / Bytes;
}
