using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.Linq;
using System.Text.Json;
using Sinter.Command.Terminal;
using Sinter.Compiler.Emit;
using Sinter.Compiler.Passes;
using Sinter.Runtime.Execution;
using Sinter.Runtime.Weights;

namespace Sinter.Command.Measuring;

/// <summary>One kernel in one phase.</summary>
/// <param name="Calls">In all the steps that count.</param>
/// <param name="Seconds">Of the thread that spent most in it.</param>
/// <param name="Bytes">Read and written by all threads.</param>
/// <param name="Flops">Done by all threads.</param>
internal sealed record KernelFigures(string Name, int Calls, double Seconds, double Bytes, double Flops)
{
    /// <summary>The time that the machine would need at least, over the time taken; above 1 where data come from a cache.</summary>
    public double Share(MachineLimits limits) =>
        Math.Max(Bytes / limits.BytesPerSecond, Flops / limits.FlopsPerSecond) / Seconds;
}

/// <summary>Where the time of a phase goes, kernel by kernel, and how near each is to what the machine can do.</summary>
/// <param name="Steps">Steps that count.</param>
/// <param name="Seconds">Of those, on the clock.</param>
/// <param name="WaitingSeconds">That the first thread waited at barriers.</param>
internal sealed record Roofline(string Phase, int Steps, double Seconds, double WaitingSeconds, IReadOnlyList<KernelFigures> Kernels)
{
    /// <summary>Measures steps of <paramref name="tokens"/> tokens after <paramref name="before"/> positions.</summary>
    public static Roofline Measure(string phase, CompiledProgram program, ModelSession session, WeightTable weights, int before, int tokens, int steps)
    {
        var clock = new KernelClock(program.Kernels.Kernels.Count, session.Threads);
        session.Clock = clock;
        var random = new Random(671);
        int[] text = [.. Enumerable.Range(0, before + tokens).Select(_ => random.Next(session.Description.VocabularySize))];
        int sequence = session.AddSequence();
        if (before > 0) session.Forward(sequence, text.AsMemory(0, before));
        long total = 0;
        for (int step = -Warming(steps); step < steps; step++)
        {
            if (step == 0) clock.Clear();
            session.Truncate(sequence, before);
            long start = Stopwatch.GetTimestamp();
            session.Forward(sequence, text.AsMemory(before));
            if (step >= 0) total += Stopwatch.GetTimestamp() - start;
        }

        session.Release(sequence);
        OrderedRegions order = Order(program, before, tokens);
        (double Bytes, double Flops)[] work = KernelWork.OfSequence(program, weights, tokens, before + tokens).Count(order);
        List<KernelFigures> kernels = [.. program.Kernels.Kernels
            .Select((kernel, i) => new KernelFigures(kernel.Method, clock.Calls(i), clock.KernelSeconds(i), work[i].Bytes * steps, work[i].Flops * steps))
            .Where(kernel => kernel.Calls > 0)
            .OrderByDescending(kernel => kernel.Seconds)];
        return new Roofline(phase, steps, (double)total / Stopwatch.Frequency, clock.WaitingSeconds, kernels);
    }

    public void WriteText(MachineLimits limits)
    {
        Console.WriteLine();
        Console.WriteLine($"{Phase}: {1000 * Seconds / Steps:0.000} ms a step, {100 * WaitingSeconds / Seconds:0} % of it waiting for other threads");
        Console.WriteLine($"  {"kernel",-44} {"calls",6} {"time",6} {"µs/call",9} {"GB/s",8} {"GFLOP/s",8} {"limit",6}");
        foreach (KernelFigures kernel in Kernels)
        {
            Console.WriteLine($"  {kernel.Name,-44} {kernel.Calls / Steps,6} {100 * kernel.Seconds / Seconds,4:0.0} % {1e6 * kernel.Seconds / kernel.Calls,9:0.0} "
                + $"{kernel.Bytes / kernel.Seconds / 1e9,8:0.0} {kernel.Flops / kernel.Seconds / 1e9,8:0.0} {100 * kernel.Share(limits),4:0} %");
        }
    }

    public void WriteJson(Utf8JsonWriter json, MachineLimits limits)
    {
        json.WriteStartObject();
        json.WriteString("phase", Phase);
        json.WriteNumber("seconds_per_step", Seconds / Steps);
        json.WriteNumber("waiting_share", Math.Round(WaitingSeconds / Seconds, 4));
        json.WriteStartArray("kernels");
        foreach (KernelFigures kernel in Kernels)
        {
            json.WriteStartObject();
            json.WriteString("name", kernel.Name);
            json.WriteNumber("calls_per_step", kernel.Calls / Steps);
            json.WriteNumber("seconds_per_step", kernel.Seconds / Steps);
            json.WriteNumber("gigabytes_per_second", Math.Round(kernel.Bytes / kernel.Seconds / 1e9, 3));
            json.WriteNumber("gigaflops_per_second", Math.Round(kernel.Flops / kernel.Seconds / 1e9, 3));
            json.WriteNumber("share_of_limit", Math.Round(kernel.Share(limits), 4));
            json.WriteEndObject();
        }

        json.WriteEndArray();
        json.WriteEndObject();
    }

    /// <summary>Methods reach their last form after some thirty calls.</summary>
    private static int Warming(int steps) => Math.Min(40, 2 + steps);

    /// <summary>The order of attention that the program takes for such steps.</summary>
    private static OrderedRegions Order(CompiledProgram program, int before, int tokens)
    {
        if (program.Orders.Count == 1 || (before > 0 && tokens <= ModelSession.MostCheckedTokens)) return program.Orders[0];
        double Cost(ContractionCost cost) => cost.PerToken * tokens + cost.PerPosition * (before + tokens) + cost.PerPair * tokens * (before + tokens);
        return Cost(program.Orders[0].Cost) <= Cost(program.Orders[1].Cost) ? program.Orders[0] : program.Orders[1];
    }
}
