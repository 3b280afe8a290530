using System;
using System.Diagnostics;
using System.Linq;
using Sinter.Command.Training;
using Sinter.Runtime.Checkpoints;
using Sinter.Runtime.Execution;
using Sinter.Runtime.Training;
using Sinter.Runtime.Training.Runs;

namespace Sinter.Command.Measuring;

/// <summary>Where the time of a run's last stage goes: each kernel's share of a step, and what its threads wait for each other.</summary>
internal sealed class TrainingProfile
{
    private CompiledStage? _stage;
    private KernelClock? _clock;
    private TimeSpan _passed;
    private long _steps, _sequences, _counted;
    private double _seconds;
    private int _threads;

    /// <summary>A session whose steps count from here on.</summary>
    public void Begin(CompiledStage stage, CompiledTrainingSession session)
    {
        int own = CompiledTrainingSession.OwnKernels.Count;
        (_stage, _threads) = (stage, session.Threads);
        session.Clock = _clock = new KernelClock(stage.Compiled.Kernels.All.Count + own, session.Threads, own);
        (_passed, _steps, _sequences, _counted, _seconds) = (TimeSpan.Zero, 0, 0, 0, 0);
    }

    /// <summary>A step is done; those before the half of the run are not counted, since methods reach their last form in them.</summary>
    public void Stepped(StepMetrics step, TimeSpan? remaining)
    {
        _steps++;
        _passed += TimeSpan.FromSeconds(step.Seconds);
        if (remaining > _passed)
        {
            _clock!.Clear();
            (_counted, _sequences, _seconds) = (0, 0, 0);
            return;
        }

        _counted++;
        _sequences += step.Sequences;
        _seconds += step.Seconds;
    }

    public void Write()
    {
        if (_counted == 0) return;
        MachineLimits limits = MachineLimits.Measure(_threads);
        (double Bytes, double Flops)[] work = new TrainingWork(_stage!.Compiled, _stage.Options.Length).Count();
        long trained = TrainingBytes.Trained(_stage.Program.Training);
        (double Bytes, double Flops)[] own = [(0, 0), (sizeof(float) * trained, 2 * trained), (5.0 * sizeof(float) * trained + 4.0 * trained * _stage.Options.Moments.Size(), 12.0 * trained)];
        KernelFigures[] kernels = [.. _stage.Compiled.Kernels.All.Select(kernel => kernel.Method).Concat(CompiledTrainingSession.OwnKernels)
            .Select((name, i) => new KernelFigures(name, _clock!.Calls(i), _clock.KernelSeconds(i), i < work.Length ? work[i].Bytes * _sequences : own[i - work.Length].Bytes * _counted, i < work.Length ? work[i].Flops * _sequences : own[i - work.Length].Flops * _counted))
            .Where(kernel => kernel.Seconds > 0)];
        double busy = Enumerable.Range(0, work.Length + own.Length).Sum(_clock!.MeanSeconds), waiting = _clock.MeanWaitingSeconds;
        double flops = kernels.Sum(kernel => kernel.Flops);
        Console.WriteLine();
        Console.WriteLine(FormattableString.Invariant($"{_counted} steps of {1000 * _seconds / _counted:0.0} ms, {_threads} threads: {flops / _seconds / 1e9:0.0} GFLOP/s; a thread is {100 * busy / _seconds:0.0} % in kernels, {100 * waiting / _seconds:0.0} % waiting for others, {100 * (1 - (busy + waiting) / _seconds):0.0} % elsewhere"));
        Console.WriteLine(FormattableString.Invariant($"limits measured here: {limits.BytesPerSecond / 1e9:0.0} GB/s from memory, {limits.FlopsPerSecond / 1e9:0.0} GFLOP/s"));
        Console.WriteLine($"  {"kernel",-52} {"calls",6} {"time",7} {"µs/call",9} {"GB/s",8} {"GFLOP/s",8} {"limit",6} {"uneven",6}");
        foreach ((KernelFigures kernel, double mean) in kernels.Select(kernel => (kernel, Mean(kernel.Name))).OrderByDescending(pair => pair.kernel.Seconds))
        {
            Console.WriteLine(FormattableString.Invariant($"  {kernel.Name,-52} {(double)kernel.Calls / _counted,6:0} {100 * kernel.Seconds / _seconds,5:0.0} % {1e6 * kernel.Seconds / kernel.Calls,9:0.0} {kernel.Bytes / kernel.Seconds / 1e9,8:0.0} {kernel.Flops / kernel.Seconds / 1e9,8:0.0} {100 * kernel.Share(limits),4:0} % {100 * (1 - mean / kernel.Seconds),4:0} %"));
        }
    }

    private double Mean(string kernel)
    {
        int number = _stage!.Compiled.Kernels.All.FindIndex(source => source.Method == kernel);
        if (number < 0) number = _stage.Compiled.Kernels.All.Count + CompiledTrainingSession.OwnKernels.ToList().IndexOf(kernel);
        return _clock!.MeanSeconds(number);
    }
}
