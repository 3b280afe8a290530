using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Text.Json.Nodes;
using System.Threading;
using Sinter.Runtime.Checkpoints;
using Sinter.Runtime.Tests.Training.Data;
using Sinter.Runtime.Training;
using Sinter.Runtime.Training.Data;
using Sinter.Runtime.Training.Ranks;
using Sinter.Runtime.Training.Runs;
using Sinter.Runtime.Training.Schedules;
using Xunit;

namespace Sinter.Runtime.Tests.Training.Runs;

/// <summary>The loop around a session: what it saves, and how it goes on.</summary>
public sealed partial class TrainingRunTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly TokenStore _store;
    private readonly List<string> _warnings = [];

    public TrainingRunTests() => _store = TinyStore.Make(_folder, ("a.jsonl", TinyStore.Lines(60)));

    public void Dispose()
    {
        _store.Dispose();
        _folder.Dispose();
    }

    [Fact]
    public void The_loss_falls()
    {
        Train("run", steps: 40);
        List<JsonNode> steps = Metrics("run").Where(line => line["main"] is not null).ToList();
        Assert.Equal(40, steps.Count);
        Assert.True((double)steps[^1]["main"]! < (double)steps[0]["main"]! - 1);
        Assert.Contains(Metrics("run"), line => line["validation"] is not null);
    }

    [Fact]
    public void Broken_off_and_resumed_it_makes_the_same_steps_bit_for_bit()
    {
        Train("whole", steps: 20);
        var crash = Assert.Throws<InvalidOperationException>(() => Train("parts", steps: 20, beforeStep: session => { if (session.Steps == 13) throw new InvalidOperationException("crash"); }));
        Assert.Equal("crash", crash.Message);
        Train("parts", steps: 20, resume: true);
        Assert.Equal(Bytes("whole", 20, "training.safetensors"), Bytes("parts", 20, "training.safetensors"));
        Assert.Equal(Bytes("whole", 20, "model.safetensors"), Bytes("parts", 20, "model.safetensors"));
        Assert.Equal(Bytes("whole", 20, "state.json"), Bytes("parts", 20, "state.json"));
        Assert.Equal(Metrics("whole").Select(WithoutSpeed), Metrics("parts").Select(WithoutSpeed));
    }

    [Fact]
    public void Resumed_inside_a_later_stage_it_makes_the_same_steps()
    {
        TrainingStage[] stages = [new("short", 8, Steps: 7), new("long", 24, Steps: 9, Rate: 0.02, Batch: 3)];
        Train("whole", stages: stages);
        Train("parts", stages: stages, steps: 10);
        Train("parts", stages: stages, resume: true);
        Assert.Equal(Bytes("whole", 16, "training.safetensors"), Bytes("parts", 16, "training.safetensors"));
        Assert.Equal(["short", "long"], Metrics("parts").Where(line => line["stage"] is not null).Select(line => (string)line["stage"]!).Distinct());
        Assert.Equal(7 * 4 * 8 + 9 * 3 * 24, (int)Metrics("parts").Last()["tokens"]!);
    }

    [Fact]
    public void A_damaged_checkpoint_is_passed_over_and_said_so()
    {
        Train("whole", steps: 20);
        Train("run", steps: 15);
        string newest = Path.Combine(_folder["run"], "checkpoints", "step-00000015", "training.safetensors");
        byte[] bytes = File.ReadAllBytes(newest);
        bytes[^100] ^= 1;
        File.WriteAllBytes(newest, bytes);
        Train("run", steps: 20, resume: true);
        Assert.Contains("training.safetensors is not what was written", Assert.Single(_warnings));
        Assert.Equal(Bytes("whole", 20, "training.safetensors"), Bytes("run", 20, "training.safetensors"));
    }

    [Fact]
    public void Damaged_checkpoints_do_not_crowd_out_whole_ones()
    {
        Train("run", steps: 20);
        foreach (int step in (int[])[15, 20]) File.Delete(Path.Combine(_folder["run"], "checkpoints", $"step-{step:D8}", "state.json"));
        Train("run", steps: 12, resume: true);
        Assert.Equal(2, _warnings.Count);
        Assert.Equal(["damaged-00000015", "damaged-00000020", "step-00000010", "step-00000012"], Directory.GetDirectories(Path.Combine(_folder["run"], "checkpoints")).Select(Path.GetFileName).Order());
        foreach (int step in (int[])[10, 12]) File.Delete(Path.Combine(_folder["run"], "checkpoints", $"step-{step:D8}", "manifest.json"));
        Assert.Contains("no checkpoint is whole", Assert.Throws<SinterException>(() => Train("run", steps: 14, resume: true)).Message);
    }

    [Fact]
    public void An_adaptive_rate_falls_on_a_plateau_and_is_resumed()
    {
        // A rate so small that no validation is better by a hundredth.
        TrainingRecipe Slow(TrainingRecipe recipe) => recipe with { Rate = Schedule.Constant(1e-9), Plateau = new PlateauSettings(0.5, 0, 0.01) };
        Train("whole", steps: 40, change: Slow);
        Train("parts", steps: 25, change: Slow);
        Train("parts", steps: 40, resume: true, change: Slow);
        double[] rates = [.. Metrics("whole").Where(line => line["rate"] is not null).Select(line => (double)line["rate"]!)];
        Assert.Equal([1e-9, 5e-10, 2.5e-10, 1.25e-10], rates.Distinct());
        Assert.Equal(rates, Metrics("parts").Where(line => line["rate"] is not null).Select(line => (double)line["rate"]!));
        Assert.Equal(Bytes("whole", 40, "training.safetensors"), Bytes("parts", 40, "training.safetensors"));
    }

    [Fact]
    public void What_a_kill_left_of_a_checkpoint_is_swept_away()
    {
        Train("whole", steps: 20);
        Train("run", steps: 10);
        string left = Path.Combine(_folder["run"], "checkpoints", ".unfinished-15");
        Directory.CreateDirectory(left);
        File.WriteAllText(Path.Combine(left, "model.safetensors.x.tmp"), "half");
        Train("run", steps: 20, resume: true);
        Assert.False(Directory.Exists(left));
        Assert.Empty(_warnings);
        Assert.Equal(Bytes("whole", 20, "training.safetensors"), Bytes("run", 20, "training.safetensors"));
    }

    [Fact]
    public void The_last_checkpoints_are_kept()
    {
        Train("run", steps: 30);
        Assert.Equal(["step-00000020", "step-00000025", "step-00000030"], Directory.GetDirectories(Path.Combine(_folder["run"], "checkpoints")).Select(Path.GetFileName).Order());
    }

    [Fact]
    public void A_checkpoint_has_the_published_layout()
    {
        Train("run", steps: 5);
        string folder = Path.Combine(_folder["run"], "checkpoints", "step-00000005");
        using Checkpoint checkpoint = Checkpoint.Open(folder);
        Assert.Equal(ElementType.BF16, checkpoint.Tensors[BigramSession.Table].Type);
        Assert.Equal("bigram", ModelConfig.Load(folder).ModelType);
        Assert.Equal(0L, ModelConfig.Load(folder).Values["bos_token_id"]);
        Assert.Equal(File.ReadAllBytes(Path.Combine(TinyStore.TokenizerFolder, "tokenizer.json")), File.ReadAllBytes(Path.Combine(folder, "tokenizer.json")));
    }

    [Fact]
    public void A_gradient_that_is_no_number_stops_it_with_step_layer_and_checkpoint()
    {
        var fault = Assert.Throws<SinterException>(() => Train("run", steps: 20, beforeStep: session => { if (session.Steps == 11) session.Tensors[0].Gradient[5] = float.NaN; }));
        Assert.Contains("Step 12: the gradients' norm is NaN", fault.Message);
        Assert.Contains("Resume from there with a lower rate", fault.Message);
        Assert.Contains("step-00000010", fault.Message);
    }

    [Fact]
    public void A_loss_that_is_no_number_stops_it_with_step_layer_and_checkpoint()
    {
        var fault = Assert.Throws<SinterException>(() => Train("run", steps: 20, beforeStep: session => { if (session.Steps == 11) session.Tensors[0].Weights.Fill(float.NaN); }));
        Assert.Contains("Step 13: the loss is NaN; it shows in layer 3 (model.layers.3.table.weight)", fault.Message);
        Assert.Contains("step-00000010", fault.Message);
    }

    [Fact]
    public void Another_model_seed_or_other_data_are_refused()
    {
        Train("run", steps: 5);
        Assert.Contains("vocab_size is 1024 there and 1030 now", Assert.Throws<SinterException>(() => Train("run", steps: 8, resume: true, vocabulary: 1030)).Message);
        Assert.Contains("the seed 1, not 2", Assert.Throws<SinterException>(() => Train("run", steps: 8, resume: true, seed: 2)).Message);
        using var other = new TemporaryFolder();
        using TokenStore store = TinyStore.Make(other, ("a.jsonl", TinyStore.Lines(61)));
        Assert.Contains("other data: a.jsonl has changed", Assert.Throws<SinterException>(() => Train("run", steps: 8, resume: true, store: store)).Message);
    }

    [Fact]
    public void A_folder_with_a_run_is_not_written_over_and_one_without_not_resumed()
    {
        Train("run", steps: 5);
        Assert.Contains("holds a run already, as far as step-00000005", Assert.Throws<SinterException>(() => Train("run", steps: 8)).Message);
        Assert.Contains("holds no checkpoint to resume from", Assert.Throws<SinterException>(() => Train("none", steps: 8, resume: true)).Message);
    }

    [Fact]
    public void Training_without_an_end_is_refused() =>
        Assert.Contains("Nothing says when training ends", Assert.Throws<SinterException>(() => Train("run")).Message);

    private void Train(
        string name, int? steps = null, bool resume = false, ulong seed = 1, int vocabulary = 1024, TokenStore? store = null, TrainingStage[]? stages = null, Action<BigramSession>? beforeStep = null,
        Func<TrainingRecipe, TrainingRecipe>? change = null, ICommunicator? ranks = null, IRunObserver? observer = null, CancellationToken cancellation = default)
    {
        var recipe = new TrainingRecipe
        {
            Rate = new Schedule([new(ScheduleCurve.Linear, 0, 0.05, 3, false, false), new(ScheduleCurve.Hold, 0.05, 0.05, double.PositiveInfinity, false, false)]),
            Batch = Schedule.Constant(4),
            Clip = 1,
            Moments = ElementType.F32,
            Data = new DataOptions { HeldOut = 0.2, FillInTheMiddle = 0.1 },
            Stages = stages ?? [new("only", 16)],
        };
        recipe = change?.Invoke(recipe) ?? recipe;
        var options = new RunOptions { Folder = _folder[name], Steps = steps, Seed = seed, SaveEvery = 5, ValidateEvery = 10, Resume = resume, TokenizerFolder = TinyStore.TokenizerFolder, Ranks = ranks ?? OneProcess.Alone };
        TrainedModel Open(TrainingStage stage)
        {
            var session = new BigramSession(vocabulary, stage.Length, options.Ranks) { BeforeStep = beforeStep };
            return new TrainedModel(session, session.Description.Config);
        }

        using var run = new TrainingRun(recipe, options, Open, store ?? _store, null, DocumentMarks.Of(TinyStore.Tokenizer), observer ?? new Listener(_warnings));
        run.Train(cancellation);
    }

    private byte[] Bytes(string run, int step, string file) => File.ReadAllBytes(Path.Combine(_folder[run], "checkpoints", $"step-{step:D8}", file));

    private IEnumerable<JsonNode> Metrics(string run) => File.ReadLines(Path.Combine(_folder[run], "metrics.jsonl")).Select(line => JsonNode.Parse(line)!);

    private static string WithoutSpeed(JsonNode line)
    {
        line.AsObject().Remove("tokens_per_second");
        return line.ToJsonString();
    }

    private sealed class Listener(List<string> warnings) : IRunObserver
    {
        public void Warned(string sentence) => warnings.Add(sentence);

        public void Stepped(StepMetrics step, TimeSpan? remaining)
        {
        }

        public void Validated(Validation validation)
        {
        }

        public void Saved(string path)
        {
        }
    }
}
