using System;
using System.Diagnostics;

namespace Sinter.Runtime.Execution;

/// <summary>
/// Where the threads of a team spend a step's time: in each kernel, and waiting at barriers for the others. Only programs
/// compiled with timers call it.
/// </summary>
/// <param name="kernels">Kernels of the program, and then those of the session.</param>
/// <param name="workers">Threads of the team.</param>
/// <param name="own">How many of them are the session's.</param>
public sealed class KernelClock(int kernels, int workers, int own = 0)
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

    /// <summary>The mean of that over the threads: what it is below <see cref="KernelSeconds"/>, some of them waited.</summary>
    public double MeanSeconds(int kernel)
    {
        long sum = 0;
        for (int worker = 0; worker < workers; worker++) sum += _ticks[worker * _stride + kernel];
        return Seconds(sum) / workers;
    }

    /// <summary>Seconds that the threads waited at barriers, on average.</summary>
    public double MeanWaitingSeconds => MeanSeconds(kernels);

    /// <summary>Whether nothing is counted for a while; not to be changed while the team runs.</summary>
    public bool IsPaused { get; set; }

    public void Clear()
    {
        Array.Clear(_ticks);
        Array.Clear(_calls);
    }

    public void Start(in Worker worker) => _ticks[worker.Index * _stride + kernels + 1] = Stopwatch.GetTimestamp();

    public void Stop(in Worker worker, int kernel)
    {
        Add(worker.Index, kernel);
        if (worker.Index == 0 && !IsPaused) _calls[kernel]++;
    }

    /// <summary>As <see cref="Stop"/>, of one of the session's own.</summary>
    public void StopOwn(in Worker worker, int kernel) => Stop(in worker, kernels - own + kernel);

    /// <summary>The barrier between two stages.</summary>
    public void Wait(in Worker worker)
    {
        Start(in worker);
        worker.Barrier();
        Add(worker.Index, kernels);
    }

    private void Add(int worker, int place)
    {
        if (IsPaused) return;
        int own = worker * _stride;
        _ticks[own + place] += Stopwatch.GetTimestamp() - _ticks[own + kernels + 1];
    }

    private static double Seconds(long ticks) => (double)ticks / Stopwatch.Frequency;
}
