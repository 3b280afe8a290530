using System;
using System.Linq;
using Sinter.Compiler;
using Sinter.Compiler.Graph;
using Sinter.Compiler.Passes;
using Sinter.Models.Tests.Reference;
using Sinter.Tests.Data;
using Xunit;

namespace Sinter.Models.Tests.Golden;

/// <summary>
/// What the passes make of DeepSeek-V3 still gives the golden values: absorbed, as decoding after a long context wants it, and
/// expanded, as prefill does.
/// </summary>
public sealed class PassGoldenTests
{
    public static TheoryData<string, bool> Orders
    {
        get
        {
            var cases = new TheoryData<string, bool>();
            foreach (string name in new[] { "tiny-v3", "tiny-v3-noqlora-sharded", "tiny-v3-yarn" })
            {
                cases.Add(name, true);
                cases.Add(name, false);
            }

            return cases;
        }
    }

    [Theory]
    [MemberData(nameof(Orders))]
    public void Reordered_contractions_keep_the_values(string name, bool absorbed) =>
        Check(name, graph => ReorderContractions.Run(graph, Workload(absorbed)));

    [Theory]
    [MemberData(nameof(Orders))]
    public void Attention_as_one_loop_keeps_the_values(string name, bool absorbed) =>
        Check(name, graph => FormAttention.Run(ReorderContractions.Run(graph, Workload(absorbed))));

    [Theory]
    [InlineData("tiny-v3", true)]
    [InlineData("tiny-v3", false)]
    public void The_two_workloads_expand_the_latent_or_do_not(string name, bool absorbed)
    {
        ModelGraph model = Map(Build(name), graph => ReorderContractions.Run(graph, Workload(absorbed)));
        bool expands = model.Main.SelectMany(region => region.Graph.Nodes).OfType<Contract>()
            .Any(contract => contract.Axes.Count == 3 && contract.Axes.Any(axis => axis.Extent == Extent.Positions)
                && contract.Axes.All(axis => axis.Extent != Extent.Tokens));
        Assert.Equal(!absorbed, expands);
    }

    private static Workload Workload(bool absorbed) => absorbed ? new Workload(1, 4096) : new Workload(4096, 4096);

    private static void Check(string name, Func<TensorGraph, TensorGraph> pass)
    {
        ModelGraph model = Map(Build(name), pass);
        var golden = new GraphGolden(name, model);
        golden.CheckPrefill();
        golden.CheckDecoding();
        if (model.Prediction is not null) golden.CheckPrediction();
    }

    private static ModelGraph Build(string name) => HandWrittenDeepSeek.Build(new CheckpointFolder(Repository.Checkpoint(name)).Config);

    private static ModelGraph Map(ModelGraph model, Func<TensorGraph, TensorGraph> pass) => model with
    {
        Main = model.Main.Select(region => region with { Graph = pass(region.Graph) }).ToEquatable(),
        Prediction = model.Prediction is { } prediction ? prediction with { Graph = pass(prediction.Graph) } : null,
    };
}
