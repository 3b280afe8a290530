using System;
using System.Collections.Generic;
using System.Linq;
using Sinter.Compiler.Graph;
using Sinter.Compiler.Passes;
using Xunit;

namespace Sinter.Compiler.Tests.Passes;

/// <summary>The rule of attention that has been formed to one loop, against finite differences.</summary>
public sealed class DifferentiateAttentionTests
{
    [Fact]
    public void Agrees_with_differences_for_latent_attention()
    {
        TensorGraph formed = FormAttention.Run(Sketch.LatentAttention(h: 2, n: 3, r: 2, u: 4, c: 3, q: 4, d: 5));
        Assert.Single(formed.Nodes.OfType<Attend>());
        GradientCheck.Passes(formed);

        // Both queries, both keys and the value.
        Assert.Equal([0, 1, 2, 3, 4], new GradientCheck(formed, 1).Backward.Nodes.OfType<AttendGradient>().Select(node => node.Of).Order());
    }

    /// <summary>One term or two, keys and values of each head or of all, with a mask and without, in sizes drawn by chance.</summary>
    [Fact]
    public void Agrees_with_differences_for_attention_of_every_shape()
    {
        var shapes = new HashSet<string>();
        for (int seed = 0; seed < 40; seed++)
        {
            (TensorGraph graph, string shape) = Attention(new Random(seed));
            shapes.Add(shape);
            TensorGraph formed = FormAttention.Run(graph);
            Assert.Single(formed.Nodes.OfType<Attend>());
            GradientCheck.Passes(formed, seed);
        }

        Assert.True(shapes.Count >= 12, string.Join("; ", shapes));
    }

    private static (TensorGraph Graph, string Shape) Attention(Random random)
    {
        var sketch = new Sketch(("h", random.Next(1, 4)), ("n", random.Next(1, 5)), ("r", random.Next(1, 4)), ("u", random.Next(1, 5)));
        int terms = random.Next(1, 3);
        bool isCausal = random.Next(2) == 0;
        string shape = isCausal ? "causal" : "open";
        List<int> products = [];
        foreach (string width in new[] { "n", "r" }.Take(terms))
        {
            string key = random.Next(2) == 0 ? $"s,h,{width}" : $"s,{width}";
            shape += $" {key}";
            products.Add(sketch.Product($"product.{width}", "t,h,s", sketch.Input($"query.{width}", $"t,h,{width}"), Cached(sketch, $"key.{width}", key)));
        }

        string value = random.Next(2) == 0 ? "s,h,u" : "s,u";
        shape += $" {value}";
        Scalar sum = terms == 1 ? new Argument(0) : new Binary(BinaryOperator.Add, new Argument(0), new Argument(1));
        int score = sketch.Map("score", "t,h,s", new Binary(BinaryOperator.Multiply, sum, new Constant(0.5)), [.. products]);
        if (isCausal) score = sketch.Add(new Causal("masked", sketch.Axes("t,h,s"), score));
        int p = sketch.Add(new Softmax("p", sketch.Axes("t,h,s"), score, sketch.Axis("s")));
        return (sketch.Graph(("o", sketch.Product("o", "t,h,u", p, Cached(sketch, "value", value)))), shape);
    }

    private static int Cached(Sketch sketch, string name, string axes) =>
        sketch.Add(new Cached($"{name}.cached", sketch.Axes(axes), sketch.Input(name, axes.Replace('s', 't')), name));
}
