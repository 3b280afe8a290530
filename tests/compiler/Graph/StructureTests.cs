using System.IO;
using System.Linq;
using System.Threading.Tasks;
using Sinter.Compiler.Binding;
using Sinter.Compiler.Graph;
using Sinter.Tests.Data;
using VerifyXunit;
using Xunit;

namespace Sinter.Compiler.Tests.FrontEnd;

/// <summary>What regions a description becomes, and where its views lie in the stored tensors.</summary>
public sealed class StructureTests
{
    [Fact]
    public void Layers_that_are_built_alike_are_one_region()
    {
        ModelGraph graph = Layered("index < dense ? relu(x[t,d]) : index == 4 ? abs(x[t,d]) : silu(x[t,d])", "dense = 2");
        Assert.Equal(
            ["embedding -1..0", "layers 0..2 0..2", "layers 2..4 2..4", "layers 4..5 4..5", "layers 5..7 5..7", "head -1..0"],
            graph.Main.Select(region => $"{region.Name} {region.FirstLayer}..{region.EndLayer}"));
        Assert.Equal(7, graph.Layers);
    }

    [Fact]
    public void Without_a_question_about_the_layer_all_layers_are_one_region()
    {
        Assert.Equal(["embedding", "layers 0..7", "head"], Layered("silu(x[t,d])").Main.Select(region => region.Name));
        Assert.Equal(["embedding", "layers 0..7", "head"], Layered("index < 100 ? silu(x[t,d]) : x[t,d]").Main.Select(region => region.Name));
    }

    [Theory]
    [InlineData("predicted = 0", false)]
    [InlineData("predicted = 1", true)]
    public void Prediction_is_built_if_the_config_says_so(string predicted, bool isBuilt)
    {
        ModelGraph graph = Layered("silu(x[t,d])", predicted, """
            predict(hidden[t,d], next[t] in v) -> logits[t,v] at model.layers[layers] if predicted > 0 {
              e[t,d]      = (embed.weight or model.embed.weight)[next[t], d]
              x[t,d]      = Layer(hidden[t,d] + e[t,d], layers)
              logits[t,v] = x[t,d] * (head.weight or model.embed.weight)[v,d]
            }
            """);
        Assert.Equal(isBuilt, graph.Prediction is not null);
        if (graph.Prediction is not { } prediction) return;

        Assert.Equal((7, 8), (prediction.FirstLayer, prediction.EndLayer));
        Assert.Equal(
            [
                new("model.layers.{layer}.embed.weight", new[] { 9, 4 }.ToEquatable(), 0, "model.embed.weight"),
                new("model.layers.{layer}.scale.weight", new[] { 4 }.ToEquatable()),
                new("model.layers.{layer}.head.weight", new[] { 9, 4 }.ToEquatable(), 0, "model.embed.weight"),
            ],
            prediction.Graph.Nodes.OfType<Weight>().Select(weight => weight.Tensor));

        // What prediction takes, the main model hands on.
        Assert.Contains("hidden", graph.Main[^1].Graph.Outputs.Select(output => output.Name));
    }

    [Fact]
    public void A_sum_axis_within_a_product_of_axes_is_a_view_with_an_offset_and_strides()
    {
        // The stored rows are h groups of n then r: [2 · (3 + 4), 6].
        ModelGraph graph = Described.Block("""
            a[t,h,n], b[t,h,r] = x[t,d] * w.weight[h*(n+r), d]
            y[t,d] = a[t,h,n] * p.weight[d, h*n] + b[t,h,r] * q.weight[h*r, d]
            """);
        Weight[] views = [.. graph.Main.SelectMany(region => region.Graph.Nodes).OfType<Weight>().Where(weight => weight.Tensor.Name == "block.w.weight")];
        Assert.All(views, view => Assert.Equal([14, 6], view.Tensor.Shape));
        Assert.Equal(["0: h 42, n 6, d 1", "18: h 42, r 6, d 1"], views.Select(Layout));
        Weight merged = graph.Main.SelectMany(region => region.Graph.Nodes).OfType<Weight>().Single(weight => weight.Tensor.Name == "block.p.weight");
        Assert.Equal("0: d 6, h 3, n 1", Layout(merged));
    }

    [Fact]
    public void A_formal_axis_stands_for_the_axis_of_the_argument()
    {
        ModelGraph graph = Described.Block("""
            c[t,c] = Norm(x[t,d] * a.weight[c,d], g.weight[c])
            y[t,d] = Norm(c[t,c] * b.weight[d,c], h.weight[d])
            """, others: "function Norm(a[t,j], w[j]) = a[t,j] * rsqrt(mean[j](a[t,j]^2)) * w[j]");
        Assert.Equal(["c", "d"], graph.Main.SelectMany(region => region.Graph.Nodes).OfType<Reduce>().Select(reduce => reduce.Over.Name));
    }

    [Fact]
    public async Task The_small_trained_model_is_this_graph()
    {
        string models = Path.Combine(Repository.Root, "models");
        BoundFile bound = ModelBinder.Bind("tiny_trained.sinter", File.ReadAllText(Path.Combine(models, "tiny_trained.sinter")),
            path => File.ReadAllText(Path.Combine(models, path)));
        await Verifier.Verify(GraphPrinter.Print(GraphBuilder.Build(Assert.Single(bound.Models)).Graph!));
    }

    private static string Layout(Weight view) =>
        $"{view.Offset}: {string.Join(", ", view.Axes.Zip(view.Strides, (axis, stride) => $"{axis} {stride}"))}";

    private static ModelGraph Layered(string value, string config = "", string predict = "") => Described.Model($$"""
        config {
          axis v = 9
          axis d = 4
          layers = 7
          {{config}}
        }

        block Layer(x[t,d], index) -> y[t,d] {
          y[t,d] = ({{value}}) * scale.weight[d]
        }

        architecture Tiny {
          model(token[t] in v) -> hidden[t,d], logits[t,v] {
            x[t,d] = model.embed.weight[token[t], d]
            repeat index in 0 .. layers { x[t,d] = model.layers[index].Layer(x[t,d], index) }
            hidden[t,d] = 2 * x[t,d]
            logits[t,v] = hidden[t,d] * model.embed.weight[v,d]
          }
          {{predict}}
        }

        model Tried = Tiny { }
        """);
}
