using System;
using System.Collections.Generic;
using System.Numerics;

namespace Sinter.Ptx.Execution;

/// <summary>What a barrier computes over the predicates of its threads (bar.red).</summary>
internal enum BarrierReduction
{
    None,
    And,
    Or,
    Count,
}

/// <summary>One of a block's 16 barriers (PTX ISA, section 9.7.13.1, "bar, barrier").</summary>
internal sealed class NamedBarrier(Block block, int id)
{
    private readonly List<(Warp Warp, uint Lanes)> _waiting = [];
    private readonly List<int> _waitingThreads = [];
    private uint[]? _clock;
    private int _arrived;
    private int _expected;
    private int _trueCount;
    private int _threadCount;
    private int _destination = -1;
    private BarrierReduction _reduction;

    public bool IsWaiting => _waiting.Count > 0;

    /// <summary>Lanes arrive; if they wait, they stop here until the barrier is complete.</summary>
    /// <param name="count">The threads that the barrier is for; 0 for all of the block.</param>
    public void Arrive(Warp warp, uint lanes, int count, bool waits)
    {
        if (_arrived == 0)
        {
            _expected = count;
        }
        else if (_expected != count)
        {
            warp.Report(FindingKind.DivergentBarrier, Warp.Lowest(lanes), null, $"barrier {id} is used for {Threads(count)} here, but others wait at it for {Threads(_expected)}.");
        }

        Span<int> threads = stackalloc int[Warp.Lanes];
        var number = 0;
        for (var rest = lanes; rest != 0; rest &= rest - 1)
        {
            threads[number++] = warp.Thread(Warp.Lowest(rest));
        }

        if (block.Order is { } order)
        {
            order.ReleaseAll(threads[..number], _clock ??= order.Nothing());
        }

        _arrived += Padded(warp, lanes);
        if (waits)
        {
            _waiting.Add((warp, lanes));
            _waitingThreads.AddRange(threads[..number]);
            warp.Wait(lanes, warp.NextPlace);
        }

        CompleteIfFull();
    }

    /// <summary>The same with a predicate of each lane; every lane gets the result.</summary>
    public void Reduce(Warp warp, uint lanes, int count, BarrierReduction reduction, int destination, uint trueLanes)
    {
        _reduction = reduction;
        _destination = destination;
        _trueCount += BitOperations.PopCount(trueLanes);
        _threadCount += BitOperations.PopCount(lanes);
        Arrive(warp, lanes, count, waits: true);
    }

    /// <summary>Threads have ended: hardware no longer counts them, but waiting for them is a fault.</summary>
    public void ThreadsEnded(Warp warp, uint lanes)
    {
        if (_waiting.Count > 0 && _expected == 0)
        {
            var (waiting, waitingLanes) = _waiting[0];
            block.Report(FindingKind.DivergentBarrier, waiting.Current, waiting.Thread(Warp.Lowest(waitingLanes)), null, $"barrier {id} waits for all threads of the block, but thread ({block.Launch.Shape.Block.At(warp.Thread(Warp.Lowest(lanes)))}) ended without it.");
            CompleteIfFull();
        }
    }

    public string Describe() => $"barrier {id} has {_arrived} of {(_expected == 0 ? block.PaddedLiveThreads() : _expected)} threads";

    private static string Threads(int count) => count == 0 ? "all threads" : $"{count} threads";

    private static int Padded(Warp warp, uint lanes) => lanes == warp.Members ? Warp.Lanes : BitOperations.PopCount(lanes);

    private void CompleteIfFull()
    {
        var needed = _expected == 0 ? block.PaddedLiveThreads() : _expected;
        if (_arrived < needed)
        {
            return;
        }

        block.Progress++;
        if (_clock is { } clock)
        {
            block.Order!.Meet(System.Runtime.InteropServices.CollectionsMarshal.AsSpan(_waitingThreads), clock);
        }

        var result = _reduction switch
        {
            BarrierReduction.And => _trueCount == _threadCount ? 1UL : 0,
            BarrierReduction.Or => _trueCount > 0 ? 1UL : 0,
            _ => (ulong)_trueCount,
        };
        foreach (var (warp, lanes) in _waiting)
        {
            for (var rest = lanes; _reduction != BarrierReduction.None && rest != 0; rest &= rest - 1)
            {
                warp.Write(_destination, Warp.Lowest(rest), result);
            }

            warp.Unblock(lanes);
        }

        _waiting.Clear();
        _waitingThreads.Clear();
        _clock = null;
        _arrived = _trueCount = _threadCount = 0;
        _reduction = BarrierReduction.None;
    }
}
