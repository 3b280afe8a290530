using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Text.Json.Nodes;
using System.Threading;
using Sinter.Runtime.Training.Runs;
using Sinter.Runtime.Training.Schedules;
using Sinter.Tests.Ranks;
using Xunit;

namespace Sinter.Runtime.Tests.Training.Runs;

/// <summary>The same run by several ranks, which are threads here.</summary>
public sealed partial class TrainingRunTests
{
    /// <summary>Batches of 1 to 6 rows: some ranks have none of the smallest.</summary>
    private static TrainingRecipe Ramp(TrainingRecipe recipe) => recipe with
    {
        Batch = new Schedule([new(ScheduleCurve.Linear, 1, 6, 10, false, false), new(ScheduleCurve.Hold, 6, 6, double.PositiveInfinity, false, false)]),
    };

    [Theory]
    [InlineData(2)]
    [InlineData(3)]
    public void Several_ranks_make_the_run_of_one_within_rounding(int size)
    {
        Train("one", steps: 20, change: Ramp);
        TrainOn(size, "several", steps: 20);
        JsonNode[] one = [.. Metrics("one")], several = [.. Metrics("several")];

        // As many lines: the metrics are written once. Halves of a row go to the even number.
        Assert.Equal(one.Length, several.Length);
        Assert.Equal([1, 2, 2, 2, 3], one.Where(line => line["sequences"] is not null).Take(5).Select(line => (int)line["sequences"]!));
        foreach ((JsonNode a, JsonNode b) in one.Zip(several))
        {
            Assert.Equal((long)a["tokens"]!, (long)b["tokens"]!);
            Assert.Equal(Loss(a), Loss(b), 1e-5 * Loss(a));
            if (a["norm"] is { } norm) Assert.Equal((double)norm, (double)b["norm"]!, 1e-4 * (double)norm);
        }

        double Loss(JsonNode line) => (double)(line["validation"] ?? line)["main"]!;
    }

    [Fact]
    public void Several_ranks_resume_bit_for_bit_and_as_another_number_of_them_too()
    {
        TrainOn(2, "whole", steps: 20);
        TrainOn(2, "parts", steps: 13);
        TrainOn(2, "parts", steps: 20, resume: true);
        Assert.Equal(Bytes("whole", 20, "training.safetensors"), Bytes("parts", 20, "training.safetensors"));
        Assert.Equal(Metrics("whole").Select(WithoutSpeed), Metrics("parts").Where(line => (int)line["step"]! != 13 || line["validation"] is null).Select(WithoutSpeed));

        TrainOn(2, "fewer", steps: 10);
        Train("fewer", steps: 20, change: Ramp, resume: true);
        Train("more", steps: 10, change: Ramp);
        TrainOn(3, "more", steps: 20, resume: true);
        foreach (string run in (string[])["fewer", "more"])
            Assert.Equal((double)Metrics("whole").Last()["validation"]!["main"]!, (double)Metrics(run).Last()["validation"]!["main"]!, 1e-4);
    }

    [Fact]
    public void One_rank_that_is_told_to_stop_stops_all_and_the_checkpoint_is_whole()
    {
        Train("whole", steps: 12, change: Ramp);
        using var stop = new CancellationTokenSource();
        var fault = Assert.Throws<AggregateException>(() => InProcessRanks.Run(2, ranks =>
        {
            Train("parts", steps: 12, change: Ramp, ranks: ranks, cancellation: ranks.Rank == 1 ? stop.Token : default, beforeStep: session => { if (session.Steps == 7) stop.Cancel(); });
            return 0;
        }));
        Assert.Equal(2, fault.InnerExceptions.Count);
        Assert.All(fault.InnerExceptions, inner => Assert.IsType<OperationCanceledException>(inner));
        Assert.Equal("step-00000008", Path.GetFileName(Directory.GetDirectories(Path.Combine(_folder["parts"], "checkpoints")).Max()));
        TrainOn(2, "parts", steps: 12, resume: true);
        Assert.Equal((double)Metrics("whole").Last()["validation"]!["main"]!, (double)Metrics("parts").Last()["validation"]!["main"]!, 1e-4);
    }

    [Fact]
    public void A_gradient_that_is_no_number_on_one_rank_stops_all_with_its_place()
    {
        var fault = Assert.Throws<AggregateException>(() => InProcessRanks.Run(2, ranks =>
        {
            Train("run", steps: 20, ranks: ranks, beforeStep: session => { if (session.Steps == 11 && ranks.Rank == 1) session.Tensors[0].Gradient[5] = float.NaN; });
            return 0;
        }));
        Assert.Equal(2, fault.InnerExceptions.Count);
        Assert.All(fault.InnerExceptions, inner => Assert.Contains("Step 12: the gradients' norm is NaN", inner.Message));
    }

    [Fact]
    public void The_first_rank_alone_speaks()
    {
        var heard = new List<int>();
        InProcessRanks.Run(2, ranks =>
        {
            Train("run", steps: 5, ranks: ranks, observer: new Ear(() => { lock (heard) heard.Add(ranks.Rank); }));
            return 0;
        });
        Assert.Equal(5 + 2 + 1, heard.Count);
        Assert.All(heard, rank => Assert.Equal(0, rank));
    }

    private void TrainOn(int size, string name, int steps, bool resume = false) => InProcessRanks.Run(size, ranks =>
    {
        Train(name, steps, resume, change: Ramp, ranks: ranks);
        return 0;
    });

    private sealed class Ear(Action hear) : IRunObserver
    {
        public void Warned(string sentence) => hear();

        public void Stepped(StepMetrics step, TimeSpan? remaining) => hear();

        public void Validated(Validation validation) => hear();

        public void Saved(string path) => hear();
    }
}
