using System;
using System.Runtime.InteropServices;
using System.Text;

namespace Sinter.Runtime.Training.Ranks;

/// <summary>What training makes of the two calls of <see cref="ICommunicator"/>.</summary>
public static class Collectives
{
    /// <summary>Returns when every rank has come here.</summary>
    public static void Wait(this ICommunicator ranks) => ranks.Gather<byte>([0]);

    /// <summary>What every rank has, in the order of ranks.</summary>
    /// <param name="mine">As many numbers on each rank.</param>
    /// <returns>[rank, number].</returns>
    public static T[] Gather<T>(this ICommunicator ranks, ReadOnlySpan<T> mine)
        where T : unmanaged
    {
        var all = new T[ranks.Size * mine.Length];
        mine.CopyTo(all.AsSpan(ranks.Rank * mine.Length));
        for (int root = 0; root < ranks.Size; root++) ranks.Broadcast(root, MemoryMarshal.AsBytes(all.AsSpan(root * mine.Length, mine.Length)));
        return all;
    }

    /// <summary>The text of one rank, on all of them.</summary>
    public static string? Tell(this ICommunicator ranks, int root, string? text)
    {
        byte[] bytes = text is null ? [] : Encoding.UTF8.GetBytes(text);
        int[] length = [text is null ? -1 : bytes.Length];
        ranks.Broadcast(root, MemoryMarshal.AsBytes(length.AsSpan()));
        if (length[0] < 0) return null;
        if (ranks.Rank != root) bytes = new byte[length[0]];
        ranks.Broadcast(root, bytes);
        return Encoding.UTF8.GetString(bytes);
    }

    /// <summary>Rank 0 does something first, and then the others do it too, who find what it made: files, above all.</summary>
    public static T InTurn<T>(this ICommunicator ranks, Func<T> work)
    {
        if (ranks.Rank != 0) ranks.Wait();
        T result = work();
        if (ranks.Rank == 0) ranks.Wait();
        return result;
    }
}
