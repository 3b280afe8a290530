using Sinter.Compiler.Graph;
using Sinter.Models.Tests.Golden;
using Sinter.Tests.Data;
using Xunit;

namespace Sinter.Models.Tests.Reference;

/// <summary>The evaluator with a graph that no front end made, against transformers and DeepSeek's own code.</summary>
public sealed class HandWrittenDeepSeekTests
{
    public static TheoryData<string> Checkpoints => GoldenCheck.Checkpoints;

    public static TheoryData<string> Predicting => GoldenCheck.Predicting;

    [Theory]
    [MemberData(nameof(Checkpoints))]
    public void Prefill_agrees(string name) => Golden(name).CheckPrefill();

    [Theory]
    [MemberData(nameof(Checkpoints))]
    public void Decoding_through_the_cache_agrees(string name) => Golden(name).CheckDecoding();

    [Theory]
    [MemberData(nameof(Predicting))]
    public void Multi_token_prediction_agrees(string name) => Golden(name).CheckPrediction();

    [Fact]
    public void FP8_weights_agree_with_their_dequantised_values() => GraphGolden.CheckFP8(Build(FP8Golden.Name));

    [Fact]
    public void The_first_losses_of_training_agree_in_double_precision() => GraphGolden.CheckFirstLosses(Build(MicroGolden.Name));

    private static GraphGolden Golden(string name) => new(name, Build(name));

    private static ModelGraph Build(string name) => HandWrittenDeepSeek.Build(new CheckpointFolder(Repository.Checkpoint(name)).Config);
}
