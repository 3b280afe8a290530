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

    private static GraphGolden Golden(string name) =>
        new(name, HandWrittenDeepSeek.Build(new CheckpointFolder(Repository.Checkpoint(name)).Config));
}
