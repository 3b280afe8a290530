using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading;
using Sinter.Command.Measuring;
using Sinter.Devices;
using Sinter.Devices.Cuda;
using Sinter.Models.Devices;
using Sinter.Models.Tests.Compiled;
using Sinter.Runtime;
using Sinter.Runtime.Execution;
using Sinter.Tests.Data;
using Xunit;

namespace Sinter.Cuda.Tests.Models;

/// <summary>What a session asks of NVIDIA's driver: order, waiting, graphs, memory; and what it says where something is amiss.</summary>
public sealed class CudaSessionTests
{
    private const string Smallest = "tiny-v3-noqlora-sharded";

    [Fact]
    public void The_first_step_runs_the_second_is_recorded_and_the_third_replays()
    {
        using var checkpoint = new CudaCheckpoint(Smallest, new StandInDriver { SkipsLaunches = true });
        using ModelSession session = checkpoint.Open(AttentionOrder.Absorbed);
        int sequence = session.AddSequence();
        long[] launches = new long[3];
        var calls = new List<string>[3];
        for (int step = 0; step < 3; step++)
        {
            long before = checkpoint.Target.Launches;
            calls[step] = checkpoint.CallsOf(() => CudaCheckpoint.Forward(session, sequence, [step]));
            launches[step] = checkpoint.Target.Launches - before;
        }

        // The step's description goes there, one thing is waited for, and nothing between launches.
        Assert.All(launches, count => Assert.Equal(launches[0], count));
        string[] kinds = [.. Kinds(calls[0]).Where(kind => kind != "function")];
        Assert.Equal(["to", "to", .. Enumerable.Repeat("launch", (int)launches[0]), "to", "synchronise"], kinds);
        Assert.Equal(["to", "to", "begin", .. Enumerable.Repeat("record", (int)launches[0]), "end", "instantiate", "graph", "to", "synchronise"], Kinds(calls[1]));
        Assert.Equal(["to", "to", "graph", "to", "synchronise"], Kinds(calls[2]));
    }

    /// <summary>Step and choice are one graph. Where there must be more memory, for more rows or another's logits, it is recorded anew.</summary>
    [Fact]
    public void Where_the_device_chooses_tokens_the_choice_is_the_end_of_what_is_recorded()
    {
        using var checkpoint = new CudaCheckpoint(Smallest, new StandInDriver { SkipsLaunches = true });
        using ModelSession session = checkpoint.Open(AttentionOrder.Absorbed);
        int sequence = session.AddSequence();
        int[] tokens = [3], chosen = new int[1];
        List<string> Step() => [.. checkpoint.CallsOf(() => session.ForwardGreedily([new SequenceTokens(sequence, tokens)], chosen, LogitRows.Last))];
        List<string> first = Step(), second = Step();
        long before = checkpoint.Target.Launches;
        Assert.Equal(["to", "to", "graph", "to", "synchronise"], Kinds(Step()));
        long launches = checkpoint.Target.Launches - before;
        Assert.Equal(launches, Kinds(first).Count(kind => kind == "launch"));
        List<string> recorded = [.. second.Where(call => call.StartsWith("record ", StringComparison.Ordinal)).Select(call => call.Split(' ')[1])];
        Assert.Equal(launches, recorded.Count);
        Assert.Equal(["ChooseInPart", "ChooseOfParts"], recorded[^2..]);

        // With logits the step is another one, and ends before the choice.
        CudaCheckpoint.Forward(session, sequence, [1]);
        Assert.DoesNotContain("record ChooseInPart", string.Join("\n", checkpoint.CallsOf(() => CudaCheckpoint.Forward(session, sequence, [1]))), StringComparison.Ordinal);
        Assert.Contains("graph", Kinds(Step()));
        session.ForwardGreedily([new SequenceTokens(sequence, new[] { 1, 2, 3 })], new int[3], LogitRows.All);
        Assert.DoesNotContain("graph", Kinds(Step()));
        Assert.Contains("record", Kinds(Step()));
    }

    [Fact]
    public void A_replayed_step_allocates_nothing()
    {
        using var checkpoint = new CudaCheckpoint(Smallest, new StandInDriver { SkipsLaunches = true });
        using ModelSession session = checkpoint.Open(AttentionOrder.Absorbed);
        int sequence = session.AddSequence();
        int[] token = [1];
        for (int step = 0; step < 3; step++) session.Forward(sequence, token);
        checkpoint.Driver.IsQuiet = true;
        // Enough for the compiler of the runtime to be done with the methods.
        for (int step = 0; step < 40; step++) session.Forward(sequence, token);
        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int step = 0; step < 5; step++) session.Forward(sequence, token);
        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
    }

    [Fact]
    public void A_step_of_another_size_and_a_step_that_is_traced_are_not_replayed()
    {
        using var checkpoint = new CudaCheckpoint(Smallest, new StandInDriver { SkipsLaunches = true });
        using ModelSession session = checkpoint.Open(AttentionOrder.Absorbed, sequences: 2);
        int sequence = session.AddSequence();
        for (int step = 0; step < 3; step++) CudaCheckpoint.Forward(session, sequence, [step]);
        Assert.DoesNotContain("graph", Kinds(checkpoint.CallsOf(() => CudaCheckpoint.Forward(session, sequence, [1, 2]))));
        session.Trace = new RecordedTrace();
        Assert.DoesNotContain("graph", Kinds(checkpoint.CallsOf(() => CudaCheckpoint.Forward(session, sequence, [1]))));
        session.Trace = null;
        Assert.Contains("graph", Kinds(checkpoint.CallsOf(() => CudaCheckpoint.Forward(session, sequence, [1]))));
    }

    /// <summary>What bench measures brings a token back from each step, prefill's too, and no logits.</summary>
    [Fact]
    public void Bench_brings_back_tokens_alone()
    {
        using var checkpoint = new CudaCheckpoint(Smallest, new StandInDriver { SkipsLaunches = true });
        using ModelSession session = checkpoint.Open(AttentionOrder.Absorbed);
        string[] back = [.. checkpoint.CallsOf(() =>
        {
            Speed.Run(session, [1, 2, 3, 4, 5, 6, 7, 8], prompt: 5, CancellationToken.None);
            Speed.DecodeOnce(session, () => { });
        }).Where(call => call.StartsWith("to host", StringComparison.Ordinal))];
        // A prefill, three tokens, and two.
        Assert.Equal(Enumerable.Repeat("to host 4 on 1", 6), back);
    }

    /// <summary>Launches over positions grow with the sequence, so that no graph can stand for the next.</summary>
    [Fact]
    public void Expanded_attention_is_not_recorded()
    {
        using var checkpoint = new CudaCheckpoint(Smallest, new StandInDriver { SkipsLaunches = true });
        using ModelSession session = checkpoint.Open(AttentionOrder.Expanded);
        int sequence = session.AddSequence();
        for (int step = 0; step < 3; step++) CudaCheckpoint.Forward(session, sequence, [step]);
        Assert.DoesNotContain(checkpoint.Driver.Calls, call => call.StartsWith("graph", StringComparison.Ordinal) || call.StartsWith("record", StringComparison.Ordinal));
    }

    [Fact]
    public void All_that_a_session_takes_is_given_back()
    {
        var driver = new StandInDriver { SkipsLaunches = true };
        using (var checkpoint = new CudaCheckpoint(Smallest, driver))
        {
            using (ModelSession session = checkpoint.Open(AttentionOrder.Absorbed))
            {
                int sequence = session.AddSequence();
                for (int step = 0; step < 3; step++) CudaCheckpoint.Forward(session, sequence, [step]);
                Assert.NotEqual(0, driver.StillAllocated);
            }

            Assert.Equal(0, driver.StillAllocated);
            Assert.Contains("destroy graph 1", driver.Calls);
        }

        Assert.Equal("release", driver.Calls[^1]);
    }

    [Fact]
    public void The_trained_model_takes_its_kernels_from_the_assembly_and_weights_come_through_pinned_memory()
    {
        var driver = new StandInDriver { SkipsLaunches = true };
        using var checkpoint = new CudaCheckpoint(Repository.TinyTrained, CudaCheckpoint.Trained, driver);
        List<(long Done, long All)> told = [];
        checkpoint.Target.Loading = (done, all) => told.Add((done, all));
        using ModelSession session = checkpoint.Open(AttentionOrder.Absorbed);
        CudaCheckpoint.Forward(session, session.AddSequence(), [1]);
        Assert.Equal(0, checkpoint.Printed);
        Assert.Equal(2, driver.Calls.Count(call => call.StartsWith("pin ", StringComparison.Ordinal)));
        Assert.Contains("await event 1", driver.Calls);
        Assert.Equal(told.Select(state => state.Done).Order(), told.Select(state => state.Done));
        Assert.Equal(told[^1].All, told[^1].Done);
    }

    [Fact]
    public void Arguments_have_the_bytes_that_the_kernels_declare()
    {
        Type kernels = typeof(TinyTrainedDeviceProgram).Assembly.GetType("Sinter.Models.Devices.TinyTrainedDeviceKernels", throwOnError: true)!;
        PtxLibrary library = PtxLibrary.Of(kernels.Assembly);
        Assert.All(KernelPrinter.KernelsOf(kernels), kernel => Assert.Equal(
            kernel.GetParameters().Select(parameter => CudaArguments.SizeOf(parameter.ParameterType)),
            new StandInDriver.LoadedText(library.Find(KernelPrinter.NameOf(kernel))!).Sizes));
    }

    [Theory]
    [InlineData(100_000, "for the weights")]
    [InlineData(460_000, "for caches and buffers")]
    public void Too_little_memory_is_told(long bytes, string what)
    {
        var driver = new StandInDriver { SkipsLaunches = true, MemoryBytes = 1L << 30 };
        using var checkpoint = new CudaCheckpoint(Smallest, driver);
        driver.Reserved = (1L << 30) - bytes;
        string message = Assert.Throws<SinterException>(() => checkpoint.Open(AttentionOrder.Absorbed)).Message;
        Assert.Contains("There is not enough memory on Stand-in " + what, message, StringComparison.Ordinal);
        Assert.Contains("of 1 GiB are free", message, StringComparison.Ordinal);
        Assert.Equal(0, driver.StillAllocated);
    }

    [Fact]
    public void A_device_that_cannot_be_used_is_told()
    {
        DeviceReport Report(StandInDriver driver) => Device.FindCuda(() => new CudaContext(driver.Export));
        Assert.Equal("Stand-in", Assert.Single(Report(new StandInDriver()).Devices).Name);
        Assert.Contains("supports CUDA 12.2", Report(new StandInDriver { Version = 12020 }).Trouble, StringComparison.Ordinal);
        Assert.Contains("has no cuGraphLaunch", Report(new StandInDriver { Without = "cuGraphLaunch" }).Trouble, StringComparison.Ordinal);
        Assert.Contains("SM 75, and the kernels have no image for it", Report(new StandInDriver { Architecture = 75 }).Trouble, StringComparison.Ordinal);
    }

    [Fact]
    public void A_kernel_that_the_driver_refuses_is_told_by_its_name()
    {
        using var checkpoint = new CudaCheckpoint(Smallest, new StandInDriver { LoadResult = 209 });
        using ModelSession session = checkpoint.Open(AttentionOrder.Absorbed);
        string message = Assert.Throws<CudaException>(() => CudaCheckpoint.Forward(session, session.AddSequence(), [1])).Message;
        Assert.Contains("Embed_48_BF16 cannot be loaded: the driver says", message, StringComparison.Ordinal);
    }

    /// <summary>The first word of each call.</summary>
    private static string[] Kinds(IEnumerable<string> calls) =>
        [.. calls.Where(call => !call.StartsWith("current", StringComparison.Ordinal)).Select(call => call.Split(' ')[0])];
}
