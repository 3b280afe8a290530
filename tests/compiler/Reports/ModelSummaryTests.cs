using System.Collections.Generic;
using System.Linq;
using Sinter.Compiler.Reports;
using Xunit;

namespace Sinter.Compiler.Tests.Reports;

public sealed class ModelSummaryTests
{
    private static readonly ModelSummary s_summary = SummarizeModel.Of(HandMadeModel.Build());

    // Attention of one layer: q 2·3·4, down 5·4, key and value 2·3·5 each, o 4·2·3.
    private const int AttentionOfLayer = 24 + 20 + 30 + 30 + 24;

    [Theory]
    [InlineData(ModelPart.Embedding, 10 * 4, 4)]
    [InlineData(ModelPart.Attention, 2 * AttentionOfLayer, 2 * AttentionOfLayer)]
    [InlineData(ModelPart.Dense, 2 * 6 * 4, 2 * 6 * 4)]
    [InlineData(ModelPart.SharedExperts, 2 * 3 * 4, 2 * 3 * 4)]
    [InlineData(ModelPart.RoutedExperts, 8 * 2 * 2 * 4, 2 * 2 * 2 * 4)]
    [InlineData(ModelPart.Router, 8 * 4 + 8, 8 * 4 + 8)]
    [InlineData(ModelPart.Norms, 3 * 4, 3 * 4)]
    [InlineData(ModelPart.Head, 10 * 4, 10 * 4)]
    public void Counts_each_part(ModelPart part, long total, long active) =>
        Assert.Equal(new PartCount(part, total, active), s_summary.Parts.Single(count => count.Part == part));

    [Fact]
    public void Has_no_other_parts_and_adds_them_up()
    {
        Assert.Equal(8, s_summary.Parts.Count);
        Assert.Equal(s_summary.Parts.Sum(part => part.Total), s_summary.Total);
        Assert.Equal(s_summary.Parts.Sum(part => part.Active), s_summary.Active);
    }

    [Fact]
    public void Tells_what_prediction_adds_from_what_it_shares()
    {
        const int Own = 4 * 4 + AttentionOfLayer + 4 + 2 * 3 * 4 + 8 * 2 * 2 * 4 + 8 * 4 + 8;
        Assert.Equal(Own, s_summary.Prediction);
        Assert.Equal(2 * 10 * 4, s_summary.SharedWithPrediction);
        Assert.Equal(Own - 6 * 2 * 2 * 4 + 10 * 4 + 4, s_summary.ActivePrediction);
    }

    [Fact]
    public void Knows_the_joining_projection_of_prediction_from_its_experts()
    {
        IEnumerable<StoredGroup> groups = TakeInventory.Of(HandMadeModel.Build()).Where(group => group.Predicts);
        Assert.Equal(ModelPart.Other, groups.Single(group => group.Tensor.Name == "layers.{layer}.join.weight").Part);
        Assert.Equal(ModelPart.SharedExperts, groups.Single(group => group.Tensor.Name == "layers.{layer}.shared.up.weight").Part);
        Assert.Equal(ModelPart.Attention, groups.Single(group => group.Tensor.Name == "layers.{layer}.down.weight").Part);
    }

    [Fact]
    public void States_what_the_cache_keeps()
    {
        Assert.Equal(5, s_summary.CacheNumbers);
        Assert.Equal(2, s_summary.CachedLayers);
    }
}
