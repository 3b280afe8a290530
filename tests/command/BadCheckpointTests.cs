using System;
using System.IO;
using System.Linq;
using System.Text.Json.Nodes;
using System.Threading.Tasks;
using Sinter.Tests.Data;
using Xunit;

namespace Sinter.Command.Tests;

/// <summary>Every kind of damage: exit code 1, one sentence that names the file, and nothing on standard output.</summary>
public sealed class BadCheckpointTests : IDisposable
{
    private const string Query = "model.layers.0.self_attn.q_a_proj.weight";
    private const string Norm = "model.norm.weight";

    private readonly CheckpointCopy _copy = new();

    public void Dispose() => _copy.Dispose();

    [Fact]
    public async Task A_folder_that_does_not_exist() =>
        (await SinterProcess.Run("run", _copy.Path("nowhere"), "x")).IsRefusal(_copy.Path("nowhere"));

    [Theory]
    [InlineData("config.json")]
    [InlineData("model.safetensors")]
    [InlineData("tokenizer.json")]
    public async Task A_missing_file(string name)
    {
        _copy.Delete(name);
        (await Run()).IsRefusal(_copy.Folder, name);
    }

    [Theory]
    [InlineData("config.json", "{ \"model_type\": ")]
    [InlineData("config.json", "[]")]
    [InlineData("config.json", "")]
    [InlineData("tokenizer.json", "{")]
    [InlineData("tokenizer.json", "{}")]
    [InlineData("tokenizer_config.json", "{ \"bos_token\"")]
    public async Task A_file_that_is_not_what_it_should_be(string name, string content)
    {
        _copy.Write(name, content);
        (await Run()).IsRefusal(_copy.Path(name));
    }

    [Fact]
    public async Task A_model_type_that_no_architecture_reads()
    {
        _copy.EditJson("config.json", config => config["model_type"] = "llama");
        (await Run()).IsRefusal(_copy.Path("config.json"), "'llama'", "deepseek_v3", "--model");
    }

    [Fact]
    public async Task No_model_type()
    {
        _copy.EditJson("config.json", config => config.Remove("model_type"));
        (await Run()).IsRefusal(_copy.Path("config.json"), "model_type");
    }

    [Theory]
    [InlineData("hidden_size", 128)]
    [InlineData("vocab_size", 1000)]
    [InlineData("num_hidden_layers", 5)]
    [InlineData("n_routed_experts", 16)]
    public async Task A_config_that_contradicts_the_weights(string name, int value)
    {
        _copy.EditJson("config.json", config => config[name] = value);
        (await Run()).IsRefusal(_copy.Weights, "tensor");
    }

    [Theory]
    [InlineData(4)]
    [InlineData(100)]
    [InlineData(1_000_000)]
    [InlineData(8_915_727)]
    public async Task Truncated_weights(int length)
    {
        _copy.Write("model.safetensors", File.ReadAllBytes(_copy.Weights)[..length]);
        (await Run()).IsRefusal(_copy.Weights);
    }

    [Theory]
    [InlineData(ulong.MaxValue)]
    [InlineData(1UL << 40)]
    [InlineData(8_915_728UL)]
    [InlineData(2UL)]
    public async Task A_header_length_that_lies(ulong length)
    {
        byte[] content = File.ReadAllBytes(_copy.Weights);
        BitConverter.GetBytes(length).CopyTo(content, 0);
        _copy.Write("model.safetensors", content);
        (await Run()).IsRefusal(_copy.Weights);
    }

    [Fact]
    public async Task Offsets_that_run_past_the_end()
    {
        string last = "";
        _copy.EditHeader(header =>
        {
            last = header.Where(entry => entry.Key != "__metadata__").MaxBy(entry => (int)entry.Value!["data_offsets"]![1]!).Key;
            int begin = (int)header[last]!["data_offsets"]![0]!;
            header[last]!["shape"] = new JsonArray(1_000_000);
            header[last]!["data_offsets"] = new JsonArray(begin, begin + (1_000_000 * (header[last]!["dtype"]!.ToString() == "F32" ? 4 : 2)));
        });
        (await Run()).IsRefusal(_copy.Weights, last, "truncated or its header lies");
    }

    [Fact]
    public async Task Offsets_that_overlap()
    {
        _copy.EditHeader(header =>
        {
            JsonNode offsets = header[Query]!["data_offsets"]!;
            header[Query]!["data_offsets"] = new JsonArray((int)offsets[0]! - 64, (int)offsets[1]! - 64);
        });
        (await Run()).IsRefusal(_copy.Weights, Query, "inside");
    }

    [Fact]
    public async Task A_type_that_no_kernel_reads()
    {
        _copy.EditHeader(header =>
        {
            header[Query]!["dtype"] = "I16";
        });
        (await Run()).IsRefusal(_copy.Weights, Query, "I16");
    }

    [Fact]
    public async Task A_type_that_does_not_exist()
    {
        _copy.EditHeader(header => header[Query]!["dtype"] = "F12");
        (await Run()).IsRefusal(_copy.Weights, Query, "F12");
    }

    [Fact]
    public async Task A_missing_tensor()
    {
        _copy.EditHeader(header => Rename(header, Query, "model.layers.2.something.else.weight"));
        (await Run()).IsRefusal(_copy.Weights, Query);
    }

    [Fact]
    public async Task An_extra_tensor()
    {
        _copy.EditHeader(header =>
        {
            int end = header.Where(entry => entry.Key != "__metadata__").Max(entry => (int)entry.Value!["data_offsets"]![1]!);
            header["model.layers.0.surprise.weight"] = new JsonObject
            {
                ["dtype"] = "BF16",
                ["shape"] = new JsonArray(0),
                ["data_offsets"] = new JsonArray(end, end),
            };
        });
        (await Run()).IsRefusal(_copy.Weights, "model.layers.0.surprise.weight");
    }

    [Fact]
    public async Task A_wrongly_shaped_tensor()
    {
        _copy.EditHeader(header => header[Query]!["shape"] = new JsonArray(256, 128));
        (await Run()).IsRefusal(_copy.Weights, Query, "[256, 128]", "[128, 256]");
    }

    [Fact]
    public async Task Weights_that_are_not_numbers()
    {
        _copy.EditWeights((header, data) =>
        {
            int at = (int)header[Norm]!["data_offsets"]![0]!;
            (data[at + 10], data[at + 11]) = (0xC0, 0x7F);
        });
        (await Run()).IsRefusal(_copy.Weights, Norm, "[5]");
    }

    [Fact]
    public async Task A_missing_shard()
    {
        using var sharded = new CheckpointCopy("tiny-v3-noqlora-sharded");
        sharded.Delete("model-00002-of-000002.safetensors");
        (await SinterProcess.Run("trace", sharded.Folder, "--tokens", "1", "--out", _copy.Path("out.safetensors")))
            .IsRefusal(sharded.Folder, "model-00002-of-000002.safetensors");
    }

    [Theory]
    [InlineData("1,1024", "1024", "1023")]
    [InlineData("-1", "-1", "1023")]
    public async Task A_token_that_the_model_does_not_have(string tokens, params string[] parts) =>
        (await SinterProcess.Run("trace", Repository.TinyTrained, "--tokens", tokens, "--out", _copy.Path("out.safetensors"))).IsRefusal(parts);

    [Fact]
    public async Task A_prompt_longer_than_the_context()
    {
        string prompt = string.Concat(Enumerable.Repeat("In the beginning God created the heaven and the earth. ", 60));
        (await SinterProcess.Run("run", Repository.TinyTrained, prompt)).IsRefusal("512");
    }

    [Fact]
    public async Task More_tokens_to_trace_than_the_context() =>
        (await SinterProcess.Run("trace", Repository.TinyTrained, "--tokens", string.Join(',', Enumerable.Repeat("5", 600)), "--out", _copy.Path("out.safetensors")))
            .IsRefusal("600", "512");

    [Fact]
    public async Task Prediction_from_a_checkpoint_without_it() =>
        (await SinterProcess.Run("trace", Repository.Checkpoint("tiny-v3-noqlora-sharded"), "--tokens", "1,2", "--mtp", "2,3", "--out", _copy.Path("out.safetensors")))
            .IsRefusal("predict");

    [Theory]
    [InlineData("--decode-from 3 is more than the 2 tokens", "--decode-from", "3")]
    [InlineData("the token after each of the 2 positions, but 1", "--mtp", "2")]
    public async Task Options_that_contradict_the_tokens(string expected, params string[] options) =>
        (await SinterProcess.Run(["trace", Repository.TinyTrained, "--tokens", "1,2", "--out", _copy.Path("out.safetensors"), .. options])).IsRefusal(expected);

    [Fact]
    public async Task A_folder_to_write_to_that_does_not_exist() =>
        (await SinterProcess.Run("trace", Repository.TinyTrained, "--tokens", "1", "--out", _copy.Path("no/such/out.safetensors"))).IsRefusal("no/such/out.safetensors");

    [Fact]
    public async Task A_benchmark_longer_than_the_context() =>
        (await SinterProcess.Run("bench", Repository.TinyTrained, "-p", "500", "-n", "100")).IsRefusal("500", "100", "512");

    [Fact]
    public async Task A_model_file_with_other_numbers() =>
        (await SinterProcess.Run("run", _copy.Folder, "x", "--model", "models/deepseek_v3_671b.sinter")).IsRefusal(_copy.Path("config.json"), "DeepSeekV3_671B");

    [Fact]
    public async Task A_model_file_that_does_not_exist() =>
        (await SinterProcess.Run("run", _copy.Folder, "x", "--model", _copy.Path("missing.sinter"))).IsRefusal(_copy.Path("missing.sinter"), "no such file");

    [Fact]
    public async Task A_config_that_its_architecture_refuses()
    {
        _copy.EditJson("config.json", config => config["n_group"] = 3);
        (await Run()).IsRefusal(_copy.Path("config.json"), "does not suit its architecture", "SIN0");
    }

    [Fact]
    public async Task Where_it_happened_is_shown_only_when_asked()
    {
        _copy.Delete("config.json");
        Outcome outcome = await SinterProcess.Run(["run", _copy.Folder, "x"], "", new() { ["SINTER_DEBUG"] = "1" });
        Assert.Equal(1, outcome.Code);
        Assert.Contains("   at Sinter.", outcome.Error);
    }

    private Task<Outcome> Run() => SinterProcess.Run("run", _copy.Folder, "In the beginning", "--max-tokens", "4");

    private static void Rename(JsonObject header, string from, string to)
    {
        JsonNode entry = header[from]!;
        header.Remove(from);
        header[to] = entry;
    }
}
