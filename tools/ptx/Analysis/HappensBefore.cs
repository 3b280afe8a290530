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
/// The agent of thread t's cp.async is n+t.
/// </remarks>
internal sealed class HappensBefore
{
    private readonly uint[][] _seen;
    private readonly uint[] _own;
    private readonly int _length;

    public HappensBefore(int threads)
    {
        Threads = threads;
        _length = 2 * threads;
        var nothing = new uint[_length];
        _seen = new uint[threads][];
        Array.Fill(_seen, nothing);
        _own = new uint[threads];
        Array.Fill(_own, 1U);
    }

    public int Threads { get; }

    public int CopyAgent(int thread) => Threads + thread;

    /// <summary>The thread on whose behalf an actor works.</summary>
    public int Owner(int actor) => actor % Threads;

    public bool IsAgent(int actor) => actor >= Threads;

    public uint Clock(int thread) => _own[thread];

    /// <summary>A clock that knows nothing.</summary>
    public uint[] Nothing() => new uint[_length];

    public bool Saw(int observer, int actor, uint clock) => observer == actor || _seen[observer][actor] >= clock;

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
