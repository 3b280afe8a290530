using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.Threading;
using Sinter.Command.Terminal;
using Sinter.Runtime.Execution;

namespace Sinter.Command.Measuring;

/// <summary>Tokens per second of both phases.</summary>
internal sealed record Speed(Spread Prefill, Spread Decoding)
{
    /// <summary>Runs prompt and decoding once to warm up, then as often as asked.</summary>
    public static Speed Measure(ModelSession session, int prompt, int generate, int repeat, LongWork work, CancellationToken cancellation)
    {
        // Any tokens do; different ones, so that they go to different experts. The same ones every time.
        var random = new Random(671);
        var tokens = new int[prompt + generate];
        for (int i = 0; i < tokens.Length; i++) tokens[i] = random.Next(session.Description.VocabularySize);

        var prefill = new List<double>();
        var decoding = new List<double>();
        for (int run = 0; run <= repeat; run++)
        {
            work.Now(run == 0 ? "warming up" : $"run {run} of {repeat}");
            int sequence = session.AddSequence();
            long start = Stopwatch.GetTimestamp();
            session.Forward(sequence, tokens.AsMemory(0, prompt));
            double promptSeconds = Stopwatch.GetElapsedTime(start).TotalSeconds;
            start = Stopwatch.GetTimestamp();
            for (int i = prompt; i < tokens.Length; i++)
            {
                cancellation.ThrowIfCancellationRequested();
                session.Forward(sequence, tokens.AsMemory(i, 1));
            }

            double decodeSeconds = Stopwatch.GetElapsedTime(start).TotalSeconds;
            session.Release(sequence);
            if (run == 0) continue;
            prefill.Add(prompt / promptSeconds);
            decoding.Add(generate / decodeSeconds);
        }

        return new Speed(Spread.Of(prefill), Spread.Of(decoding));
    }
}
