using System;
using Sinter.Ptx.Analysis;

namespace Sinter.Ptx.Execution;

/// <summary>
/// Groups of asynchronous copies, counted for each thread. The n-th group of a thread is clock n of its agent, so
/// waiting for a group is learning its clock.
/// </summary>
internal sealed class AsyncGroups(Block block, Func<HappensBefore, Func<int, int>> agents, int threads)
{
    private readonly uint[] _committed = new uint[threads];
    private readonly uint[] _waited = new uint[threads];
    private readonly bool[] _open = new bool[threads];
    private readonly uint[] _lastUsed = new uint[threads];

    /// <summary>The access that stands for a copy started now by a thread.</summary>
    public Access Start(Warp warp, int lane, bool asyncProxy)
    {
        var thread = warp.Thread(lane);
        _open[thread] = true;
        _lastUsed[thread] = Clock(thread);
        return new Access(Agent(thread), Clock(thread), thread, warp.Place, AsyncProxy: asyncProxy);
    }

    public int Agent(int thread) => block.Order is { } order ? agents(order)(thread) : 0;

    /// <summary>The clock of the group that is open.</summary>
    public uint Clock(int thread) => _committed[thread] + 1;

    public void Commit(int thread)
    {
        _committed[thread]++;
        _open[thread] = false;
    }

    /// <summary>Waits until at most so many of the newest groups are under way.</summary>
    public void Wait(int thread, long stillOpen) => WaitFor(thread, Math.Max(0, _committed[thread] - stillOpen));

    /// <summary>Waits for everything, committed or not.</summary>
    public void WaitAll(int thread)
    {
        Commit(thread);
        WaitFor(thread, _committed[thread]);
    }

    /// <summary>Whether a copy was started that was not waited for.</summary>
    public bool Outstanding(int thread) => _lastUsed[thread] > _waited[thread];

    private void WaitFor(int thread, long clock)
    {
        _waited[thread] = Math.Max(_waited[thread], (uint)clock);
        block.Order?.Waited([thread], Agent(thread), (uint)clock);
    }
}
