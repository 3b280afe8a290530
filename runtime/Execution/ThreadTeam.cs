using System;
using System.Collections.Generic;
using System.IO;
using System.Runtime.ExceptionServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics.X86;
using System.Threading;

namespace Sinter.Runtime.Execution;

/// <summary>What every thread of a team runs.</summary>
public delegate void TeamWork(in Worker worker);

/// <summary>
/// Threads that stay, so that a parallel region costs a tenth of a microsecond instead of a task. Who waits for another
/// spins first and then sleeps: an idle program uses no processor time, and where other programs hold a processor, the
/// one that a waiting thread gives up is free for the thread that it waits for.
/// </summary>
/// <param name="count">How many threads, the caller of <see cref="Run"/> included; 1 starts none.</param>
public sealed unsafe class ThreadTeam(int count) : IDisposable
{
    // Some 100 to 200 µs: longer than most stages' imbalance and than sampling and streaming take between two decoding
    // steps, and short beside the milliseconds that another program's time slice lasts.
    private const int SpinsBeforeSleep = 5000;

    // With more threads than processors the one that is waited for may need this one.
    private const int SpinsBeforeYield = 1000;

    private readonly object _gate = new();
    private Counters _counters;
    private Thread[]? _threads;
    private TeamWork? _work;
    private byte* _scratch;
    private long _scratchStride;
    private ExceptionDispatchInfo? _failure;
    private volatile bool _failed;
    private volatile bool _disposed;
    private int _sleepers;
    private int _busy;

    /// <summary>Each on a cache line of its own: the threads that spin on one must not feel writes to another.</summary>
    [StructLayout(LayoutKind.Explicit, Size = 320)]
    private struct Counters
    {
        [FieldOffset(64)]
        public int Arrived;

        [FieldOffset(128)]
        public int Phase;

        [FieldOffset(192)]
        public int Started;

        [FieldOffset(256)]
        public int Running;
    }

    /// <summary>The machine's cores that this process may use; a second hardware thread of a core adds nothing to SIMD work.</summary>
    public static int DefaultCount { get; } = Math.Max(1, Math.Min(Environment.ProcessorCount, CountCores()));

    /// <summary>All of the machine's cores, whether this process may use them or not.</summary>
    public static int Cores { get; } = CountCores() is > 0 and < int.MaxValue and int cores ? cores : Environment.ProcessorCount;

    public int Count { get; } = count >= 1 ? count : throw new ArgumentOutOfRangeException(nameof(count), count, "A team has at least one thread.");

    internal PortionPlaces Portions { get; } = new(count);

    /// <summary>Waits until all <see cref="Count"/> threads have come here.</summary>
    /// <param name="index">Which of them the caller is.</param>
    public void Barrier(int index)
    {
        if (Count == 1) return;
        Portions.Meet(index);
        int phase = Volatile.Read(ref _counters.Phase);
        if (Interlocked.Increment(ref _counters.Arrived) == Count)
        {
            _counters.Arrived = 0;
            Interlocked.Increment(ref _counters.Phase);
            Wake();
            return;
        }

        WaitForChange(ref _counters.Phase, phase);
        if (Volatile.Read(ref _counters.Phase) == phase) throw new TeamStoppedException();
    }

    /// <summary>
    /// Runs the work on every thread, the caller's among them, and returns when all are done. What one of them throws
    /// comes out here, once all have stopped.
    /// </summary>
    /// <param name="work">The work; keep the delegate, so that nothing is allocated.</param>
    /// <param name="scratch">Memory of the threads, one after the other.</param>
    /// <param name="scratchStride">Bytes from one thread's memory to the next one's.</param>
    public void Run(TeamWork work, byte* scratch = null, long scratchStride = 0)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        if (Interlocked.Exchange(ref _busy, 1) != 0) throw new InvalidOperationException("A thread team runs one thing at a time.");
        try
        {
            _work = work;
            _scratch = scratch;
            _scratchStride = scratchStride;
            if (Count > 1) StartOthers();
            Work(0);
            while (Volatile.Read(ref _counters.Running) is var running and not 0) WaitForChange(ref _counters.Running, running);
            if (_failed) Fail();
        }
        finally
        {
            Volatile.Write(ref _busy, 0);
        }
    }

    /// <summary>Ends the threads; not while one runs.</summary>
    public void Dispose()
    {
        if (_disposed) return;
        lock (_gate)
        {
            _disposed = true;
            Monitor.PulseAll(_gate);
        }

        foreach (Thread thread in _threads ?? []) thread.Join();
    }

    private void StartOthers()
    {
        Volatile.Write(ref _counters.Running, Count - 1);
        if (_threads is null) CreateThreads();
        Interlocked.Increment(ref _counters.Started);
        Wake();
    }

    private void CreateThreads()
    {
        _threads = new Thread[Count - 1];
        for (int i = 1; i < Count; i++)
        {
            int index = i;
            _threads[i - 1] = new Thread(() => Serve(index)) { IsBackground = true, Name = $"Sinter worker {index}" };
            _threads[i - 1].Start();
        }
    }

    private void Serve(int index)
    {
        for (int seen = 0; ; seen++)
        {
            while (Volatile.Read(ref _counters.Started) == seen && !_disposed) WaitForChange(ref _counters.Started, seen);
            if (_disposed) return;
            Work(index);
            Interlocked.Decrement(ref _counters.Running);
            Wake();
        }
    }

    /// <summary>Returns when the counter is another than the one seen, or the team has failed or ended.</summary>
    private void WaitForChange(ref int counter, int seen)
    {
        bool IsOver(ref int now) => Volatile.Read(ref now) != seen || _failed || _disposed;
        for (int spins = 1; spins <= SpinsBeforeSleep; spins++)
        {
            if (IsOver(ref counter)) return;
            if (spins % SpinsBeforeYield == 0) Thread.Yield();
            else if (X86Base.IsSupported) X86Base.Pause();
            else Thread.SpinWait(1);
        }

        lock (_gate)
        {
            // The increment's full fence comes before the look at the counter, as the counter's own before Wake's look at this.
            Interlocked.Increment(ref _sleepers);
            while (!IsOver(ref counter)) Monitor.Wait(_gate);
            Interlocked.Decrement(ref _sleepers);
        }
    }

    /// <summary>To be called after every change that somebody may wait for.</summary>
    private void Wake()
    {
        if (Volatile.Read(ref _sleepers) == 0) return;
        lock (_gate) Monitor.PulseAll(_gate);
    }

    private void Work(int index)
    {
        try
        {
            var worker = new Worker(index, Count, _scratch + index * _scratchStride, _scratchStride, this);
            _work!(in worker);
        }
        catch (TeamStoppedException)
        {
            // Another thread failed, and its exception is the one to report.
        }
        catch (Exception e)
        {
            lock (_gate)
            {
                _failure ??= ExceptionDispatchInfo.Capture(e);
                _failed = true;
                Monitor.PulseAll(_gate);
            }
        }
    }

    private void Fail()
    {
        ExceptionDispatchInfo failure = _failure!;
        _failure = null;
        _failed = false;
        _counters.Arrived = 0;
        Portions.Begin();
        failure.Throw();
    }

    private static int CountCores()
    {
        if (!OperatingSystem.IsLinux()) return int.MaxValue;
        var cores = new HashSet<string>(StringComparer.Ordinal);
        try
        {
            // One line a processor; those that share a core have the same.
            for (int i = 0; File.Exists($"/sys/devices/system/cpu/cpu{i}/topology/thread_siblings_list"); i++)
                cores.Add(File.ReadAllText($"/sys/devices/system/cpu/cpu{i}/topology/thread_siblings_list"));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return int.MaxValue;
        }

        return cores.Count > 0 ? cores.Count : int.MaxValue;
    }

    /// <summary>Takes a thread out of a region that another thread has left by an exception.</summary>
    private sealed class TeamStoppedException : Exception;
}
