using System;
using System.Diagnostics;
using System.IO;
using System.Linq;
using System.Text.Json;
using System.Threading.Tasks;
using Parquet;
using Parquet.Schema;
using Sinter.Tests.Data;
using Xunit;

namespace Sinter.Command.Tests;

/// <summary><c>sinter train</c> with the compiled training step of a small model, as a process.</summary>
public sealed class TrainCommandTests : IDisposable
{
    private static readonly string s_val = Repository.Data("corpus", "val.txt");

    /// <summary>The shipped model, smaller.</summary>
    private static readonly string[] s_small =
    [
        "--set", "hidden_size=64", "--set", "intermediate_size=96", "--set", "moe_intermediate_size=32", "--set", "q_lora_rank=32", "--set", "kv_lora_rank=32",
        "--set", "batch=2", "--set", "pretrain.length=32", "--set", "rate=0 to 3e-3 over 5 steps, then 3e-3", "--validate-rows", "2", "-t", "1",
    ];

    private readonly string _folder = Directory.CreateTempSubdirectory("sinter-train").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task A_killed_run_goes_on_bit_for_bit()
    {
        (await Train("whole", "--steps", "20")).IsFine();
        using (Process process = SinterProcess.Start(Arguments("parts", "--steps", "2000000", "--save-every", "10")))
        {
            // SIGKILL as soon as the first checkpoint is there.
            for (string? line; (line = await process.StandardOutput.ReadLineAsync()) is not null && !line.StartsWith("saved ", StringComparison.Ordinal);) ;
            process.Kill();
            await process.WaitForExitAsync();
        }

        // The kill may have come after further checkpoints: the run is taken back to the first.
        foreach (string later in Directory.GetDirectories(Path.Combine(_folder, "parts", "checkpoints"), "step-*").Order().Skip(1)) Directory.Delete(later, recursive: true);
        (await Train("parts", "--steps", "20", "--resume")).IsFine();
        Assert.Equal(File.ReadAllBytes(CheckpointFile("whole", "training.safetensors")), File.ReadAllBytes(CheckpointFile("parts", "training.safetensors")));
    }

    [Fact]
    public async Task The_loss_falls_and_what_was_saved_can_be_run_evaluated_and_reported()
    {
        (await Train("run", "--steps", "60", "--set", "batch=8")).IsFine();
        JsonElement[] validations = [.. File.ReadLines(Path.Combine(_folder, "run", "metrics.jsonl")).Select(line => JsonDocument.Parse(line).RootElement)
            .Where(line => line.TryGetProperty("validation", out _)).Select(line => line.GetProperty("validation"))];
        double first = validations[0].GetProperty("main").GetDouble(), last = validations[^1].GetProperty("main").GetDouble();

        // A uniform guess costs ln 1024 = 6.93; how often each token occurs alone saves more than one nat.
        Assert.Equal(Math.Log(1024), first, 0.2);
        Assert.True(last < first - 1, $"from {first} to {last}");

        string checkpoint = Path.GetDirectoryName(CheckpointFile("run", "config.json"))!;
        Assert.NotEqual("", (await SinterProcess.Run("run", checkpoint, "In the", "--max-tokens", "4")).IsFine());
        JsonElement loss = JsonDocument.Parse((await SinterProcess.Run("eval", checkpoint, "--data", s_val, "--length", "32", "--rows", "2", "--json")).IsFine()).RootElement;

        // The saved weights are rounded to BF16.
        Assert.Equal(last, loss.GetProperty("loss").GetDouble(), 2e-2);
        Assert.Equal(validations[^1].GetProperty("mtp")[0].GetDouble(), loss.GetProperty("mtp_loss").GetDouble(), 2e-2);
        (await SinterProcess.Run("eval", Path.Combine(_folder, "run"), "--data", s_val)).IsRefusal("the models that it made are in");
        string page = File.ReadAllText((await SinterProcess.Run("report", Path.Combine(_folder, "run"))).IsFine().Trim());
        Assert.Contains("60 steps", page);
        Assert.DoesNotContain("NaN", page);
        Assert.Equal(3, page.Split("Load of the experts").Length - 1);
    }

    [Fact]
    public async Task Parquet_trains_as_JSON_Lines_do()
    {
        string[] documents = [.. File.ReadAllText(s_val).Chunk(3000).Take(12).Select(part => new string(part))];
        string parquet = Path.Combine(_folder, "text.parquet"), lines = Path.Combine(_folder, "text.jsonl");
        File.WriteAllLines(lines, documents.Select(document => JsonSerializer.Serialize(new { text = document })));
        var field = new DataField<string>("text");
        await using (FileStream stream = File.Create(parquet))
        {
            await using ParquetWriter writer = await ParquetWriter.CreateAsync(new ParquetSchema(field), stream);
            foreach (string[] part in documents.Chunk(5))
            {
                using ParquetRowGroupWriter group = writer.CreateRowGroup();
                await group.WriteAsync(field, part);
                group.CompleteValidate();
            }
        }

        foreach (string data in (string[])[parquet, lines])
            (await SinterProcess.Run([.. Arguments(Path.GetExtension(data)[1..], "--steps", "4").Select((argument, i) => i == 3 ? data : argument)])).IsFine();
        Assert.Equal(File.ReadAllBytes(CheckpointFile("jsonl", "training.safetensors")), File.ReadAllBytes(CheckpointFile("parquet", "training.safetensors")));
    }

    /// <summary>Two sequences a step through four layers, and one optimizer: calls are counted a step, and most of a step is some kernel's.</summary>
    [Fact]
    public async Task A_profile_accounts_for_the_time_of_the_steps()
    {
        string text = (await Train("profile", "--steps", "12", "--profile")).IsFine();
        string[][] kernels = [.. text.Split('\n').Where(line => line.Contains(" % ", StringComparison.Ordinal) && line.StartsWith("  ", StringComparison.Ordinal))
            .Select(line => line.Split(' ', StringSplitOptions.RemoveEmptyEntries))];
        string[] Kernel(string name) => Assert.Single(kernels, kernel => kernel[0] == name);
        Assert.Equal("8", Kernel("AttentionGradients")[1]);
        Assert.Equal("1", Kernel("AdamW")[1]);

        // Each share is rounded to a tenth of a hundredth.
        Assert.InRange(kernels.Sum(kernel => double.Parse(kernel[2], System.Globalization.CultureInfo.InvariantCulture)), 50, 100.5 + 0.05 * kernels.Length);
        Assert.All(kernels.Where(kernel => kernel[0].StartsWith("Product_", StringComparison.Ordinal)), kernel => Assert.NotEqual("0.0", kernel[6]));
    }

    /// <summary>Two stages, two depths of prediction, documents of JSON Lines with a mask between them; and what came of it runs.</summary>
    [Fact]
    public async Task A_later_stage_stretches_positions_and_every_depth_is_trained()
    {
        string folder = Path.Combine(_folder, "models");
        foreach (string file in Directory.GetFiles(Path.Combine(Repository.Root, "models"), "*.sinter").Concat(Directory.GetFiles(Path.Combine(Repository.Root, "models", "parts"))))
        {
            string copy = Path.Combine(folder, Path.GetRelativePath(Path.Combine(Repository.Root, "models"), file));
            Directory.CreateDirectory(Path.GetDirectoryName(copy)!);
            File.WriteAllText(copy, File.ReadAllText(file).Replace("stage pretrain { length: 256 }", "stage pretrain { length: 32, steps: 2 }\n    stage extend { length: 64, batch: 1, steps: 2, rope: yarn(4) }", StringComparison.Ordinal));
        }

        string data = Path.Combine(_folder, "text.jsonl");
        File.WriteAllLines(data, Enumerable.Range(0, 40).Select(i => $$"""{"text": "And it came to pass on day {{i}}, {{string.Concat(Enumerable.Repeat("and he went up, ", i % 9))}}."}"""));
        (await SinterProcess.Run(
        [
            "train", Path.Combine(folder, "tiny_trained.sinter"), "--data", data, "--tokenizer", Repository.TinyTrained, "--out", Path.Combine(_folder, "run"), .. s_small,
            "--set", "num_nextn_predict_layers=2", "--set", "data=packed(mask: documents, positions: documents, held_out: 0.2)",
        ])).IsFine();

        JsonElement[] steps = [.. File.ReadLines(Path.Combine(_folder, "run", "metrics.jsonl")).Select(line => JsonDocument.Parse(line).RootElement).Where(line => line.TryGetProperty("loss", out _))];
        Assert.Equal(["pretrain", "pretrain", "extend", "extend"], steps.Select(step => step.GetProperty("stage").GetString()));
        Assert.Equal([64, 128, 192, 256], steps.Select(step => step.GetProperty("tokens").GetInt32()));
        Assert.All(steps, step => Assert.Equal(2, step.GetProperty("mtp").GetArrayLength()));
        JsonElement config = JsonDocument.Parse(File.ReadAllText(CheckpointFile("run", "config.json"))).RootElement, rope = config.GetProperty("rope_scaling");
        Assert.Equal(("yarn", 4, 32, 128), (rope.GetProperty("type").GetString(), rope.GetProperty("factor").GetInt32(), rope.GetProperty("original_max_position_embeddings").GetInt32(), config.GetProperty("max_position_embeddings").GetInt32()));
        Assert.NotEqual("", (await SinterProcess.Run("run", Path.GetDirectoryName(CheckpointFile("run", "config.json"))!, "In the", "--max-tokens", "2")).IsFine());
    }

    [Fact]
    public async Task A_file_that_the_disk_has_no_room_for_leaves_the_checkpoint_before()
    {
        (await Train("run", "--steps", "2")).IsFine();
        string before = CheckpointFile("run", "training.safetensors");

        // A limit on the size of files fails a write in its middle, as a full disk does. The runtime itself maps larger ones unless told otherwise.
        string command = "trap '' XFSZ; ulimit -f 600; exec \"$0\" \"$@\"";
        var start = new ProcessStartInfo("bash") { RedirectStandardOutput = true, RedirectStandardError = true, WorkingDirectory = Repository.Root };
        foreach (string argument in (string[])["-c", command, Environment.GetEnvironmentVariable("DOTNET_HOST_PATH") ?? "dotnet", Path.Combine(AppContext.BaseDirectory, "sinter.dll"), .. Arguments("run", "--steps", "4", "--resume")])
            start.ArgumentList.Add(argument);
        start.Environment["DOTNET_EnableWriteXorExecute"] = "0";
        start.Environment["XDG_CACHE_HOME"] = Path.Combine(AppContext.BaseDirectory, "cache");
        using Process process = Process.Start(start)!;
        Task<string> output = process.StandardOutput.ReadToEndAsync(), error = process.StandardError.ReadToEndAsync();
        await process.WaitForExitAsync();
        Assert.True(process.ExitCode == 1, $"exit code {process.ExitCode}\n{await error}\n{await output}");
        string line = Assert.Single((await error).Split('\n', StringSplitOptions.RemoveEmptyEntries), line => !line.EndsWith('…'));
        Assert.Contains("the checkpoint cannot be written", line);
        Assert.Contains("the last good checkpoint is", line);
        Assert.Equal(Path.GetDirectoryName(before), Assert.Single(Directory.GetFileSystemEntries(Path.Combine(_folder, "run", "checkpoints"))));
        (await Train("run", "--steps", "4", "--resume")).IsFine();
    }

    [Theory]
    [InlineData("There is no stage 'x'", "--stage", "x")]
    [InlineData("--set takes key=value", "--set", "rate")]
    [InlineData("need a mask between them", "--set", "data=packed(positions: documents)")]
    [InlineData("packed documents", "--set", "mixture=weights(a: 1)")]
    [InlineData("the model's vocab_size is 1000: the tokenizer does not match the model", "--set", "vocab_size=1000")]
    [InlineData("sequences of 600 tokens, and TinyTrained has 512 positions", "--set", "pretrain.length=600")]
    [InlineData("there is no tokenizer.json", "--tokenizer", "models/parts")]
    public async Task What_does_not_fit_together_is_refused(string message, params string[] options) =>
        (await SinterProcess.Run([.. Arguments("bad", "--steps", "1").Where((_, i) => options[0] != "--tokenizer" || i is not (6 or 7)), .. options])).IsRefusal(message);

    [Fact]
    public async Task A_text_too_short_to_validate_on_is_refused()
    {
        string text = Path.Combine(_folder, "short.txt");
        File.WriteAllText(text, "In the beginning");
        (await SinterProcess.Run([.. Arguments("short", "--steps", "1").Select((argument, i) => i == 5 ? text : argument)])).IsRefusal("too short for a row of 34 tokens");
    }

    private Task<Outcome> Train(string run, params string[] options) => SinterProcess.Run(Arguments(run, options));

    private string[] Arguments(string run, params string[] options) =>
    [
        "train", Path.Combine(Repository.Root, "models", "tiny_trained.sinter"), "--data", s_val, "--validate", s_val, "--tokenizer", Repository.TinyTrained,
        "--out", Path.Combine(_folder, run), .. s_small, .. options,
    ];

    private string CheckpointFile(string run, string file) => Path.Combine(Directory.GetDirectories(Path.Combine(_folder, run, "checkpoints"), "step-*").Max()!, file);
}
