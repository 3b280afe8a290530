using System;
using System.Collections.Generic;
using System.Linq;
using Sinter.Compiler.Graph;
using Sinter.Compiler.Passes;
using Xunit;

namespace Sinter.Compiler.Tests.Passes;

public sealed class ReorderContractionsTests
{
    private static readonly TensorGraph s_v3 = Sketch.LatentAttention(h: 128, n: 128, r: 64, u: 128, c: 512, q: 1536, d: 7168);
    private static readonly TensorGraph s_small = Sketch.LatentAttention(h: 3, n: 5, r: 4, u: 6, c: 7, q: 8, d: 9);

    [Fact]
    public void Carries_v3s_queries_into_the_latent_space_for_decoding()
    {
        TensorGraph graph = ReorderContractions.Run(s_v3, Workload.Decoding);
        Assert.Equal(
            ["qn[t,h,n] = a·q_b_proj.weight", "qn_c[t,h,c] = qn·kv_b_proj.weight", "content[t,h,s] = qn_c·latent", "position[t,h,s] = qr·key",
             "p_c[t,h,c] = p·latent", "o[t,h,u] = p_c·kv_b_proj.weight", "y[t,d] = o·o_proj.weight"],
            Products(graph));
    }

    [Fact]
    public void Expands_v3s_keys_and_values_for_prefill()
    {
        TensorGraph graph = ReorderContractions.Run(s_v3, Workload.Prefill);
        Assert.Equal(
            ["qn[t,h,n] = a·q_b_proj.weight", "kn[s,h,n] = latent·kv_b_proj.weight", "content[t,h,s] = qn·kn", "position[t,h,s] = qr·key",
             "val[s,h,u] = latent·kv_b_proj.weight", "o[t,h,u] = p·val", "y[t,d] = o·o_proj.weight"],
            Products(graph));
    }

    [Fact]
    public void Gives_the_same_values_in_both_orders()
    {
        double[] expected = Sketch.Evaluate(s_small, "y");
        TensorGraph absorbed = ReorderContractions.Run(s_small, Workload.Decoding);
        TensorGraph expanded = ReorderContractions.Run(s_small, new Workload(1000, 1000));
        Assert.NotEqual(Products(absorbed), Products(expanded));
        AssertClose(expected, Sketch.Evaluate(absorbed, "y"));
        AssertClose(expected, Sketch.Evaluate(expanded, "y"));
    }

    [Fact]
    public void Multiplies_two_factors_at_a_time()
    {
        TensorGraph graph = ReorderContractions.Run(s_small, Workload.Prefill);
        Assert.All(graph.Nodes.OfType<Contract>(), contract => Assert.Equal(2, contract.Factors.Count));
    }

    [Fact]
    public void Never_multiplies_weights_with_each_other()
    {
        var sketch = new Sketch(("d", 2), ("f", 1000), ("v", 2));
        int x = sketch.Input("x", "t,d"), first = sketch.Weight("first.weight", "f,d"), second = sketch.Weight("second.weight", "v,f");
        TensorGraph graph = ReorderContractions.Run(sketch.Graph(("y", sketch.Product("y", "t,v", x, first, second))), new Workload(100000, 1));
        Assert.Equal(["x_f[t,f] = x·first.weight", "y[t,v] = x_f·second.weight"], Products(graph));
    }

    [Fact]
    public void Scales_place_by_place_before_it_sums()
    {
        // w[t,k]·act[t,k,f]·down[d,f]: the router's weight goes onto the narrow side, whichever side is narrower.
        var sketch = new Sketch(("k", 2), ("f", 50), ("d", 3));
        int w = sketch.Input("w", "t,k"), act = sketch.Input("act", "t,k,f"), down = sketch.Weight("down_proj.weight", "d,f");
        TensorGraph graph = ReorderContractions.Run(sketch.Graph(("y", sketch.Product("y", "t,d", w, act, down))), Workload.Decoding);
        Map scaled = Assert.Single(graph.Nodes.OfType<Map>());
        Assert.Equal("act_w", scaled.Name);
        Assert.Equal(["y[t,d] = act_w·down_proj.weight"], Products(graph));
    }

    [Fact]
    public void Keeps_apart_what_sums_an_axis_that_has_another_meaning_outside()
    {
        // up sums d, and the result has a d of its own.
        var sketch = new Sketch(("d", 4), ("f", 6));
        int x = sketch.Input("x", "t,d"), gate = sketch.Input("gate", "t,f");
        int up = sketch.Product("up", "t,f", x, sketch.Weight("up_proj.weight", "f,d"));
        TensorGraph before = sketch.Graph(("y", sketch.Product("y", "t,d", gate, up, sketch.Weight("down_proj.weight", "d,f"))));
        TensorGraph after = ReorderContractions.Run(before, Workload.Decoding);
        Assert.Contains("up[t,f] = x·up_proj.weight", Products(after));
        AssertClose(Sketch.Evaluate(before, "y"), Sketch.Evaluate(after, "y"));
    }

    [Fact]
    public void Sums_a_product_that_has_no_weight()
    {
        var sketch = new Sketch(("d", 4));
        int x = sketch.Input("x", "t,d"), z = sketch.Input("z", "t,d");
        TensorGraph before = sketch.Graph(("y", sketch.Product("y", "t", x, z)));
        TensorGraph after = ReorderContractions.Run(before, Workload.Decoding);
        Assert.Single(after.Nodes.OfType<Reduce>());
        AssertClose(Sketch.Evaluate(before, "y"), Sketch.Evaluate(after, "y"));
    }

    internal static void AssertClose(double[] expected, double[] actual)
    {
        Assert.Equal(expected.Length, actual.Length);
        for (int i = 0; i < expected.Length; i++) Assert.Equal(expected[i], actual[i], 1e-12);
    }

    internal static List<string> Products(TensorGraph graph) =>
        [.. graph.Nodes.OfType<Contract>().Select(contract =>
            $"{contract.Name}[{string.Join(",", contract.Axes)}] = {string.Join("·", contract.Factors.Select(factor => graph.Nodes[factor].Name))}")];
}
