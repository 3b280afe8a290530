using System;
using System.Collections.Generic;
using System.IO;
using Sinter.Runtime.Checkpoints;
using Sinter.Tests.Data;
using Xunit;

namespace Sinter.Runtime.Tests.Checkpoints;

public sealed class ModelConfigTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    private string ConfigPath => _folder["config.json"];

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Flattens_names_and_keeps_kinds()
    {
        ModelConfig config = ModelConfig.Load(Repository.Data("tiny-v3-yarn"));
        Assert.Equal("deepseek_v3", config.ModelType);
        Assert.Equal(64L, config.Values["hidden_size"]);
        Assert.Equal(1e-6, config.Values["rms_norm_eps"]);
        Assert.Equal(true, config.Values["norm_topk_prob"]);
        Assert.Equal(8L, config.Values["rope_scaling.factor"]);
        Assert.Equal("yarn", config.Values["rope_scaling.type"]);
        Assert.Equal("DeepseekV3ForCausalLM", config.Values["architectures.0"]);
        Assert.Null(ModelConfig.Load(Repository.Data("tiny-v3-noqlora-sharded")).Values["q_lora_rank"]);
    }

    [Fact]
    public void Says_that_the_file_is_missing() => Rejects("there is no such file.");

    [Theory]
    [InlineData("{\"a\": 1,\n b}", "the file is not JSON (line 2).")]
    [InlineData("", "the file is not JSON (line 1).")]
    [InlineData("[1]", "the file is not a JSON object.")]
    public void Says_what_is_wrong_with_the_file(string json, string sentence)
    {
        File.WriteAllText(ConfigPath, json);
        Rejects(sentence);
    }

    [Theory]
    [InlineData("""{"eos_token_id": 5}""", new[] { 5 })]
    [InlineData("""{"eos_token_id": [7, 9]}""", new[] { 7, 9 })]
    [InlineData("""{"temperature": 1}""", new[] { 1 })]
    [InlineData("""{"eos_token_id": null}""", new[] { 1 })]
    public void Reads_the_end_tokens_from_the_generation_config_or_else_from_the_config(string json, int[] tokens)
    {
        File.WriteAllText(ConfigPath, """{"eos_token_id": 1}""");
        File.WriteAllText(_folder["generation_config.json"], json);
        Assert.Equal(tokens, EndTokens.Load(_folder.Path));
    }

    [Fact]
    public void Rejects_an_end_token_that_is_no_number()
    {
        File.WriteAllText(ConfigPath, """{"eos_token_id": "end"}""");
        Assert.Equal($"{ConfigPath}: eos_token_id is end, which is not a token number.",
            Assert.Throws<SinterException>(() => EndTokens.Load(_folder.Path)).Message);
    }

    [Theory]
    [InlineData("""{"hidden_size": 32}""", "hidden_size is 32, but the model Tiny was compiled with 64.")]
    [InlineData("""{"hidden_size": "64"}""", "hidden_size is '64', but the model Tiny was compiled with 64.")]
    [InlineData("""{"rms_norm_eps": 1e-5}""", "rms_norm_eps is 1E-05, but the model Tiny was compiled with 1E-06.")]
    [InlineData("""{"q_lora_rank": 8}""", "q_lora_rank is 8, but the model Tiny was compiled with null.")]
    [InlineData("""{"norm_topk_prob": false}""", "norm_topk_prob is false, but the model Tiny was compiled with true.")]
    [InlineData("""{"rope_scaling": null}""", "rope_scaling.factor is null, but the model Tiny was compiled with 8.")]
    [InlineData("""{"rope_scaling": {"factor": 4}}""", "rope_scaling.factor is 4, but the model Tiny was compiled with 8.")]
    [InlineData("""{"quantization": {"bits": 4}}""", "quantization is an object, but the model Tiny was compiled with null.")]
    [InlineData("""{"model_type": "llama"}""", "model_type is 'llama', but the model Tiny reads deepseek_v3, kimi_k2.")]
    public void Rejects_a_config_that_contradicts_the_model(string json, string sentence)
    {
        if (!json.Contains("rope_scaling", StringComparison.Ordinal)) json = json[..^1] + """, "rope_scaling": {"factor": 8.0}}""";
        File.WriteAllText(ConfigPath, json);
        SinterException error = Assert.Throws<SinterException>(() => ConfigAgreement.Require(Tiny, ModelConfig.Load(_folder.Path)));
        Assert.Equal($"{ConfigPath}: {sentence}", error.Message);
    }

    [Theory]
    [InlineData("""{"hidden_size": 64, "rope_scaling": {"factor": 8}, "unknown": 3}""")]
    [InlineData("""{"hidden_size": 64.0, "rope_scaling": {"type": "yarn"}, "q_lora_rank": null, "model_type": "kimi_k2"}""")]
    public void Takes_a_config_that_agrees_in_what_the_model_binds(string json)
    {
        File.WriteAllText(ConfigPath, json);
        ConfigAgreement.Require(Tiny, ModelConfig.Load(_folder.Path));
    }

    private static Runtime.Execution.ModelDescription Tiny => DescriptionOf.Nothing with
    {
        Name = "Tiny",
        ModelTypes = ["deepseek_v3", "kimi_k2"],
        Config = new Dictionary<string, object?>
        {
            ["hidden_size"] = 64L,
            ["rms_norm_eps"] = 1e-6,
            ["norm_topk_prob"] = true,
            ["q_lora_rank"] = null,
            ["quantization"] = null,
            ["rope_scaling.factor"] = 8L,
        },
    };

    private void Rejects(string sentence) =>
        Assert.Equal($"{ConfigPath}: {sentence}", Assert.Throws<SinterException>(() => ModelConfig.Load(_folder.Path)).Message);
}
