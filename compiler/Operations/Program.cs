using Sinter.Compiler.Graph;

namespace Sinter.Compiler.Operations;

/// <summary>What the rows of a buffer are.</summary>
public enum BufferRows
{
    /// <summary>The tokens of a step.</summary>
    Tokens,

    /// <summary>The positions of a step's sequences.</summary>
    Positions,

    /// <summary>There is one row, however long the step is.</summary>
    Once,
}

/// <summary>Who provides a buffer.</summary>
public enum BufferHome
{
    /// <summary>The plan: it lives from the first stage that writes it to the last that reads it.</summary>
    Plan,

    /// <summary>The plan, for the whole pass: it carries a value from region to region.</summary>
    Boundary,

    /// <summary>The pass: token numbers.</summary>
    TokenIds,

    /// <summary>The pass: the tokens one position further on.</summary>
    NextIds,

    /// <summary>The pass: the normalised output of the last layer.</summary>
    Hidden,

    /// <summary>The pass: scores of the vocabulary, one row for each row that is asked for.</summary>
    Logits,
}

/// <summary>Memory for a value.</summary>
/// <param name="Width">Numbers a row.</param>
/// <param name="IsIndex">Whether they are 32-bit integers instead of floats.</param>
public sealed record BufferSpecification(string Name, BufferRows Rows, int Width, bool IsIndex = false, BufferHome Home = BufferHome.Plan);

/// <summary>What a call hands to a parameter of its kernel.</summary>
public abstract record CallArgument;

/// <summary>A buffer, by its index in the region.</summary>
public sealed record BufferArgument(int Buffer) : CallArgument;

/// <summary>The stored tensor of the layer at hand; all its experts' where they choose.</summary>
public sealed record WeightArgument(WeightTensor Tensor) : CallArgument;

/// <summary>The cache of the layer at hand.</summary>
public sealed record CacheArgument(string Cache) : CallArgument;

public sealed record RotaryArgument(RotaryTable Table) : CallArgument;

/// <summary>The rows for which logits are wanted.</summary>
public sealed record LogitRowsArgument : CallArgument;

/// <summary>How many rows logits are wanted for.</summary>
public sealed record LogitRowCountArgument : CallArgument;

/// <summary>An order of tokens by expert, by its index in the region.</summary>
public sealed record GroupsArgument(int Groups) : CallArgument;

/// <summary>One kernel run on actual buffers.</summary>
/// <param name="Reads">Buffers whose contents it uses.</param>
/// <param name="Writes">Buffers that it fills.</param>
/// <param name="ReadCaches">Caches of the layer that it reads over all positions.</param>
/// <param name="WrittenCaches">Caches of the layer that it appends to.</param>
/// <param name="Stage">Calls of one stage run side by side; a barrier stands between stages.</param>
public sealed record Call(
    Operation Operation,
    EquatableArray<CallArgument> Arguments,
    EquatableArray<int> Reads,
    EquatableArray<int> Writes,
    EquatableArray<string> ReadCaches,
    EquatableArray<string> WrittenCaches,
    EquatableArray<TracedBuffer> Traces,
    int Stage = 0)
{
    /// <summary>Whether its workers share the tokens, always in the same way, so that it may follow another such call without a barrier.</summary>
    public bool SharesTokens => Operation is RowOperation or ChooseOperation;
}

/// <summary>A buffer to be shown once the call is done.</summary>
public sealed record TracedBuffer(string Name, int Buffer);

/// <summary>The order of tokens by expert that a choice leads to.</summary>
/// <param name="Offsets">Buffer of [experts + 1] row numbers.</param>
/// <param name="Pairs">Buffer of [tokens, chosen]: row to pair.</param>
/// <param name="Rank">Buffer of [tokens, chosen]: pair to row.</param>
public sealed record GroupSpecification(int Experts, int Chosen, int Offsets, int Pairs, int Rank);

/// <summary>A region as the list of calls that a program makes for each of its layers.</summary>
public sealed record LoweredRegion(
    string Name,
    int FirstLayer,
    int EndLayer,
    EquatableArray<BufferSpecification> Buffers,
    EquatableArray<GroupSpecification> Groups,
    EquatableArray<Call> Calls)
{
    public bool IsRepeated => FirstLayer >= 0;
}
