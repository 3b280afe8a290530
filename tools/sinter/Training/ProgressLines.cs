using System;
using System.Diagnostics;
using System.Linq;
using Sinter.Command.Measuring;
using Sinter.Runtime.Training.Runs;

namespace Sinter.Command.Training;

/// <summary>Tells how a run goes: a line every few seconds and for each validation on standard output; warnings on the error stream.</summary>
/// <param name="profile">Is told of every step.</param>
internal sealed class ProgressLines(TrainingProfile? profile = null) : IRunObserver
{
    private static readonly TimeSpan s_pause = TimeSpan.FromSeconds(5);

    private long _last;

    public void Warned(string sentence) => Console.Error.WriteLine($"sinter: {sentence}");

    public void Stepped(StepMetrics step, TimeSpan? remaining)
    {
        profile?.Stepped(step, remaining);
        if (_last != 0 && Stopwatch.GetElapsedTime(_last) < s_pause) return;
        _last = Stopwatch.GetTimestamp();
        string ahead = step.Report.Prediction.Count > 0 ? Format($", mtp {step.Report.Prediction.Average():0.0000}") : "";
        string balance = step.Report.Loads.Count > 0 ? Format($", MaxVio {step.MaxVio:0.00}") : "";
        string left = remaining is { } time ? $", {Time(time)} left" : "";
        Console.WriteLine(Format($"step {step.Step}: loss {step.Report.Main:0.0000}{ahead}, rate {step.Rate:0.##E+0}, norm {step.Norm:0.00}{balance}, {step.TokensPerSecond:0} tokens/s{left}"));
    }

    public void Validated(Validation validation)
    {
        string ahead = validation.Prediction.Count > 0 ? Format($", mtp {validation.Prediction.Average():0.0000}") : "";
        Console.WriteLine(Format($"step {validation.Step}: validation loss {validation.Main:0.0000}{ahead} ({validation.Tokens} tokens)"));
    }

    public void Saved(string path) => Console.WriteLine($"saved {path}");

    private static string Time(TimeSpan time) => time.TotalHours >= 1 ? $"{(int)time.TotalHours} h {time.Minutes} min" : time.TotalMinutes >= 1 ? $"{time.Minutes} min {time.Seconds} s" : $"{time.Seconds} s";

    private static string Format(FormattableString text) => FormattableString.Invariant(text);
}
