using System;
using System.IO;
using System.Linq;
using Sinter.Compiler.Binding;
using Sinter.Compiler.Graph;
using Sinter.Tests.Data;
using Xunit;

namespace Sinter.Compiler.Tests.FrontEnd;

/// <summary>The shape of graphs; what they mean is tried in <see cref="ValueTests"/>.</summary>
public sealed class GraphBuilderTests
{
    [Fact]
    public void A_contraction_holds_all_factors_of_its_product_and_scalars_stay_outside()
    {
        ModelGraph graph = Described.Block("a[t,n] = 2 * x[t,d] * (a.weight[d] * (b.weight[n,d] * 3))\n y[t,d] = a[t,n] * c.weight[d,n]");
        Contract contract = Described.Nodes(graph).OfType<Contract>().First();
        Assert.Equal(["model.embed.weight", "block.a.weight", "block.b.weight"], contract.Factors.Select(factor => Described.Nodes(graph)[factor].Name));
        Map map = Described.Nodes(graph).OfType<Map>().Single();
        Assert.Equal(["n"], map.Axes.Skip(1).Select(axis => axis.Name));
    }

    [Fact]
    public void Maps_next_to_each_other_are_one_node()
    {
        ModelGraph graph = Described.Block("y[t,d] = silu(x[t,d] + 1) * sigmoid(2 * x[t,d]) - a.weight[d]");
        Assert.Single(Described.Nodes(graph).OfType<Map>());
    }

    [Fact]
    public void A_view_that_is_used_twice_is_one_node()
    {
        ModelGraph graph = Described.Block("a[t,n] = x[t,d] * a.weight[n,d]\n y[t,d] = a[t,n] * a.weight[n,d]");
        Assert.Single(Described.Nodes(graph).OfType<Weight>(), weight => weight.Tensor.Name == "block.a.weight");
    }

    [Fact]
    public void Nodes_come_after_their_operands_and_names_are_unique()
    {
        foreach (Region region in Published("deepseek_v3_671b.sinter").Main)
        {
            for (int i = 0; i < region.Graph.Nodes.Count; i++) Assert.All(region.Graph.Nodes[i].Operands, operand => Assert.InRange(operand, 0, i - 1));
            Assert.Distinct(region.Graph.Nodes.Select(node => node.Name));
        }
    }

    [Fact]
    public void A_value_that_a_later_region_reads_is_handed_on()
    {
        ModelGraph graph = Described.Model($$"""
            {{Described.Config}}
            architecture A {
              model(token[t] in v) -> z[t,d] {
                first[t,d] = model.embed.weight[token[t], d]
                unused[t,d] = first[t,d] * 3
                x[t,d] = first[t,d] * 2
                repeat i in 0 .. layers { x[t,d] = x[t,d] * model.layers[i].a.weight[d] }
                z[t,d] = x[t,d] + first[t,d]
              }
            }
            model M = A { }
            """);
        Assert.Equal(["first", "x"], graph.Main[0].Graph.Outputs.Select(output => output.Name));
        Assert.Equal(["x"], graph.Main[1].Graph.Outputs.Select(output => output.Name));
        Assert.Equal(["first", "x"], graph.Main[2].Graph.Nodes.OfType<Input>().Select(input => input.Name).Order(StringComparer.Ordinal));
    }

    [Fact]
    public void Prediction_takes_the_models_own_tables_where_its_copies_are_missing()
    {
        ModelGraph graph = Published("tiny_trained.sinter");
        Assert.Equal((3, 4), (graph.Prediction!.FirstLayer, graph.Prediction.EndLayer));
        Assert.Equal(["model.embed_tokens.weight", "lm_head.weight"],
            graph.Prediction.Graph.Nodes.OfType<Weight>().Select(weight => weight.Tensor.Otherwise).Where(name => name is not null));
        Assert.Equal(["hidden", "logits"], graph.Main[^1].Graph.Outputs.Select(output => output.Name));
        Assert.Null(Published("kimi_k2.sinter").Prediction);
    }

    private static ModelGraph Published(string file)
    {
        string path = Path.Combine(Repository.Root, "models", file);
        BoundFile bound = ModelBinder.Bind(path, File.ReadAllText(path), File.ReadAllText);
        Assert.Equal("", string.Join("\n", bound.Diagnostics));
        BuiltGraph built = GraphBuilder.Build(Assert.Single(bound.Models));
        Assert.Equal("", string.Join("\n", built.Diagnostics));
        return built.Graph!;
    }
}
