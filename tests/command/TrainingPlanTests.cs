using System;
using System.Diagnostics;
using System.IO;
using System.Linq;
using System.Text.Json;
using System.Threading.Tasks;
using Sinter.Tests.Data;
using Xunit;

namespace Sinter.Command.Tests;

/// <summary><c>sinter plan --train</c>: what it foretells, and what a process then takes.</summary>
public sealed class TrainingPlanTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("sinter-plan").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task Says_what_is_kept_and_what_is_made_anew()
    {
        string text = (await SinterProcess.Run("plan", "models/tiny_trained.sinter", "--train", "-t", "2")).IsFine();
        Assert.Contains("sequences of 256 tokens", text);

        // The norm in front of attention is made anew of the root mean square of its rows; latent and queries are kept.
        string layer = text[text.IndexOf("layers 1..3", StringComparison.Ordinal)..];
        Assert.Matches(@"kept +a\.mean 4 B, .*self_attn\.l 512 B", layer);
        Assert.Matches(@"made anew .*self_attn\.latent, ", layer);
    }

    [Fact]
    public async Task Counts_weights_gradients_and_moments_as_they_are_kept()
    {
        JsonElement plan = await Plan("models/tiny_trained.sinter");

        // 4,450,304 parameters by the reference that trained them, and a routing bias for 8 experts in 3 layers.
        Assert.Equal(4 * (4450304 + 24), plan.GetProperty("weight_bytes").GetInt64(), 1024.0);
        Assert.Equal(4 * 4450304, plan.GetProperty("gradient_bytes").GetInt64(), 1024.0);
        Assert.Equal(8 * 4450304, plan.GetProperty("moment_bytes").GetInt64(), 2048.0);
        Assert.Equal(0, plan.GetProperty("cast_bytes").GetInt64());
        Assert.NotEqual(0, (await Plan("models/tiny_trained.sinter", "--precision", "fp8")).GetProperty("cast_bytes").GetInt64());
    }

    [Theory]
    [InlineData("has no train section", "models/deepseek_v2_lite.sinter")]
    [InlineData("leave out --config and --batch", "models/tiny_trained.sinter", "--batch", "2")]
    [InlineData("sequences of 4096 tokens, and TinyTrained has 512 positions", "models/tiny_trained.sinter", "--context", "4096")]
    public async Task Refuses_what_cannot_be_planned(string message, string file, params string[] options) =>
        (await SinterProcess.Run(["plan", file, "--train", .. options])).IsRefusal(message);

    /// <summary>Two models, so that what any process of the runtime takes does not count: resident bytes differ as the plans do.</summary>
    [Fact]
    [Trait("Category", "Slow")]
    public async Task A_run_takes_what_was_foretold()
    {
        if (!OperatingSystem.IsLinux()) return;
        string small = Write("small.sinter", hidden: 64, length: 64), large = Write("large.sinter", hidden: 512, length: 2048);
        long planned = (await Plan(large)).GetProperty("bytes").GetInt64() - (await Plan(small)).GetProperty("bytes").GetInt64();
        long resident = await Resident(large) - await Resident(small);
        Assert.True(planned > 300 << 20, $"{planned} bytes are too few to tell");
        Assert.InRange((double)resident / planned, 0.9, 1.1);
    }

    private static async Task<JsonElement> Plan(string file, params string[] options) =>
        JsonDocument.Parse((await SinterProcess.Run(["plan", file, "--train", "--json", "-t", "2", .. options])).IsFine()).RootElement.GetProperty("stages")[0];

    private string Write(string name, int hidden, int length)
    {
        string path = Path.Combine(_folder, name);
        string text = File.ReadAllText(Path.Combine(Repository.Root, "models", "tiny_trained.sinter"));
        foreach ((string from, string to) in new[] { ("hidden_size = 256", $"hidden_size = {hidden}"), ("= 512", $"= {length}"), ("length: 256", $"length: {length}"), ("batch     = 4", "batch = 1") })
        {
            Assert.Contains(from, text);
            text = text.Replace(from, to);
        }

        File.WriteAllText(path, text);
        return path;
    }

    /// <summary>The most that a process had in memory when it had made its first step.</summary>
    private async Task<long> Resident(string file)
    {
        string val = Repository.Data("corpus", "val.txt");
        using Process process = SinterProcess.Start(["train", file, "--data", val, "--tokenizer", Repository.TinyTrained, "--out", file + ".run", "--validate-rows", "0", "-t", "2"]);
        for (string? line; (line = await process.StandardOutput.ReadLineAsync()) is not null && !line.StartsWith("step 1:", StringComparison.Ordinal);) ;
        string status = File.ReadAllText($"/proc/{process.Id}/status");
        process.Kill();
        await process.WaitForExitAsync();
        string most = status.Split('\n').Single(line => line.StartsWith("VmHWM:", StringComparison.Ordinal));
        return 1024 * long.Parse(most.Split(' ', StringSplitOptions.RemoveEmptyEntries)[^2].Trim());
    }
}
