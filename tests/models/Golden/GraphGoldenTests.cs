using Xunit;

namespace Sinter.Models.Tests.Golden;

/// <summary>The graph that the language makes of DeepSeek-V3, before any pass, against transformers and DeepSeek's own code.</summary>
public sealed class GraphGoldenTests
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
    public void FP8_weights_agree_with_their_dequantised_values() => GraphGolden.CheckFP8(LanguageModels.Build(FP8Golden.Name));

    [Fact]
    public void The_first_losses_of_training_agree_in_double_precision() => GraphGolden.CheckFirstLosses(LanguageModels.Build(MicroGolden.Name));

    private static GraphGolden Golden(string name) => new(name, LanguageModels.Build(name));
}
