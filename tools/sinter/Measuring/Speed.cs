using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.Threading;
using Sinter.Command.Terminal;
using Sinter.Runtime.Execution;

namespace Sinter.Command.Measuring;

/// <summary>Tokens per second of both phases, the greedy choice of each next token among them.</summary>
internal sealed record Speed(Spread Prefill, Spread Decoding)
{
    /// <summary>The JIT compiles the kernels a second time once they have run for a while, in the background.</summary>
    private const double ShortestWarmUp = 1, LongestWarmUp = 15;

    /// <summary>Two runs that differ by no more are taken for the speed that lasts.</summary>
    private const double Steady = 0.03;

    /// <summary>Runs prompt and decoding until their speed lasts, then as often as asked.</summary>
    public static Speed Measure(ModelSession session, int prompt, int generate, int repeat, LongWork work, CancellationToken cancellation)
    {
        // Any tokens do; different ones, so that they go to different experts. The same ones every time.
        var random = new Random(671);
        var tokens = new int[prompt + generate];
        for (int i = 0; i < tokens.Length; i++) tokens[i] = random.Next(session.Description.VocabularySize);

        work.Now("warming up");
        long begin = Stopwatch.GetTimestamp();
        (double Prompt, double Decoding) before = Run(session, tokens, prompt, cancellation), last = before;
        for (double elapsed = 0; elapsed < ShortestWarmUp || (elapsed < LongestWarmUp && !Lasts(before, last));
            elapsed = Stopwatch.GetElapsedTime(begin).TotalSeconds)
        {
            (before, last) = (last, Run(session, tokens, prompt, cancellation));
        }

        var prefill = new List<double>();
        var decoding = new List<double>();
        for (int run = 1; run <= repeat; run++)
        {
            work.Now($"run {run} of {repeat}");
            (double promptSeconds, double decodeSeconds) = Run(session, tokens, prompt, cancellation);
            prefill.Add(prompt / promptSeconds);
            decoding.Add(generate / decodeSeconds);
        }

        return new Speed(Spread.Of(prefill), Spread.Of(decoding));
    }

    /// <summary>One token after another, so that what a step costs besides time can be seen.</summary>
    public static void DecodeOnce(ModelSession session, Action around)
    {
        int sequence = session.AddSequence();
        session.ForwardGreedily(sequence, new[] { 0 });
        around();
        session.ForwardGreedily(sequence, new[] { 0 });
        around();
        session.Release(sequence);
    }

    /// <summary>Whether both phases took the same time again; one of hardly any length tells nothing.</summary>
    private static bool Lasts((double Prompt, double Decoding) before, (double Prompt, double Decoding) last)
    {
        double negligible = (last.Prompt + last.Decoding) / 20;
        return Same(before.Prompt, last.Prompt) && Same(before.Decoding, last.Decoding);

        bool Same(double one, double other) => other < negligible || Math.Abs(one - other) < Steady * other;
    }

    /// <summary>Seconds of one run from an empty cache.</summary>
    internal static (double Prompt, double Decoding) Run(ModelSession session, int[] tokens, int prompt, CancellationToken cancellation)
    {
        int sequence = session.AddSequence();
        long start = Stopwatch.GetTimestamp();
        session.ForwardGreedily(sequence, tokens.AsMemory(0, prompt));
        double promptSeconds = Stopwatch.GetElapsedTime(start).TotalSeconds;
        start = Stopwatch.GetTimestamp();
        for (int i = prompt; i < tokens.Length; i++)
        {
            cancellation.ThrowIfCancellationRequested();
            session.ForwardGreedily(sequence, tokens.AsMemory(i, 1));
        }

        double decodeSeconds = Stopwatch.GetElapsedTime(start).TotalSeconds;
        session.Release(sequence);
        return (promptSeconds, decodeSeconds);
    }
}
