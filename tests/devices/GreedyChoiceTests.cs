using System;
using System.Linq;
using ILGPU;
using ILGPU.Runtime;
using Sinter.Runtime.Execution;
using Sinter.Tests.Data;
using Xunit;

namespace Sinter.Devices.Tests;

/// <summary>Tokens chosen on a device: the greatest logit's, the lowest among equals, -1 where a logit is no finite number.</summary>
public sealed class GreedyChoiceTests
{
    /// <summary>One token, a thread more and less than a group's, a part's edges, and DeepSeek-V3's vocabulary.</summary>
    public static TheoryData<int, int> Sizes => new()
    {
        { 1, 1 }, { 2, 255 }, { 3, 257 }, { 1, GreedyKernels.PartSize }, { 2, GreedyKernels.PartSize + 1 }, { 3, (3 * GreedyKernels.PartSize) - 1 }, { 2, 129280 },
    };

    [OpenCLTheory]
    [MemberData(nameof(Sizes))]
    public void The_device_chooses_the_greatest_logit(int rows, int vocabulary) => Compare(DeviceKind.OpenCL, rows, vocabulary);

    [Fact]
    public void So_does_the_simulation() => Compare(DeviceKind.Simulated, 3, GreedyKernels.PartSize + 300);

    [OpenCLFact]
    public void A_session_chooses_what_its_logits_say()
    {
        var golden = new GoldenValues("tiny-v3");
        using var checkpoint = new DeviceCheckpoint("tiny-v3");
        using ModelSession session = checkpoint.Open(chunk: 5, sequences: 2);
        int[] tokens = golden.Tokens("input_ids", 0);
        int vocabulary = session.Description.VocabularySize;
        double[] logits = DeviceCheckpoint.Forward(session, session.AddSequence(), tokens);
        var chosen = new int[tokens.Length];
        session.ForwardGreedily([new SequenceTokens(session.AddSequence(), tokens)], chosen, LogitRows.All);
        Assert.Equal(logits.Chunk(vocabulary).Select(row => Array.IndexOf(row, row.Max())), chosen);
        Assert.True(chosen.Distinct().Count() > 1);
    }

    private static void Compare(DeviceKind kind, int rows, int vocabulary)
    {
        Device device = TestDevices.Open(kind);
        var launcher = (AcceleratorLauncher)device.Launcher;
        using var choice = new DeviceChoice(launcher, new GreedyKernels(launcher), vocabulary);
        // Few different numbers, so that most of the greatest are several; rows with a place of their own for what is not finite.
        foreach (Action<float[]> change in (Action<float[]>[])
        [
            static _ => { },
            static numbers => numbers[^1] = 9,
            static numbers => numbers[0] = 9,
            static numbers => Array.Fill(numbers, -3f),
            static numbers => numbers[numbers.Length / 2] = float.NaN,
            static numbers => numbers[^1] = float.PositiveInfinity,
            static numbers => numbers[0] = float.NegativeInfinity,
        ])
        {
            var random = new Random(vocabulary);
            float[][] logits = [.. Enumerable.Range(0, rows).Select(_ => Enumerable.Range(0, vocabulary).Select(_ => random.Next(-40, 8) / 8f).ToArray())];
            change(logits[^1]);
            using MemoryBuffer1D<float, Stride1D.Dense> there = launcher.Accelerator.Allocate1D(logits.SelectMany(row => row).ToArray());
            var chosen = new int[rows];
            choice.Provide(rows);
            choice.Choose(there.View.BaseView, rows).CopyToCPU(launcher.Stream, chosen);
            launcher.Stream.Synchronize();
            Assert.Equal(logits.Select(row => row.All(float.IsFinite) ? Array.IndexOf(row, row.Max()) : -1), chosen);
        }
    }
}
