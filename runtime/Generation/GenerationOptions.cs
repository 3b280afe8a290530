using System.Collections.Generic;
using Sinter.Runtime.Execution;
using Sinter.Runtime.Sampling;

namespace Sinter.Runtime.Generation;

/// <summary>What to generate, and when to stop. The default is greedy choice.</summary>
public sealed record GenerationOptions : SamplingOptions
{
    /// <summary>The most tokens to generate, the one that ends the text included.</summary>
    public int MaxTokens { get; init; } = 256;

    /// <summary>Texts that end the generation; none of them is given out, not even in part.</summary>
    public IReadOnlyList<string> StopStrings { get; init; } = [];

    /// <summary>Tokens that end the generation, besides the checkpoint's own; their text is not given out.</summary>
    public IReadOnlyList<int> StopTokens { get; init; } = [];

    /// <summary>Whether the checkpoint's end-of-sequence tokens end the generation.</summary>
    public bool StopsAtEndOfSequence { get; init; } = true;

    /// <summary>Whether the begin-of-sequence token is put before a text; null for what the tokenizer's configuration says.</summary>
    public bool? AddBeginOfSequence { get; init; }

    /// <summary>
    /// How many tokens multi-token prediction drafts for each pass of the model, which checks them all at once; the tokens
    /// come as without drafts, bit for bit where the choice is greedy and with the same probabilities where they are
    /// drawn. 0 for none; null for what <see cref="LanguageModel.DraftsByDefault"/> says.
    /// </summary>
    public int? Draft { get; init; }

    /// <inheritdoc/>
    public override void Validate()
    {
        base.Validate();
        if (MaxTokens < 1) throw Wrong(nameof(MaxTokens), MaxTokens, "at least 1");
        if (!(Draft is null or (>= 0 and < ModelSession.MostCheckedTokens))) throw Wrong(nameof(Draft), Draft.Value, $"from 0 to {ModelSession.MostCheckedTokens - 1}");
        foreach (string stop in StopStrings)
            if (string.IsNullOrEmpty(stop)) throw new SinterException($"{nameof(StopStrings)} holds an empty text, which would end every generation at once.");
    }
}
