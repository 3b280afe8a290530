using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Text.Json;
using System.Threading.Tasks;
using Sinter.Tests.Data;
using Xunit;

namespace Sinter.Command.Tests;

/// <summary>
/// The beginning of what docs/training.md shows in full: the shipped model from scratch beside the reference's run in PyTorch, in
/// FP8 beside f32, and with the routing bias beside without. Runs differ by chance: weights are drawn by another generator.
/// </summary>
[Trait("Category", "Slow")]
public sealed class TrainingCurveTests(TrainingCurveTests.Runs runs) : IClassFixture<TrainingCurveTests.Runs>
{
    private const int Steps = 150;

    /// <summary>How far the reference itself comes in so many steps is what a run may be ahead of it, or behind.</summary>
    private const double Drift = 20;

    /// <summary>tests/data/tiny-trained/curve.json: validation losses by steps.</summary>
    private static readonly Dictionary<int, (double Main, double Mtp)> s_reference = JsonDocument.Parse(File.ReadAllText(Repository.Data("tiny-trained", "curve.json")))
        .RootElement.GetProperty("val").EnumerateArray().ToDictionary(line => line.GetProperty("step").GetInt32(), line => (line.GetProperty("main").GetDouble(), line.GetProperty("mtp").GetDouble()));

    [Theory]
    [InlineData(100)]
    [InlineData(150)]
    public async Task The_loss_falls_as_the_references_does(int step)
    {
        (double main, double mtp) = (await runs.Plain).Validations[step];
        Between(step, reference => reference.Main, main);
        Between(step, reference => reference.Mtp, mtp);
    }

    [Fact]
    public async Task In_FP8_the_loss_is_that_of_f32_within_one_percent()
    {
        (double main, double mtp) = (await runs.Plain).Validations[100];
        (double castMain, double castMtp) = (await runs.FP8).Validations[100];
        Assert.NotEqual(main, castMain);
        Assert.Equal(main, castMain, 0.01 * main);
        Assert.Equal(mtp, castMtp, 0.01 * mtp);
    }

    [Fact]
    public async Task The_routing_bias_balances_the_experts_at_no_worse_loss()
    {
        Curve with = await runs.Plain, without = await runs.WithoutBias;
        for (int layer = 0; layer < 3; layer++) Assert.InRange(with.Violation(layer), 0, without.Violation(layer) / 2);
        Assert.InRange(with.Validations[Steps].Main, 0, 1.01 * without.Validations[Steps].Main);
    }

    /// <summary>At 256 tokens the head's last stretch is 16 and its first 240, whose halves end and begin in the middle of a vector.</summary>
    [Fact]
    public async Task Threads_change_no_bit() => Assert.Equal((await runs.Train("one", 3, "--threads", "1")).Norms, (await runs.Train("two", 3, "--threads", "2")).Norms);

    private static void Between(int step, Func<(double Main, double Mtp), double> loss, double actual)
    {
        double before = loss(s_reference[step - 50]), now = loss(s_reference[step]), after = loss(s_reference[step + 50]);
        Assert.InRange(actual, now - (now - after) * Drift / 50, now + (before - now) * Drift / 50);
    }

    /// <summary>What a run's metrics tell.</summary>
    public sealed class Curve
    {
        private readonly int[][][] _loads;

        public Curve(string metrics)
        {
            JsonElement[] lines = [.. File.ReadLines(metrics).Select(line => JsonDocument.Parse(line).RootElement)];
            Validations = lines.Where(line => line.TryGetProperty("validation", out _)).ToDictionary(
                line => line.GetProperty("step").GetInt32(),
                line => (line.GetProperty("validation").GetProperty("main").GetDouble(), line.GetProperty("validation").GetProperty("mtp")[0].GetDouble()));
            Norms = [.. lines.Where(line => line.TryGetProperty("norm", out _)).Select(line => line.GetProperty("norm").GetDouble())];
            _loads = [.. lines.Where(line => line.TryGetProperty("loads", out _)).Select(line => line.GetProperty("loads").Deserialize<int[][]>()!)];
        }

        public IReadOnlyDictionary<int, (double Main, double Mtp)> Validations { get; }

        /// <summary>Of the gradients, step by step.</summary>
        public double[] Norms { get; }

        /// <summary>MaxVio of a layer over the last 50 steps together: how far the busiest expert is above an even share.</summary>
        public double Violation(int layer)
        {
            int[] loads = [.. Enumerable.Range(0, 8).Select(expert => _loads.TakeLast(50).Sum(step => step[layer][expert]))];
            return loads.Max() / loads.Average() - 1;
        }
    }

    /// <summary>Each run is made once, when a test first asks for it.</summary>
    public sealed class Runs : IDisposable
    {
        private readonly string _folder = Directory.CreateTempSubdirectory("sinter-curves").FullName;
        private readonly Lazy<Task<Curve>> _plain, _fp8, _withoutBias;

        public Runs()
        {
            _plain = new(() => Train("plain", Steps));
            _fp8 = new(() => Train("fp8", 100, "--precision", "fp8"));
            _withoutBias = new(() => Train("even", Steps, "--set", "balance=0"));
        }

        public Task<Curve> Plain => _plain.Value;

        public Task<Curve> FP8 => _fp8.Value;

        public Task<Curve> WithoutBias => _withoutBias.Value;

        public void Dispose() => Directory.Delete(_folder, recursive: true);

        public async Task<Curve> Train(string name, int steps, params string[] options)
        {
            string run = Path.Combine(_folder, name);
            (await SinterProcess.Run([
                "train", "models/tiny_trained.sinter", "--data", Repository.Data("corpus", "train.txt"), "--validate", Repository.Data("corpus", "val.txt"),
                "--tokenizer", Repository.TinyTrained, "--out", run, "--steps", $"{steps}", .. options])).IsFine();
            return new Curve(Path.Combine(run, "metrics.jsonl"));
        }
    }
}
