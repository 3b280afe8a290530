using System;
using System.Diagnostics;

namespace Sinter.Runtime.Execution;

/// <summary>
/// Where the threads of a team spend a step's time: in each kernel, and waiting at barriers for the others. Only programs
/// compiled with timers call it.
/// </summary>
/// <param name="kernels">Kernels of the program.</param>
/// <param name="workers">Threads of the team.</param>
public sealed class KernelClock(int kernels, int workers)
{
    // The figures of a thread stand on cache lines of their own.
    private const int Line = 16;

    private readonly int _stride = kernels + 2 + Line;
    private readonly long[] _ticks = new long[workers * (kernels + 2 + Line)];
    private readonly int[] _calls = new int[kernels];

    /// <summary>Seconds that the first thread waited at barriers.</summary>
    public double WaitingSeconds => Seconds(_ticks[kernels]);

    /// <summary>How often the kernel of this number ran.</summary>
    public int Calls(int kernel) => _calls[kernel];

    /// <summary>Seconds in the kernel of this number, of the thread that spent most in it.</summary>
    public double KernelSeconds(int kernel)
    {
        long most = 0;
        for (int worker = 0; worker < workers; worker++) most = Math.Max(most, _ticks[worker * _stride + kernel]);
        return Seconds(most);
    }

    public void Clear()
    {
        Array.Clear(_ticks);
        Array.Clear(_calls);
    }

    public void Start(in Worker worker) => _ticks[worker.Index * _stride + kernels + 1] = Stopwatch.GetTimestamp();

    public void Stop(in Worker worker, int kernel)
    {
        Add(worker.Index, kernel);
        if (worker.Index == 0) _calls[kernel]++;
    }

    /// <summary>The barrier between two stages.</summary>
    public void Wait(in Worker worker)
    {
        Start(in worker);
        worker.Barrier();
        Add(worker.Index, kernels);
    }

    private void Add(int worker, int place)
    {
        int own = worker * _stride;
        _ticks[own + place] += Stopwatch.GetTimestamp() - _ticks[own + kernels + 1];
    }

    private static double Seconds(long ticks) => (double)ticks / Stopwatch.Frequency;
}
