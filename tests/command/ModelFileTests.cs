using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Text.Json;
using System.Threading.Tasks;
using Sinter.Tests.Data;
using Xunit;

namespace Sinter.Command.Tests;

/// <summary>check, plan, emit and import: what needs no weights.</summary>
public sealed class ModelFileTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("sinter-models").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task Checks_a_model_and_says_how_large_it_is()
    {
        string text = (await SinterProcess.Run("check", "models/deepseek_v3_671b.sinter")).IsFine();
        Assert.Contains("671.0B parameters", text);
        Assert.Contains("cache: 576 numbers a token and layer", text);
    }

    [Fact]
    public async Task Prints_the_graph()
    {
        string graph = (await SinterProcess.Run("check", "models/deepseek_v3_671b.sinter", "--graph")).IsFine();
        Assert.Contains("layers.{layer}.self_attn.kv_b_proj.weight", graph);
    }

    [Fact]
    public async Task Plans_with_the_published_figures()
    {
        string json = (await SinterProcess.Run("plan", "models/deepseek_v3_671b.sinter", "--context", "8192", "--batch", "2", "--json")).IsFine();
        JsonElement plan = JsonDocument.Parse(json).RootElement.GetProperty("models")[0];
        Assert.Equal(671, Math.Round(plan.GetProperty("parameters").GetInt64() / 1e9));
        Assert.Equal(37, Math.Round(plan.GetProperty("active_parameters").GetInt64() / 1e9));
        Assert.Equal(576, plan.GetProperty("cache_numbers_per_token_and_layer").GetInt32());
        Assert.Equal(576L * 4 * 61 * 8192 * 2, plan.GetProperty("cache_bytes").GetInt64());
        JsonElement decoding = plan.GetProperty("decoding");
        Assert.True(decoding.GetProperty("flops_per_token_absorbed").GetDouble() < decoding.GetProperty("flops_per_token_expanded").GetDouble());
    }

    [Theory]
    [InlineData]
    [InlineData("--json")]
    public async Task Plan_refuses_more_than_it_can_count(params string[] options)
    {
        string[] arguments = ["plan", "models/deepseek_v3_671b.sinter", "--context", "134217728", "--batch", "1048576", .. options];
        (await SinterProcess.Run(arguments)).IsRefusal("--context 134217728", "more bytes than can be counted");
    }

    /// <summary>The routed experts of 58 layers, read once: 256 · 3 · 7168 · 2048 bytes each at 3.35 TB/s, where all are chosen.</summary>
    [Fact]
    public async Task Plan_predicts_a_step_on_a_device()
    {
        string json = (await SinterProcess.Run("plan", "models/deepseek_v3_671b.sinter", "--device", "h800", "--batch", "1024", "--json")).IsFine();
        JsonElement[] devices = [.. JsonDocument.Parse(json).RootElement.GetProperty("models")[0].GetProperty("devices").EnumerateArray()];
        Assert.Equal(2, devices.Length);
        JsonElement[] kernels = [.. devices[0].GetProperty("kernels").EnumerateArray()];
        double experts = kernels.Where(kernel => kernel.GetProperty("calls_per_step").GetInt32() == 58).Sum(kernel => kernel.GetProperty("predicted_seconds_per_step").GetDouble());
        Assert.InRange(experts, 58 * 256 * 3.0 * 7168 * 2048 / 3.35e12, 2 * 58 * 256 * 3.0 * 7168 * 2048 / 3.35e12);
        Assert.Contains(kernels, kernel => kernel.GetProperty("limit").GetString() == "memory");
        Assert.All(kernels, kernel => Assert.True(double.IsFinite(kernel.GetProperty("predicted_seconds_per_step").GetDouble())));
        string text = (await SinterProcess.Run("plan", "models/deepseek_v3_671b.sinter", "--device", "a100")).IsFine();
        Assert.Contains("on a100, predicted from its data sheet", text);
    }

    [Fact]
    public async Task Plans_for_people_too()
    {
        string text = (await SinterProcess.Run("plan", "models/deepseek_v3_671b.sinter")).IsFine();
        Assert.Contains("absorbed attention is cheaper", text);
        Assert.Contains("as published in FP8", text);
    }

    [Fact]
    public async Task Emits_the_code_that_the_build_generates()
    {
        (await SinterProcess.Run("emit", "models/tiny_trained.sinter", "--out", _folder, "--namespace", "Sinter.Models")).IsFine();
        string[] emitted = Directory.GetFiles(_folder);
        Assert.NotEmpty(emitted);
        foreach (string file in emitted)
        {
            string generated = Directory.GetFiles(Path.Combine(Repository.Root, "generated"), Path.GetFileName(file), SearchOption.AllDirectories).Single();
            Assert.Equal(File.ReadAllText(generated), File.ReadAllText(file));
        }
    }

    [Theory]
    [InlineData("tiny-trained", "model TinyTrained = DeepSeekV3 {")]
    [InlineData("tiny-v3-yarn", "yarn(")]
    [InlineData("tiny-v3-noqlora-sharded", "q_lora_rank = none")]
    public async Task Imports_a_config_as_a_model_that_checks_the_same(string checkpoint, string expected)
    {
        string file = Path.Combine(_folder, "imported.sinter");
        (await SinterProcess.Run("import", Repository.Checkpoint(checkpoint), "--out", file)).IsFine();
        Assert.Contains(expected, File.ReadAllText(file));
        JsonElement imported = await Check(file), direct = await Check("models/deepseek_v3.sinter", "--config", Repository.Checkpoint(checkpoint));
        Assert.Equal(direct.GetProperty("parameters").GetInt64(), imported.GetProperty("parameters").GetInt64());
        Assert.Equal(direct.GetProperty("active_parameters").GetInt64(), imported.GetProperty("active_parameters").GetInt64());
        Assert.Equal(direct.GetProperty("cache_bytes_per_token").GetInt64(), imported.GetProperty("cache_bytes_per_token").GetInt64());
    }

    [Fact]
    public async Task Imports_to_standard_output() =>
        Assert.Contains("hidden_size = 256", (await SinterProcess.Run("import", Path.Combine(Repository.TinyTrained, "config.json"))).IsFine());

    [Theory]
    [InlineData("llama")]
    [InlineData("gpt_neox")]
    public async Task Does_not_import_what_no_architecture_reads(string type)
    {
        string config = Write("config.json", $$"""{ "model_type": "{{type}}", "hidden_size": 64 }""");
        (await SinterProcess.Run("import", config)).IsRefusal(config, $"'{type}'", "deepseek_v3");
    }

    public static IEnumerable<object[]> BrokenModels()
    {
        yield return ["model X = {", "(1,11)", "SIN0001"];
        yield return ["architecture A {\n  config { axis d = }\n}", "(2,", "SIN0001"];
        yield return ["import \"nothing.sinter\"", "(1,", "SIN0103"];
        yield return ["model X = Nowhere { }", "(1,", "SIN0101"];
    }

    [Theory]
    [MemberData(nameof(BrokenModels))]
    public async Task A_broken_model_gets_diagnostics_with_their_places(string text, string place, string id)
    {
        string file = Write("broken.sinter", text);
        foreach (string[] arguments in (string[][])[["check", file], ["plan", file], ["emit", file, "--out", _folder], ["run", Repository.TinyTrained, "x", "--model", file]])
        {
            Outcome outcome = await SinterProcess.Run(arguments);
            Assert.Equal(1, outcome.Code);
            Assert.Equal("", outcome.Output);
            Assert.Contains($"{file}{place}", outcome.Error);
            Assert.Contains($": error {id}: ", outcome.Error);
            Assert.All(outcome.Error.TrimEnd('\n').Split('\n'), line => Assert.Contains(": error SIN0", line));
        }
    }

    [Fact]
    public async Task A_file_that_does_not_exist() =>
        (await SinterProcess.Run("check", Path.Combine(_folder, "nothing.sinter"))).IsRefusal("nothing.sinter", "no such file");

    [Fact]
    public async Task An_architecture_without_numbers_asks_for_a_config()
    {
        string file = Write("architecture.sinter", "import \"deepseek_v3.sinter\"\n");
        (await SinterProcess.Run("check", file)).IsRefusal(file, "--config");
    }

    [Fact]
    public async Task A_missing_config() =>
        (await SinterProcess.Run("check", "models/deepseek_v3.sinter", "--config", _folder)).IsRefusal("config.json");

    [Theory]
    [InlineData("check")]
    [InlineData("plan")]
    public async Task A_config_for_a_model_that_has_its_numbers(string command) =>
        (await SinterProcess.Run(command, "models/deepseek_v3_671b.sinter", "--config", Repository.TinyTrained)).IsRefusal("deepseek_v3_671b.sinter", "--config");

    private static async Task<JsonElement> Check(params string[] arguments)
    {
        string json = (await SinterProcess.Run(["check", .. arguments, "--json"])).IsFine();
        return JsonDocument.Parse(json).RootElement.GetProperty("models")[0];
    }

    private string Write(string name, string text)
    {
        string path = Path.Combine(_folder, name);
        File.WriteAllText(path, text);
        return path;
    }
}
