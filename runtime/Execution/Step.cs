namespace Sinter.Runtime.Execution;

/// <summary>The tokens that one pass through the model processes: those of all its sequences, one after the other.</summary>
public unsafe struct Step
{
    /// <summary>Rows of every activation: the sum of <see cref="SequenceRange.Count"/>.</summary>
    public int Tokens;

    /// <summary>How many sequences take part.</summary>
    public int Sequences;

    /// <summary>Rows of every buffer over positions: the sum of <see cref="SequenceRange.Length"/>.</summary>
    public int Keys;

    /// <summary>[<see cref="Tokens"/>] token numbers.</summary>
    public int* TokenIds;

    /// <summary>[<see cref="Tokens"/>] token numbers one position further on, as multi-token prediction wants them; null without it.</summary>
    public int* NextIds;

    /// <summary>[<see cref="Tokens"/>] position of each token in its own sequence.</summary>
    public int* Positions;

    /// <summary>[<see cref="Tokens"/>] which of <see cref="Ranges"/> each token belongs to.</summary>
    public int* RangeOf;

    /// <summary>[<see cref="Sequences"/>] where each sequence's tokens and keys stand.</summary>
    public SequenceRange* Ranges;

    /// <summary>[capacity, rope dimension / 2] cosines and sines are tables of the model, indexed by position.</summary>
    public int Capacity;
}

/// <summary>One sequence's share of a step.</summary>
public struct SequenceRange
{
    /// <summary>Its first row among the step's tokens.</summary>
    public int First;

    /// <summary>How many of the step's tokens are its.</summary>
    public int Count;

    /// <summary>Its place in the caches.</summary>
    public int Slot;

    /// <summary>Positions in the cache once this step has appended its own: the keys that the last token attends to.</summary>
    public int Length;

    /// <summary>Its first row in buffers over positions (keys and values expanded from the cache).</summary>
    public int FirstKey;
}

/// <summary>One cache of one layer: [slot, position, width] f32.</summary>
public unsafe struct CacheView
{
    public float* Data;

    /// <summary>Numbers between one slot and the next: capacity × width.</summary>
    public long SlotStride;
}

/// <summary>One of the threads that run a step together; every one runs the whole program and takes its share of each kernel.</summary>
public readonly unsafe struct Worker(int index, int count, byte* scratch, long scratchStride, ThreadTeam team)
{
    /// <summary>From zero.</summary>
    public readonly int Index = index;

    public readonly int Count = count;

    /// <summary>This thread's own memory of <see cref="ModelDescription.ScratchBytes"/> bytes, aligned to 64, for packed tiles.</summary>
    public readonly byte* Scratch = scratch;

    private readonly long _scratchStride = scratchStride;
    private readonly ThreadTeam _team = team;

    /// <summary>Another worker's memory: what it has left there may be read between two barriers.</summary>
    public byte* ScratchOf(int other) => Scratch + (other - Index) * _scratchStride;

    /// <summary>Waits until every worker has come here.</summary>
    public void Barrier() => _team.Barrier(Index);

    /// <summary>
    /// <paramref name="items"/> to be dealt out among the workers while they compute. Every worker must ask for the same, in the same order.
    /// </summary>
    /// <param name="least">The fewest items of a portion, where it costs something to begin one.</param>
    public Portions Portions(int items, int least = 1) =>
        Count == 1 ? new(null, 0, 0, 1, items, least) : _team.Portions.Deal(Index, items, least);

    /// <summary>This worker's share of <paramref name="items"/>: contiguous, and independent of what is in them.</summary>
    public void Share(int items, out int from, out int to)
    {
        from = (int)((long)items * Index / Count);
        to = (int)((long)items * (Index + 1) / Count);
    }
}
