using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Text.Json;
using System.Threading.Tasks;
using Sinter.Tests.Data;
using Xunit;

namespace Sinter.Command.Tests;

/// <summary>The main jobs on the trained checkpoint, against what other programs computed.</summary>
public sealed class GoodCheckpointTests : IDisposable
{
    private static readonly JsonElement s_text = JsonDocument.Parse(File.ReadAllText(Repository.Data("tiny-trained", "text_golden.json"))).RootElement;

    private readonly string _folder = Directory.CreateTempSubdirectory("sinter-command").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    public static IEnumerable<object[]> Prompts() => Enumerable.Range(0, s_text.GetProperty("prompts").GetArrayLength()).Select(i => new object[] { i });

    [Fact]
    public async Task The_roofline_lists_every_kernel_of_a_step_and_the_bytes_of_decoding_are_those_of_the_weights()
    {
        Outcome outcome = await SinterProcess.Run("bench", Repository.TinyTrained, "--roofline", "-p", "24", "-n", "4", "-r", "2", "-t", "2", "--json");
        JsonElement report = JsonDocument.Parse(outcome.IsFine()).RootElement;
        Assert.True(report.GetProperty("stream_gigabytes_per_second").GetDouble() > 0.1);
        Assert.True(report.GetProperty("peak_gigaflops_per_second").GetDouble() > 0.1);
        JsonElement[] phases = [.. report.GetProperty("phases").EnumerateArray()];
        Assert.Equal(2, phases.Length);
        foreach (JsonElement phase in phases)
        {
            JsonElement[] kernels = [.. phase.GetProperty("kernels").EnumerateArray()];
            // Three layers have one each; time is sorted.
            Assert.Equal(3, kernels.Single(kernel => kernel.GetProperty("name").GetString()!.StartsWith("OProj", StringComparison.Ordinal)).GetProperty("calls_per_step").GetInt32());
            double[] seconds = [.. kernels.Select(kernel => kernel.GetProperty("seconds_per_step").GetDouble())];
            Assert.Equal(seconds.OrderDescending(), seconds);
        }

        // Products with weights read them all once: 3,398,656 bytes in the embedding's absence, and activations besides.
        double bytes = phases[1].GetProperty("kernels").EnumerateArray()
            .Where(kernel => kernel.GetProperty("name").GetString()!.Contains("Proj", StringComparison.Ordinal) || kernel.GetProperty("name").GetString()!.Contains("Head", StringComparison.Ordinal))
            .Sum(kernel => kernel.GetProperty("gigabytes_per_second").GetDouble() * 1e9 * kernel.GetProperty("seconds_per_step").GetDouble());
        Assert.InRange(bytes, 3.4e6, 3.8e6);
    }

    [Fact]
    public async Task Drafts_are_reported_and_leave_the_text_as_it_is()
    {
        JsonElement golden = s_text.GetProperty("prompts")[0];
        Outcome outcome = await SinterProcess.Run("run", Repository.TinyTrained, golden.GetProperty("prompt").GetString()!, "--max-tokens", "64", "--draft", "1", "--json");
        JsonElement report = JsonDocument.Parse(outcome.IsFine()).RootElement;
        Assert.Equal(Integers(golden.GetProperty("greedy")), Integers(report.GetProperty("tokens")));
        Assert.Equal(63, report.GetProperty("passes").GetInt32() + report.GetProperty("accepted_tokens").GetInt32());
        Assert.InRange(report.GetProperty("accepted_tokens").GetInt32(), 20, 32);

        report = JsonDocument.Parse((await SinterProcess.Run("bench", Repository.TinyTrained, "-p", "8", "-n", "16", "-r", "1", "--draft", "2", "--json")).IsFine()).RootElement.GetProperty("drafts");
        Assert.Equal(2, report.GetProperty("depth").GetInt32());
        Assert.InRange(report.GetProperty("tokens_per_pass").GetDouble(), 1, 3);
        Assert.True(report.GetProperty("speed_up").GetProperty("median").GetDouble() > 0);
    }

    [Theory]
    [MemberData(nameof(Prompts))]
    public async Task Continues_a_prompt_token_for_token(int prompt)
    {
        JsonElement golden = s_text.GetProperty("prompts")[prompt];
        Outcome outcome = await SinterProcess.Run("run", Repository.TinyTrained, golden.GetProperty("prompt").GetString()!, "--max-tokens", "64", "--json");
        JsonElement report = JsonDocument.Parse(outcome.IsFine()).RootElement;
        Assert.Equal(Integers(golden.GetProperty("greedy")), Integers(report.GetProperty("tokens")));
        Assert.Equal(golden.GetProperty("text").GetString(), report.GetProperty("text").GetString());
        Assert.Equal(golden.GetProperty("ids").GetArrayLength(), report.GetProperty("prompt_tokens").GetInt32());
        Assert.True(report.GetProperty("prefill_tokens_per_second").GetDouble() > 0);
        Assert.True(report.GetProperty("decode_tokens_per_second").GetDouble() > 0);
    }

    [Fact]
    public async Task Streams_the_text_alone_to_standard_output_and_the_speed_to_the_other()
    {
        JsonElement golden = s_text.GetProperty("prompts")[0];
        Outcome outcome = await SinterProcess.Run("run", Repository.TinyTrained, golden.GetProperty("prompt").GetString()!, "--max-tokens", "64");
        Assert.Equal(golden.GetProperty("text").GetString() + "\n", outcome.IsFine());
        Assert.Contains("tokens/s", outcome.Error);
    }

    [Fact]
    public async Task Reads_the_prompt_from_standard_input()
    {
        JsonElement golden = s_text.GetProperty("prompts")[1];
        Outcome outcome = await SinterProcess.Run(["run", Repository.TinyTrained, "--max-tokens", "8", "--json"], golden.GetProperty("prompt").GetString() + "\n");
        Assert.Equal(Integers(golden.GetProperty("greedy"))[..8], Integers(JsonDocument.Parse(outcome.IsFine()).RootElement.GetProperty("tokens")));
    }

    [Fact]
    public async Task Drawing_is_repeatable_by_its_seed()
    {
        string[] arguments = ["run", Repository.TinyTrained, "And God said", "--max-tokens", "24", "--temperature", "1.5", "--seed"];
        string first = (await SinterProcess.Run([.. arguments, "7"])).IsFine();
        Assert.Equal(first, (await SinterProcess.Run([.. arguments, "7"])).IsFine());
        Assert.NotEqual(first, (await SinterProcess.Run([.. arguments, "8"])).IsFine());
    }

    [Fact]
    public async Task Stops_before_a_text()
    {
        JsonElement golden = s_text.GetProperty("prompts")[0];
        string text = golden.GetProperty("text").GetString()!;
        Outcome outcome = await SinterProcess.Run("run", Repository.TinyTrained, golden.GetProperty("prompt").GetString()!, "--stop", ", and the");
        Assert.Equal(text[..text.IndexOf(", and the", StringComparison.Ordinal)] + "\n", outcome.IsFine());
    }

    [Theory]
    [InlineData("tiny-v3", "absorbed")]
    [InlineData("tiny-v3", "expanded")]
    [InlineData("tiny-v3-noqlora-sharded", "absorbed")]
    [InlineData("tiny-v3-yarn", "expanded")]
    [InlineData("tiny-trained", "absorbed")]
    public async Task Traces_what_the_references_computed(string checkpoint, string attention)
    {
        var golden = new GoldenValues(checkpoint);
        int sequences = golden.Tensors["input_ids"].Shape[0];
        int[] tokens = golden.Tokens("input_ids", 0);
        string path = Path.Combine(_folder, "trace.safetensors");
        (await SinterProcess.Run("trace", Repository.Checkpoint(checkpoint), "--tokens", string.Join(',', tokens), "--attention", attention, "--out", path)).IsFine();

        var trace = new TensorFile(path);
        foreach (string name in golden.Tensors.Names.Where(name => name.StartsWith("prefill.", StringComparison.Ordinal)).Select(name => name["prefill.".Length..]))
        {
            if (name == "final_norm" || name.EndsWith(".logits", StringComparison.Ordinal)) continue;
            AssertClose(golden.Part("prefill." + name, 0, sequences), trace[name], golden.Tolerance, name);
        }

        AssertClose(golden.Part("prefill.logits", 0, sequences), trace["logits"], golden.Tolerance, "logits");
    }

    [Theory]
    [InlineData("tiny-v3", "absorbed")]
    [InlineData("tiny-v3", "expanded")]
    public async Task Traces_decoding_through_the_cache(string checkpoint, string attention)
    {
        var golden = new GoldenValues(checkpoint);
        int sequences = golden.Tensors["input_ids"].Shape[0];
        string path = Path.Combine(_folder, "trace.safetensors");
        string[] options = ["--decode-from", $"{golden.DecodeFrom}", "--attention", attention, "--out", path, "--json"];
        string report = (await SinterProcess.Run(["trace", Repository.Checkpoint(checkpoint), "--tokens", string.Join(',', golden.Tokens("input_ids", 0)), .. options])).IsFine();
        Assert.Equal(golden.Tokens("input_ids", 0).Length, JsonDocument.Parse(report).RootElement.GetProperty("tokens").GetInt32());
        var trace = new TensorFile(path);
        AssertClose(golden.Part("decode.logits", 0, sequences), trace["logits"], golden.Tolerance, "logits");
        Assert.Equal(golden.Tokens("input_ids", 0).Length, trace["hidden.0"].Shape[0]);
    }

    [Fact]
    public async Task Traces_multi_token_prediction()
    {
        var golden = new GoldenValues("tiny-v3");
        int sequences = golden.Tensors["input_ids"].Shape[0];
        string path = Path.Combine(_folder, "trace.safetensors");
        (await SinterProcess.Run("trace", Repository.Checkpoint("tiny-v3"), "--tokens", string.Join(',', golden.Tokens("input_ids", 0)),
            "--mtp", string.Join(',', golden.Tokens("mtp.next_ids", 0)), "--out", path)).IsFine();
        AssertClose(golden.Part("mtp.logits", 0, sequences), new TensorFile(path)["mtp.logits"], golden.Tolerance, "mtp.logits");
    }

    [Fact]
    public async Task Measures_its_speed()
    {
        Outcome outcome = await SinterProcess.Run("bench", Repository.TinyTrained, "-p", "32", "-n", "8", "-r", "3", "-t", "1", "--json");
        JsonElement report = JsonDocument.Parse(outcome.IsFine()).RootElement;
        foreach (string phase in (string[])["prefill_tokens_per_second", "decode_tokens_per_second"])
        {
            JsonElement speed = report.GetProperty(phase);
            Assert.InRange(speed.GetProperty("median").GetDouble(), speed.GetProperty("min").GetDouble(), speed.GetProperty("max").GetDouble());
        }

        // Of 4.45 M parameters in BF16 a token needs two of eight experts in each of two layers, one row of the embedding,
        // and nothing of the prediction layer.
        long experts = 2 * 8 * 3 * 128 * 256 * 2, embedding = 1024 * 256 * 2;
        long main = new CheckpointFolder(Repository.TinyTrained).MainBytes();
        Assert.Equal(main - (experts * 6 / 8) - embedding + (256 * 2), report.GetProperty("weight_bytes_per_token").GetInt64());
        Assert.True(report.GetProperty("resident_bytes").GetInt64() > 1 << 20);
        Assert.Equal(1, report.GetProperty("threads").GetInt32());
    }

    private static int[] Integers(JsonElement array) => [.. array.EnumerateArray().Select(item => item.GetInt32())];

    /// <summary>
    /// Rows of the residual stream are compared in units of their root mean square: the tolerances were measured behind the
    /// final norm, which divides by it, and double precision itself is further from the references than that before it.
    /// </summary>
    private static double Unit(StoredTensor expected, int place, string name)
    {
        if (!name.StartsWith("hidden.", StringComparison.Ordinal)) return 1;
        int width = expected.Shape[^1], row = place / width * width;
        return Math.Max(1, Math.Sqrt(expected.Numbers.Skip(row).Take(width).Average(number => number * number)));
    }

    private static void AssertClose(StoredTensor expected, StoredTensor actual, double tolerance, string name)
    {
        Assert.True(expected.Numbers.Length == actual.Numbers.Length, $"{name}: {expected.Numbers.Length} numbers expected, {actual.Numbers.Length} found");
        double largest = Enumerable.Range(0, expected.Numbers.Length).Max(i => Math.Abs(expected.Numbers[i] - actual.Numbers[i]) / Unit(expected, i, name));
        Assert.True(largest <= tolerance, $"{name}: {largest} apart, {tolerance} allowed");
    }
}

file static class StoredBytes
{
    /// <summary>Of all tensors but those of the prediction layer, as BF16 or, for the routing bias, F32.</summary>
    public static long MainBytes(this CheckpointFolder checkpoint) => checkpoint.Names
        .Where(name => !name.StartsWith("model.layers.3.", StringComparison.Ordinal))
        .Sum(name => checkpoint.Find(name)!.Numbers.Length * (checkpoint.Find(name)!.Type == "F32" ? 4L : 2L));
}
