using System;
using System.Collections.Generic;

namespace Sinter.Ptx.Execution;

/// <summary>An mbarrier object in shared memory (PTX ISA, section 9.7.13.15, "mbarrier").</summary>
internal sealed class Mbarrier
{
    private readonly Block _block;
    private readonly List<(Warp Warp, uint Lanes)> _waiting = [];
    private readonly uint[]? _arrivals;
    private readonly uint _initialisedAt;
    private uint[]? _completed;
    private int _pending;
    private int _copyPhase = -1;
    private int _seenPhase = -1;

    public Mbarrier(Block block, ulong address, int expected, Operation initialised, int thread)
    {
        _block = block;
        Address = address;
        Expected = expected;
        Initialised = initialised;
        InitialisedBy = thread;
        _initialisedAt = block.Order?.Clock(thread) ?? 0;
        _pending = expected;
        _arrivals = block.Order?.Nothing();
        Agent = block.Order?.MbarrierAgent() ?? 0;
    }

    public ulong Address { get; }

    public int Expected { get; }

    public Operation Initialised { get; }

    public int InitialisedBy { get; }

    /// <summary>The agent that stands for the copies which complete on this barrier.</summary>
    public int Agent { get; }

    /// <summary>The phases completed so far.</summary>
    public int Phase { get; private set; }

    /// <summary>Bytes expected less bytes that came, in this phase.</summary>
    public long Transactions { get; private set; }

    public bool HasWaiting => _waiting.Count > 0;

    /// <summary>Whether copies landed that no thread waited for.</summary>
    public bool HasUnseenCopies => _copyPhase > _seenPhase;

    /// <summary>The clock of a copy that completes in this phase.</summary>
    public uint CopyClock => (uint)Phase + 1;

    /// <summary>Whether something orders a thread's use after the initialisation.</summary>
    public bool IsSeenBy(int thread) => _block.Order?.Saw(thread, InitialisedBy, _initialisedAt) ?? true;

    /// <summary>More bytes are expected in this phase; an arrival that follows at once completes it.</summary>
    public void Expect(long bytes, bool complete)
    {
        Transactions += bytes;
        if (complete)
        {
            CompleteIfFull();
        }
    }

    /// <summary>A copy brought bytes.</summary>
    public void Came(long bytes)
    {
        _copyPhase = Phase;
        Transactions -= bytes;
        if (_arrivals is not null)
        {
            _arrivals[Agent] = CopyClock;
        }

        CompleteIfFull();
    }

    /// <summary>A thread arrives so many times.</summary>
    public void Arrive(Warp warp, int lane, int count)
    {
        if (_arrivals is not null)
        {
            _block.Order!.Release(warp.Thread(lane), _arrivals);
        }

        if (count > _pending)
        {
            warp.Report(FindingKind.MbarrierMisuse, lane, Address, $"{count} arrivals come, but the phase expects only {_pending} more of {Expected}.");
            count = _pending;
        }

        _pending -= count;
        CompleteIfFull();
    }

    public bool IsComplete(ulong stateOrParity, bool parity)
        => parity ? ((uint)Phase & 1) != stateOrParity : (uint)Phase > (uint)stateOrParity;

    /// <summary>Threads have seen the last completed phase.</summary>
    public void Seen(ReadOnlySpan<int> threads)
    {
        _seenPhase = Phase - 1;
        if (_completed is not null)
        {
            _block.Order!.Acquire(threads, _completed);
        }
    }

    public void AddWaiting(Warp warp, uint lanes) => _waiting.Add((warp, lanes));

    public string Describe()
        => $"mbarrier 0x{Address:x} in phase {Phase} lacks {_pending} of {Expected} arrivals and {Transactions} bytes";

    private void CompleteIfFull()
    {
        _block.Progress++;
        if (_pending != 0 || Transactions != 0)
        {
            return;
        }

        Phase++;
        _pending = Expected;
        _completed = (uint[]?)_arrivals?.Clone();
        foreach (var (warp, lanes) in _waiting)
        {
            warp.Unblock(lanes);
        }

        _waiting.Clear();
    }
}
