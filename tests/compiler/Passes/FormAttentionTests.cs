using System.Linq;
using Sinter.Compiler.Graph;
using Sinter.Compiler.Passes;
using Xunit;

namespace Sinter.Compiler.Tests.Passes;

public sealed class FormAttentionTests
{
    private static readonly TensorGraph s_attention = Sketch.LatentAttention(h: 3, n: 5, r: 4, u: 6, c: 7, q: 8, d: 9);

    [Fact]
    public void Makes_one_loop_over_the_latent_of_the_absorbed_order()
    {
        TensorGraph graph = FormAttention.Run(ReorderContractions.Run(s_attention, Workload.Decoding));
        Attend attend = Assert.Single(graph.Nodes.OfType<Attend>());
        Assert.Equal(["qn_c", "qr"], attend.Terms.Select(term => graph.Nodes[term.Query].Name));
        Assert.Equal(["latent", "key"], attend.Terms.Select(term => graph.Nodes[term.Key].Name));
        Assert.Equal("latent", graph.Nodes[attend.Value].Name);
        Assert.True(attend.IsCausal);
        Assert.Equal(new Binary(BinaryOperator.Multiply, new Argument(0), new Constant(0.25)), attend.Map);
        Assert.DoesNotContain(graph.Nodes, node => node is Softmax or Causal || node.Axes.Count == 3 && node.Axes[2].Name == "s");
    }

    [Fact]
    public void Makes_one_loop_over_keys_and_values_of_the_expanded_order()
    {
        TensorGraph graph = FormAttention.Run(ReorderContractions.Run(s_attention, new Workload(1000, 1000)));
        Attend attend = Assert.Single(graph.Nodes.OfType<Attend>());
        Assert.Equal(["kn", "key"], attend.Terms.Select(term => graph.Nodes[term.Key].Name));
        Assert.Equal("val", graph.Nodes[attend.Value].Name);
    }

    [Fact]
    public void Keeps_the_values()
    {
        double[] expected = Sketch.Evaluate(s_attention, "y");
        foreach (Workload workload in new[] { Workload.Decoding, new Workload(1000, 1000) })
        {
            ReorderContractionsTests.AssertClose(expected, Sketch.Evaluate(FormAttention.Run(ReorderContractions.Run(s_attention, workload)), "y"));
        }
    }

    [Fact]
    public void Leaves_a_softmax_alone_that_something_else_reads_too()
    {
        TensorGraph graph = s_attention;
        int p = graph.Nodes.ToList().FindIndex(node => node is Softmax);
        TensorGraph traced = graph with { Traces = new[] { new Trace("p", p) }.ToEquatable() };
        Assert.DoesNotContain(FormAttention.Run(ReorderContractions.Run(traced, Workload.Decoding)).Nodes, node => node is Attend);
    }
}
