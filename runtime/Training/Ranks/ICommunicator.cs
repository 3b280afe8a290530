using System;

namespace Sinter.Runtime.Training.Ranks;

/// <summary>
/// The processes that train one model together, as MPI has them. Calls are collective: every rank makes the same ones in the
/// same order, from one thread at a time, and with as many bytes.
/// </summary>
public interface ICommunicator
{
    /// <summary>Which of the processes this is, from 0.</summary>
    int Rank { get; }

    /// <summary>How many there are.</summary>
    int Size { get; }

    /// <summary>Every rank gives a block to each, and takes one from each.</summary>
    /// <param name="given">[<see cref="Size"/>] blocks: block r is for rank r.</param>
    /// <param name="taken">[<see cref="Size"/>] blocks: block r is of rank r.</param>
    void Exchange(ReadOnlySpan<byte> given, Span<byte> taken);

    /// <summary>Gives what one rank has to all others.</summary>
    /// <param name="root">Whose bytes they are.</param>
    void Broadcast(int root, Span<byte> bytes);
}

/// <summary>One process by itself.</summary>
public sealed class OneProcess : ICommunicator
{
    private OneProcess()
    {
    }

    public static OneProcess Alone { get; } = new();

    public int Rank => 0;

    public int Size => 1;

    public void Exchange(ReadOnlySpan<byte> given, Span<byte> taken) => given.CopyTo(taken);

    public void Broadcast(int root, Span<byte> bytes)
    {
    }
}
