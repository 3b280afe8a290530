using System;
using System.Collections.Generic;
using System.Linq;
using Sinter.Compiler.Graph;
using Sinter.Compiler.Passes.Differentiation;
using Sinter.Tests.Data;
using Sinter.Tests.Reference;
using Xunit;

namespace Sinter.Compiler.Tests.Passes;

public sealed class LossTests
{
    [Fact]
    public void Cross_entropy_is_the_mean_of_what_the_targets_surprise_by()
    {
        // p = 3/4 and 1/2.
        double loss = Evaluate(CrossEntropy(entries: 2), ("logits", [2, 2], [Math.Log(3), 0, 1, 1]), ("target", [2], [0, 1]));
        Assert.Equal(-(Math.Log(0.75) + Math.Log(0.5)) / 2, loss, 1e-12);
    }

    [Fact]
    public void Cross_entropy_agrees_with_differences() => GradientCheck.Passes(CrossEntropy(entries: 5));

    [Fact]
    public void Balance_of_a_sequence_weighs_each_expert_by_how_often_it_was_chosen()
    {
        // Both tokens choose the first of two: f = [2, 0], P = [(3/4 + 1/2) / 2, …].
        double loss = Evaluate(Balance(experts: 2, chosen: 1), ("scores", [2, 2], [3, 1, 1, 1]));
        Assert.Equal(1.25, loss, 1e-12);
    }

    [Fact]
    public void Balance_of_equal_scores_is_one()
    {
        double loss = Evaluate(Balance(experts: 4, chosen: 2), ("scores", [2, 4], [.. Enumerable.Repeat(0.7, 8)]));
        Assert.Equal(1, loss, 1e-12);
    }

    [Fact]
    public void Balance_agrees_with_differences()
    {
        var sketch = new Sketch(("d", 3), ("e", 4), ("k", 2));
        int x = sketch.Input("x", "t,d");
        int scores = sketch.Map("s", "t,e", new Unary(UnaryOperator.Sigmoid, new Argument(0)), sketch.Product("l", "t,e", x, sketch.Weight("gate", "e,d")));
        int chosen = sketch.Add(new Choose("chosen", sketch.Axes("t,k"), scores, sketch.Axis("e")));
        GradientCheck.Passes(Losses.SequenceBalance(sketch.Graph(("s", scores)), scores, chosen, "loss"));
    }

    [Fact]
    public void A_loss_of_something_else_is_refused()
    {
        var sketch = new Sketch(("e", 4), ("f", 4), ("k", 2));
        int scores = sketch.Input("scores", "t,e"), others = sketch.Input("others", "t,f");
        int chosen = sketch.Add(new Choose("chosen", sketch.Axes("t,k"), scores, sketch.Axis("e")));
        TensorGraph graph = sketch.Graph(("scores", scores));
        Assert.Throws<ArgumentException>(() => Losses.CrossEntropy(graph, "logits", "target", "loss"));
        Assert.Throws<ArgumentException>(() => Losses.SequenceBalance(graph, others, chosen, "loss"));
        Assert.Throws<ArgumentException>(() => Losses.SequenceBalance(graph, scores, scores, "loss"));
    }

    private static TensorGraph CrossEntropy(int entries)
    {
        var sketch = new Sketch(("v", entries));
        int logits = sketch.Input("logits", "t,v");
        return Losses.CrossEntropy(sketch.Graph(("logits", logits)), "logits", "target", "loss");
    }

    private static TensorGraph Balance(int experts, int chosen)
    {
        var sketch = new Sketch(("e", experts), ("k", chosen));
        int scores = sketch.Input("scores", "t,e");
        int choice = sketch.Add(new Choose("chosen", sketch.Axes("t,k"), scores, sketch.Axis("e")));
        return Losses.SequenceBalance(sketch.Graph(("scores", scores)), scores, choice, "loss");
    }

    private static double Evaluate(TensorGraph graph, params (string Name, int[] Sizes, double[] Numbers)[] values)
    {
        Dictionary<string, NamedArray> inputs = graph.Nodes.OfType<Input>().ToDictionary(input => input.Name, input =>
        {
            (_, int[] sizes, double[] numbers) = values.Single(value => value.Name == input.Name);
            return new NamedArray([.. input.Axes.Select(axis => axis.Name)], sizes, numbers);
        });
        IReadOnlyList<NamedArray> nodes = new NodeReference(new NoWeights(), new CacheStore(), -1, 0, 2).Evaluate(graph, inputs);
        return nodes[graph.Outputs.Single(output => output.Name == "loss").Node].Numbers[0];
    }

    private sealed class NoWeights : IWeightSource
    {
        public StoredTensor? Find(string name) => null;
    }
}
