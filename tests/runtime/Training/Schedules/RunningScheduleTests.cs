using System.IO;
using System.Linq;
using System.Text.Json;
using System.Text.Json.Nodes;
using Sinter.Runtime.Training.Schedules;
using Sinter.Tests.Data;
using Xunit;

namespace Sinter.Runtime.Tests.Training.Schedules;

/// <summary>Numbers that change with steps and tokens.</summary>
public sealed class RunningScheduleTests
{
    [Fact]
    public void Warm_up_and_cosine_are_those_of_the_reference_run()
    {
        JsonElement curve = JsonDocument.Parse(File.ReadAllText(Repository.Data("tiny-trained", "curve.json"))).RootElement;
        double peak = curve.GetProperty("lr_peak").GetDouble(), floor = curve.GetProperty("lr_floor").GetDouble();
        int warmUp = curve.GetProperty("warmup").GetInt32(), steps = curve.GetProperty("steps").GetInt32();
        var rate = new RunningSchedule(new Schedule([Phase(ScheduleCurve.Linear, 0, peak, warmUp), Phase(ScheduleCurve.Cosine, peak, floor * peak, steps - warmUp)]));
        int column = curve.GetProperty("columns").EnumerateArray().Select(name => name.GetString()).ToList().IndexOf("lr");
        int step = 0;
        foreach (JsonElement row in curve.GetProperty("train").EnumerateArray())
        {
            // Written with six digits.
            double expected = row[column].GetDouble();
            Assert.Equal(expected, rate.At(At(step), At(step + 1)), 1e-5 * peak);
            step++;
        }

        Assert.Equal(1800, step);
    }

    [Fact]
    public void The_reports_rate_counts_steps_and_then_tokens()
    {
        // DeepSeek-V3 section 4.2, with 15360 sequences of 4096 tokens a step.
        const double Step = 15360 * 4096.0;
        SchedulePhase[] phases =
        [
            Phase(ScheduleCurve.Linear, 0, 2.2e-4, 2000), new(ScheduleCurve.Hold, 2.2e-4, 2.2e-4, 10e12, true, true), new(ScheduleCurve.Cosine, 2.2e-4, 2.2e-5, 4.3e12, true, false),
            new(ScheduleCurve.Hold, 2.2e-5, 2.2e-5, 333e9, true, false), new(ScheduleCurve.Hold, 7.3e-6, 7.3e-6, 167e9, true, false),
        ];
        var rate = new RunningSchedule(new Schedule(phases));
        double Value(double step) => rate.At(new TrainingClock((long)step, (long)(step * Step)), new TrainingClock((long)step + 1, (long)((step + 1) * Step)));
        Assert.Equal(1.1e-4, Value(999), 1e-10);
        Assert.Equal(2.2e-4, Value(2000), 1e-12);
        Assert.Equal(2.2e-4, Value(9.9e12 / Step), 1e-12);
        Assert.Equal(1.21e-4, Value(12.15e12 / Step), 1e-8);
        Assert.Equal(2.2e-5, Value(14.5e12 / Step), 1e-12);
        Assert.Equal(7.3e-6, Value(14.7e12 / Step), 1e-12);
        Assert.False(rate.IsOver);
        Value(14.81e12 / Step);
        Assert.True(rate.IsOver);
    }

    [Fact]
    public void Saved_in_the_middle_it_goes_on_alike()
    {
        SchedulePhase[] phases = [Phase(ScheduleCurve.Linear, 0, 1, 5), new(ScheduleCurve.Cosine, 1, 0.1, 300, true, false), Phase(ScheduleCurve.Hold, 0.1, 0.1, double.PositiveInfinity)];
        RunningSchedule straight = new(new Schedule(phases)), first = new(new Schedule(phases));
        for (int step = 0; step < 60; step++)
        {
            if (step % 7 == 3)
            {
                var next = new RunningSchedule(new Schedule(phases));
                next.Restore(JsonNode.Parse(first.Save().ToJsonString())!.AsObject());
                first = next;
            }

            Assert.Equal(straight.At(Clock(step), Clock(step + 1)), first.At(Clock(step), Clock(step + 1)));
        }

        static TrainingClock Clock(int step) => new(step, step * 8 + step % 3);
    }

    [Fact]
    public void On_a_plateau_the_rate_falls_after_its_patience_and_not_before()
    {
        var plateau = new Plateau(new PlateauSettings(Factor: 0.5, Patience: 2, Least: 0.01));
        double[] losses = [3, 2.5, 2.49, 2.495, 2.5, 2.3, 2.31, 2.31, 2.31];
        bool[] falls = [false, false, false, false, true, false, false, false, true];
        for (int i = 0; i < losses.Length; i++)
        {
            Assert.Equal(falls[i], plateau.Observe(losses[i]));
            var next = new Plateau(new PlateauSettings(0.5, 2, 0.01));
            next.Restore(JsonNode.Parse(plateau.Save().ToJsonString())!.AsObject());
            plateau = next;
        }

        Assert.Equal(0.25, plateau.Factor);
    }

    private static SchedulePhase Phase(ScheduleCurve curve, double from, double to, double steps) => new(curve, from, to, steps, false, false);

    private static TrainingClock At(int step) => new(step, 0);
}
