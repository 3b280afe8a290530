using System;
using System.IO;
using System.Linq;
using Sinter.Runtime.Checkpoints;
using Sinter.Tests.Data;
using Xunit;
using StoredTensor = Sinter.Runtime.Checkpoints.StoredTensor;

namespace Sinter.Runtime.Tests.Checkpoints;

public sealed class CheckpointTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    private string Index => _folder["model.safetensors.index.json"];

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("tiny-v3")]
    [InlineData("tiny-v3-yarn")]
    [InlineData("tiny-v3-noqlora-sharded")]
    [InlineData("tiny-trained-fp8")]
    [InlineData("micro-train")]
    public void Opens_published_layouts(string name)
    {
        using Checkpoint checkpoint = Checkpoint.Open(Repository.Data(name));
        StoredTensor embedding = checkpoint.Tensors["model.embed_tokens.weight"];
        ModelConfig config = ModelConfig.Load(Repository.Data(name));
        Assert.Equal([Convert.ToInt32(config.Values["vocab_size"]), Convert.ToInt32(config.Values["hidden_size"])], embedding.Shape);
        Assert.All(embedding.ToSingles(), number => Assert.True(float.IsFinite(number)));
    }

    [Fact]
    public void Finds_every_tensor_of_every_shard()
    {
        using Checkpoint checkpoint = Checkpoint.Open(Repository.Data("tiny-v3-noqlora-sharded"));
        Assert.Equal(2, checkpoint.Tensors.Values.Select(tensor => tensor.File).Distinct().Count());
        Assert.All(checkpoint.Tensors, pair => Assert.Equal(pair.Key, pair.Value.Name));
    }

    [Fact]
    public void Rejects_a_missing_folder() => Rejects(_folder["none"], $"{_folder["none"]}: there is no such folder.");

    [Fact]
    public void Rejects_a_folder_without_tensors() =>
        Rejects(_folder.Path, $"{_folder.Path}: the folder holds neither model.safetensors nor model.safetensors.index.json.");

    [Fact]
    public void Rejects_a_missing_shard()
    {
        WriteIndex("""{"weight_map":{"a":"one.safetensors"}}""");
        Rejects(_folder.Path, $"{Index}: the shard 'one.safetensors' is missing; it should hold tensor 'a'.");
    }

    [Fact]
    public void Rejects_a_shard_without_the_tensor_that_the_index_promises()
    {
        new SafetensorsWriter().Add("b", [1], new float[1]).Save(_folder["one.safetensors"]);
        WriteIndex("""{"weight_map":{"a":"one.safetensors"}}""");
        Rejects(_folder.Path, $"{_folder["one.safetensors"]}: tensor 'a' is missing, though model.safetensors.index.json places it here.");
    }

    [Theory]
    [InlineData("""{"weight_map":{"a":"../one.safetensors"}}""", "the shard '../one.safetensors' of tensor 'a' is not a plain file name.")]
    [InlineData("""{"weight_map":{"a":7}}""", "the shard of tensor 'a' is not a file name.")]
    [InlineData("""{"weight_map":[]}""", "there is no weight_map that says which shard holds which tensor.")]
    [InlineData("[]", "there is no weight_map that says which shard holds which tensor.")]
    [InlineData("{\n\"weight_map\":", "the file is not JSON (line 2).")]
    public void Rejects_a_broken_index(string json, string sentence)
    {
        WriteIndex(json);
        Rejects(_folder.Path, $"{Index}: {sentence}");
    }

    [Fact]
    public void Rejects_a_tensor_listed_twice()
    {
        new SafetensorsWriter().Add("a", [1], new float[1]).Save(_folder["one.safetensors"]);
        WriteIndex("""{"weight_map":{"a":"one.safetensors","a":"one.safetensors"}}""");
        Rejects(_folder.Path, $"{Index}: tensor 'a' is listed twice.");
    }

    private void WriteIndex(string json) => File.WriteAllText(Index, json);

    private static void Rejects(string folder, string sentence) =>
        Assert.Equal(sentence, Assert.Throws<SinterException>(() => Checkpoint.Open(folder)).Message);
}
