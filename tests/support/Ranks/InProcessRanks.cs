using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading;
using Sinter.Runtime.Training.Ranks;

namespace Sinter.Tests.Ranks;

/// <summary>Ranks that are threads of one process.</summary>
public sealed class InProcessRanks
{
    private readonly Barrier _barrier;
    private readonly CancellationTokenSource _broken = new();
    private readonly byte[][] _given;
    private readonly Random _delay = new(7);
    private readonly int _mostDelay;

    private InProcessRanks(int size, int mostDelay)
    {
        _barrier = new Barrier(size);
        _given = new byte[size][];
        _mostDelay = mostDelay;
    }

    /// <summary>Does the same work on each rank; what one of them throws stops the others.</summary>
    /// <param name="mostDelay">Milliseconds that a rank may come late to a call, so that each arrives first now and then.</param>
    /// <returns>What each rank returned, in order.</returns>
    public static T[] Run<T>(int size, Func<ICommunicator, T> work, int mostDelay = 0)
    {
        var ranks = new InProcessRanks(size, mostDelay);
        var results = new T[size];
        var faults = new List<Exception>();
        Thread[] threads = [.. Enumerable.Range(0, size).Select(rank => new Thread(() =>
        {
            try
            {
                results[rank] = work(new One(ranks, rank));
            }
            catch (Exception fault)
            {
                lock (faults) faults.Add(fault);
                ranks._broken.Cancel();
            }
        }))];
        foreach (Thread thread in threads) thread.Start();
        foreach (Thread thread in threads) thread.Join();
        if (faults.Count > 0) throw new AggregateException(faults.OrderBy(fault => fault is OperationCanceledException));
        return results;
    }

    private void Meet() => _barrier.SignalAndWait(_broken.Token);

    private void Delay()
    {
        if (_mostDelay == 0) return;
        int time;
        lock (_delay) time = _delay.Next(_mostDelay + 1);
        Thread.Sleep(time);
    }

    private sealed class One(InProcessRanks all, int rank) : ICommunicator
    {
        public int Rank => rank;

        public int Size => all._given.Length;

        public void Exchange(ReadOnlySpan<byte> given, Span<byte> taken)
        {
            all.Delay();
            all._given[rank] = given.ToArray();
            all.Meet();
            int block = given.Length / Size;
            for (int other = 0; other < Size; other++) all._given[other].AsSpan(rank * block, block).CopyTo(taken[(other * block)..]);
            all.Meet();
        }

        public void Broadcast(int root, Span<byte> bytes)
        {
            all.Delay();
            if (rank == root) all._given[root] = bytes.ToArray();
            all.Meet();
            if (all._given[root].Length != bytes.Length) throw new InvalidOperationException($"Rank {root} gives {all._given[root].Length} bytes, and rank {rank} awaits {bytes.Length}.");
            all._given[root].CopyTo(bytes);
            all.Meet();
        }
    }
}
