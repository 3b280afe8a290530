using System.Collections.Generic;

namespace Sinter.Runtime.Training.Data;

/// <summary>How rows of tokens are cut from documents.</summary>
public enum RowOrder
{
    /// <summary>Documents one after the other in a shuffled order, each token once in each epoch (DeepSeek-V3 section 4.1).</summary>
    Packed,

    /// <summary>Each row starts anywhere at random in the documents as they lie.</summary>
    Windows,
}

/// <summary>How documents become rows of tokens.</summary>
public sealed record DataOptions
{
    public RowOrder Order { get; init; } = RowOrder.Packed;

    /// <summary>The part of documents that is turned round for filling in the middle: prefix, suffix, middle (0.1 in the report).</summary>
    public double FillInTheMiddle { get; init; }

    /// <summary>Whether a token attends only to its own document; the report's packing has no such mask.</summary>
    public bool MasksDocuments { get; init; }

    /// <summary>Whether positions count from the beginning of the document where documents are masked; else from that of the row.</summary>
    public bool RestartsPositions { get; init; }

    /// <summary>The part of documents that is kept from training, for validation.</summary>
    public double HeldOut { get; init; }

    /// <summary>How often each domain is drawn from, in any unit; null for as often as it has tokens.</summary>
    public IReadOnlyDictionary<string, double>? Mixture { get; init; }
}

/// <summary>The tokens that documents are laid out with; null where the tokenizer has none.</summary>
public sealed record DocumentMarks(int? Begin, int? End, int? MiddleBegin = null, int? MiddleHole = null, int? MiddleEnd = null)
{
    /// <summary>As DeepSeek's tokenizers name them.</summary>
    public static DocumentMarks Of(Text.ModelTokenizer tokenizer) => new(
        tokenizer.BeginOfSequence, tokenizer.EndOfSequence, tokenizer.IdOf("<｜fim▁begin｜>"), tokenizer.IdOf("<｜fim▁hole｜>"), tokenizer.IdOf("<｜fim▁end｜>"));
}
