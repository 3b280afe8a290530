using System.Collections.Generic;

namespace Sinter.Runtime.Generation;

/// <summary>Why a generation ended.</summary>
public enum FinishReason
{
    /// <summary>The model ended the text.</summary>
    EndOfSequence,

    /// <summary>One of <see cref="GenerationOptions.StopTokens"/> came.</summary>
    StopToken,

    /// <summary>One of <see cref="GenerationOptions.StopStrings"/> came.</summary>
    StopString,

    /// <summary><see cref="GenerationOptions.MaxTokens"/> were generated.</summary>
    MaxTokens,

    /// <summary>The sequence has as many positions as it can hold.</summary>
    ContextFull,
}

/// <summary>What a generation took. The times are those on the clock, shared steps included, waiting for a slot left out.</summary>
/// <param name="PromptTokens">Tokens of the prompt.</param>
/// <param name="GeneratedTokens">Tokens generated, the one that ended it included.</param>
/// <param name="PrefillSeconds">From the prompt's first step to the first token.</param>
/// <param name="DecodeSeconds">From the first token to the last.</param>
/// <param name="Reason">Why it ended.</param>
public sealed record GenerationStatistics(int PromptTokens, int GeneratedTokens, double PrefillSeconds, double DecodeSeconds, FinishReason Reason)
{
    /// <summary>Tokens of the prompt that a cache from before held, so that they were not processed again.</summary>
    public int KeptTokens { get; init; }

    /// <summary>Passes of the model that decoded tokens after the first one.</summary>
    public int Passes { get; init; }

    /// <summary>Tokens drafted by multi-token prediction and checked.</summary>
    public int DraftedTokens { get; init; }

    /// <summary>Those of them that were kept.</summary>
    public int AcceptedTokens { get; init; }

    /// <summary>The part of the drafts that was kept; zero without drafts.</summary>
    public double AcceptanceRate => DraftedTokens > 0 ? (double)AcceptedTokens / DraftedTokens : 0;

    /// <summary>Tokens after the first one by passes of the model: 1 without drafts.</summary>
    public double TokensPerPass => Passes > 0 ? (double)(GeneratedTokens - 1) / Passes : 0;

    /// <summary>Prompt tokens a second, those left out that needed no processing.</summary>
    public double PrefillRate => PrefillSeconds > 0 ? (PromptTokens - KeptTokens) / PrefillSeconds : 0;

    /// <summary>Tokens a second after the first one; zero where there was only one.</summary>
    public double DecodeRate => DecodeSeconds > 0 ? (GeneratedTokens - 1) / DecodeSeconds : 0;
}

/// <summary>A piece of generated text: whole characters, often a word.</summary>
/// <param name="Text">The piece; the last one may be empty.</param>
/// <param name="Tokens">The tokens since the piece before, most often one.</param>
/// <param name="Statistics">With the last piece only.</param>
public sealed record GeneratedText(string Text, IReadOnlyList<int> Tokens, GenerationStatistics? Statistics = null);

/// <summary>A generated token.</summary>
/// <param name="Token">Its number; the last one may be the token that ended the sequence.</param>
/// <param name="Statistics">With the last token only.</param>
public readonly record struct GeneratedToken(int Token, GenerationStatistics? Statistics = null);
