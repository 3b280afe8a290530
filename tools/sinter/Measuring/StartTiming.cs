using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.Linq;
using System.Runtime;

namespace Sinter.Command.Measuring;

/// <summary>Where the time from the start of the process to the first token went.</summary>
internal sealed class StartTiming
{
    private readonly List<(string Part, TimeSpan Time)> _parts = [];
    private long _last = Entered;
    private long _firstToken;
    private TimeSpan _compiling;
    private long _methods;

    /// <summary>When the command's own code began to run.</summary>
    public static long Entered { get; } = Stopwatch.GetTimestamp();

    /// <summary>All since the part before was this part.</summary>
    public void End(string part) => End(part, Stopwatch.GetTimestamp(), TimeSpan.Zero);

    /// <summary>All since the part before was these parts, and a rest.</summary>
    public void End(string rest, params ReadOnlySpan<(string Part, TimeSpan Time)> parts)
    {
        long now = Stopwatch.GetTimestamp();
        TimeSpan told = TimeSpan.Zero;
        foreach ((string part, TimeSpan time) in parts)
        {
            _parts.Add((part, time));
            told += time;
        }

        End(rest, now, told);
    }

    /// <summary>Text is there; what came before is told apart later.</summary>
    public void FirstToken()
    {
        if (_firstToken != 0) return;
        _firstToken = Stopwatch.GetTimestamp();
        _compiling = JitInfo.GetCompilationTime();
        _methods = JitInfo.GetCompiledMethodCount();
    }

    /// <param name="prefill">From the prompt's first step to its token.</param>
    public void Write(TimeSpan prefill)
    {
        // Asking for the start of the process loads another assembly, so it comes last. Linux tells it to 10 ms.
        TimeSpan sinceEntry = Stopwatch.GetElapsedTime(Entered);
        using var process = Process.GetCurrentProcess();
        TimeSpan runtime = DateTime.Now - sinceEntry - process.StartTime;
        _parts.Add(("prefill", prefill));
        End("first token: its text, and threads in between", _firstToken, prefill);
        (string Part, TimeSpan Time)[] parts = [("start of the runtime", runtime > TimeSpan.Zero ? runtime : TimeSpan.Zero), .. _parts];
        Console.Error.WriteLine("from the start of the process to the first token:");
        foreach ((string part, TimeSpan time) in parts) Line(time, part);
        Line(TimeSpan.FromTicks(parts.Sum(part => part.Time.Ticks)), $"together; of this {_compiling.TotalMilliseconds:0.0} ms of the JIT for {_methods} methods, on all threads");
    }

    private static void Line(TimeSpan time, string what) => Console.Error.WriteLine($"{time.TotalMilliseconds,9:0.0} ms  {what}");

    private void End(string part, long at, TimeSpan toldApart)
    {
        _parts.Add((part, Stopwatch.GetElapsedTime(_last, at) - toldApart));
        _last = at;
    }
}
