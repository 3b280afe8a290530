using System;

namespace Sinter.Ptx.Analysis;

/// <summary>
/// Vector clocks of a block's threads and of its asynchronous agents. An agent stands for copies and products that
/// run by themselves: a thread has seen an agent's work only once it has waited for it, so that the one rule of
/// ordering finds races among threads and copies that nobody waited for.
/// </summary>
/// <remarks>
/// A thread's view is a shared array plus its own clock. Barriers give all participants one array, which keeps a
/// barrier among n threads at n steps and not n².
/// Agents: thread t's cp.async is n+t, its bulk copies to global 2n+t; then 32 of wgmma, one a warp; then mbarriers.
/// </remarks>
internal sealed class HappensBefore
{
    private const int Mbarriers = 256;
    private const int Warps = 32;
    private readonly uint[][] _seen;
    private readonly uint[] _own;
    private readonly uint[]?[] _fenced;
    private readonly uint[] _fencedOwn;
    private readonly int _length;
    private int _nextMbarrier;

    public HappensBefore(int threads)
    {
        Threads = threads;
        _length = (3 * threads) + Warps + Mbarriers;
        var nothing = new uint[_length];
        _seen = new uint[threads][];
        Array.Fill(_seen, nothing);
        _own = new uint[threads];
        Array.Fill(_own, 1U);
        _fenced = new uint[]?[threads];
        _fencedOwn = new uint[threads];
    }

    public int Threads { get; }

    public int CopyAgent(int thread) => Threads + thread;

    public int BulkAgent(int thread) => (2 * Threads) + thread;

    public int WgmmaAgent(int warp) => (3 * Threads) + warp;

    /// <summary>An agent for a new mbarrier; they are used again after 256.</summary>
    public int MbarrierAgent() => (3 * Threads) + Warps + (_nextMbarrier++ % Mbarriers);

    /// <summary>The thread on whose behalf an actor works; -1 for those of a group.</summary>
    public int Owner(int actor) => actor < 3 * Threads ? actor % Threads : -1;

    public bool IsAgent(int actor) => actor >= Threads;

    public uint Clock(int thread) => _own[thread];

    /// <summary>A clock that knows nothing.</summary>
    public uint[] Nothing() => new uint[_length];

    public bool Saw(int observer, int actor, uint clock) => observer == actor || _seen[observer][actor] >= clock;

    /// <summary>Whether writes that an asynchronous reader is to see passed a fence.proxy.async.</summary>
    public bool Fenced(int observer, int actor, uint clock)
    {
        var owner = Owner(actor);
        return (owner == actor && _fencedOwn[owner] >= clock)
            || (owner >= 0 && _fenced[owner] is { } byOwner && byOwner[actor] >= clock)
            || (_fenced[observer] is { } byObserver && byObserver[actor] >= clock);
    }

    /// <summary>fence.proxy.async by a thread: all it has done and seen becomes visible to the asynchronous proxy.</summary>
    public void FenceProxy(int thread)
    {
        _fenced[thread] = _seen[thread];
        _fencedOwn[thread] = _own[thread]++;
    }

    /// <summary>Adds all that a thread did and saw to a clock.</summary>
    public void Release(int thread, uint[] into)
    {
        Join(into, _seen[thread]);
        into[thread] = Math.Max(into[thread], _own[thread]);
        _own[thread]++;
    }

    /// <summary>Adds what many threads did and saw; threads that share a view cost one step each.</summary>
    public void ReleaseAll(ReadOnlySpan<int> threads, uint[] into)
    {
        uint[]? last = null;
        foreach (var thread in threads)
        {
            if (!ReferenceEquals(_seen[thread], last))
            {
                last = _seen[thread];
                Join(into, last);
            }
        }

        foreach (var thread in threads)
        {
            into[thread] = Math.Max(into[thread], _own[thread]);
            _own[thread]++;
        }
    }

    /// <summary>Threads learn what a clock knows. The array is not kept.</summary>
    public void Acquire(ReadOnlySpan<int> threads, uint[] clock)
    {
        uint[]? last = null;
        uint[]? joined = null;
        foreach (var thread in threads)
        {
            if (joined is null || !ReferenceEquals(_seen[thread], last))
            {
                last = _seen[thread];
                joined = (uint[])last.Clone();
                Join(joined, clock);
            }

            _seen[thread] = joined;
        }
    }

    /// <summary>A meeting of threads: each learns what all did. <paramref name="all"/> must hold all their views, and is kept.</summary>
    public void Meet(ReadOnlySpan<int> threads, uint[] all)
    {
        foreach (var thread in threads)
        {
            _seen[thread] = all;
        }
    }

    /// <summary>Threads have waited for an agent's work up to a clock.</summary>
    public void Waited(ReadOnlySpan<int> threads, int agent, uint clock)
    {
        uint[]? last = null;
        uint[]? joined = null;
        foreach (var thread in threads)
        {
            if (_seen[thread][agent] >= clock)
            {
                continue;
            }

            if (joined is null || !ReferenceEquals(_seen[thread], last))
            {
                last = _seen[thread];
                joined = (uint[])last.Clone();
                joined[agent] = clock;
            }

            _seen[thread] = joined;
        }
    }

    private static void Join(uint[] into, uint[] from)
    {
        if (ReferenceEquals(into, from))
        {
            return;
        }

        var width = System.Numerics.Vector<uint>.Count;
        var i = 0;
        for (; i <= into.Length - width; i += width)
        {
            var larger = System.Numerics.Vector.Max(new System.Numerics.Vector<uint>(into, i), new System.Numerics.Vector<uint>(from, i));
            larger.CopyTo(into, i);
        }

        for (; i < into.Length; i++)
        {
            into[i] = Math.Max(into[i], from[i]);
        }
    }
}
