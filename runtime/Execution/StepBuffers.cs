using System;

namespace Sinter.Runtime.Execution;

/// <summary>The unmanaged arrays that describe a step, with room for the largest.</summary>
internal sealed unsafe class StepBuffers : IDisposable
{
    private readonly Arena _memory;

    public StepBuffers(int tokens, int sequences)
    {
        MaxTokens = tokens;
        MaxSequences = sequences;
        long tokenRow = Arena.Align((long)tokens * sizeof(int));
        _memory = new Arena(5 * tokenRow + (long)sequences * sizeof(SequenceRange));
        TokenIds = (int*)_memory.Data;
        NextIds = (int*)(_memory.Data + tokenRow);
        Positions = (int*)(_memory.Data + 2 * tokenRow);
        RangeOf = (int*)(_memory.Data + 3 * tokenRow);
        LogitRows = (int*)(_memory.Data + 4 * tokenRow);
        Ranges = (SequenceRange*)(_memory.Data + 5 * tokenRow);
    }

    public int MaxTokens { get; }

    public int MaxSequences { get; }

    public int Tokens { get; private set; }

    public int Sequences { get; private set; }

    public int Keys { get; private set; }

    public int LogitRowCount { get; private set; }

    public int* TokenIds { get; }

    public int* NextIds { get; }

    public int* Positions { get; }

    public int* RangeOf { get; }

    public int* LogitRows { get; }

    public SequenceRange* Ranges { get; }

    public void Clear() => Tokens = Sequences = Keys = LogitRowCount = 0;

    /// <summary>Adds tokens of one sequence that stand at the positions from <paramref name="from"/> on.</summary>
    public void Add(int slot, ReadOnlySpan<int> tokens, int from)
    {
        int range = Sequences++;
        int length = from + tokens.Length;
        Ranges[range] = new SequenceRange { First = Tokens, Count = tokens.Length, Slot = slot, Length = length, FirstKey = Keys };
        for (int i = 0; i < tokens.Length; i++)
        {
            TokenIds[Tokens + i] = tokens[i];
            Positions[Tokens + i] = from + i;
            RangeOf[Tokens + i] = range;
        }

        Tokens += tokens.Length;
        Keys += length;
    }

    /// <summary>Wants logits for <paramref name="count"/> tokens from a row of the step on.</summary>
    public void WantLogits(int row, int count)
    {
        for (int i = 0; i < count; i++) LogitRows[LogitRowCount++] = row + i;
    }

    public void Dispose() => _memory.Dispose();
}
