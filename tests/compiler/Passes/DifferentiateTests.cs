using System;
using System.Linq;
using Sinter.Compiler.Graph;
using Sinter.Compiler.Passes.Differentiation;
using Xunit;
using static Sinter.Compiler.Passes.Differentiation.ScalarDerivative;

namespace Sinter.Compiler.Tests.Passes;

/// <summary>The rule of each operator against finite differences.</summary>
public sealed class DifferentiateTests
{
    private static readonly Scalar s_first = new Argument(0), s_second = new Argument(1);

    public static TheoryData<string> UnaryOperators => [.. Enum.GetNames<UnaryOperator>().Where(name => name != nameof(UnaryOperator.Step))];

    public static TheoryData<string> BinaryOperators => [.. Enum.GetNames<BinaryOperator>()];

    [Theory]
    [MemberData(nameof(UnaryOperators))]
    public void Differentiates_functions_of_one_number(string name)
    {
        UnaryOperator operation = Enum.Parse<UnaryOperator>(name);
        var sketch = new Sketch(("d", 5));
        int x = sketch.Input("x", "t,d");
        bool isPositive = operation is UnaryOperator.Log or UnaryOperator.Sqrt or UnaryOperator.Rsqrt;
        Scalar inner = isPositive ? Add(new Constant(2), s_first) : s_first;
        GradientCheck.Passes(sketch.Graph(("y", sketch.Map("y", "t,d", new Unary(operation, inner), x))));
    }

    [Theory]
    [MemberData(nameof(BinaryOperators))]
    public void Differentiates_functions_of_two_numbers(string name)
    {
        var sketch = new Sketch(("d", 5));
        int x = sketch.Input("x", "t,d"), w = sketch.Weight("w", "d");
        Scalar right = name == nameof(BinaryOperator.Divide) ? Add(new Constant(2), s_second) : s_second;
        GradientCheck.Passes(sketch.Graph(("y", sketch.Map("y", "t,d", new Binary(Enum.Parse<BinaryOperator>(name), s_first, right), x, w))));
    }

    [Fact]
    public void Takes_one_slope_where_a_function_has_a_corner()
    {
        Assert.Equal(0, Value(new Unary(UnaryOperator.Relu, s_first).By(0), 0, 0));
        Assert.Equal(0, Value(new Unary(UnaryOperator.Abs, s_first).By(0), 0, 0));
        foreach (BinaryOperator operation in new[] { BinaryOperator.Max, BinaryOperator.Min })
        {
            Assert.Equal(1, Value(new Binary(operation, s_first, s_second).By(0), 3, 3));
            Assert.Equal(0, Value(new Binary(operation, s_first, s_second).By(1), 3, 3));
        }
    }

    [Fact]
    public void Differentiates_contractions_of_several_factors()
    {
        var sketch = new Sketch(("d", 3), ("f", 4), ("v", 2));
        int x = sketch.Input("x", "t,d"), w = sketch.Weight("w", "f,d"), z = sketch.Input("z", "t,f"), u = sketch.Weight("u", "v,f");
        GradientCheck.Passes(sketch.Graph(("y", sketch.Product("y", "v,t", x, w, z, u))));
    }

    [Fact]
    public void Differentiates_a_contraction_with_one_factor_twice()
    {
        var sketch = new Sketch(("d", 3));
        int x = sketch.Input("x", "t,d");
        GradientCheck.Passes(sketch.Graph(("y", sketch.Product("y", "t", x, x))));
    }

    [Fact]
    public void Repeats_the_gradient_along_an_axis_that_one_factor_alone_sums()
    {
        var sketch = new Sketch(("d", 3), ("f", 4));
        int x = sketch.Input("x", "t,d,f"), w = sketch.Weight("w", "d");
        GradientCheck.Passes(sketch.Graph(("y", sketch.Product("y", "t,d", x, w))));
    }

    [Theory]
    [InlineData(Reduction.Sum, "d")]
    [InlineData(Reduction.Mean, "d")]
    [InlineData(Reduction.Max, "d")]
    [InlineData(Reduction.Sum, "t")]
    [InlineData(Reduction.Mean, "t")]
    [InlineData(Reduction.Max, "t")]
    public void Differentiates_reductions(Reduction reduction, string over)
    {
        var sketch = new Sketch(("d", 5));
        int x = sketch.Input("x", "t,d");
        string rest = over == "d" ? "t" : "d";
        GradientCheck.Passes(sketch.Graph(("y", sketch.Add(new Reduce("y", sketch.Axes(rest), reduction, x, sketch.Axis(over))))));
    }

    [Fact]
    public void Gives_the_gradient_of_a_maximum_to_the_first_of_equals()
    {
        var sketch = new Sketch(("d", 3));
        int x = sketch.Input("x", "d");
        TensorGraph graph = sketch.Graph(("y", sketch.Add(new Reduce("y", default, Reduction.Max, x, sketch.Axis("d")))));
        double[] gradient = GradientCheck.Gradient(graph, "x", tokens: 1, ("x", [3], [1.0, 7.0, 7.0]), ("grad.y", [], [2.0]));
        Assert.Equal([0.0, 2.0, 0.0], gradient);
    }

    [Fact]
    public void Differentiates_a_softmax()
    {
        var sketch = new Sketch(("h", 2), ("d", 5));
        int x = sketch.Input("x", "t,h,d");
        GradientCheck.Passes(sketch.Graph(("y", sketch.Add(new Softmax("y", sketch.Axes("t,h,d"), x, sketch.Axis("d"))))));
    }

    [Theory]
    [InlineData("d")]
    [InlineData("h")]
    [InlineData("t")]
    public void Differentiates_the_logarithm_of_a_sum_of_exponentials(string over)
    {
        var sketch = new Sketch(("h", 2), ("d", 5));
        int x = sketch.Input("x", "t,h,d");
        string rest = string.Join(",", new[] { "t", "h", "d" }.Where(axis => axis != over));
        GradientCheck.Passes(sketch.Graph(("y", sketch.Add(new LogSumExp("y", sketch.Axes(rest), x, sketch.Axis(over))))));
    }

    [Fact]
    public void Turns_the_gradient_of_a_rotation_back()
    {
        var sketch = new Sketch(("h", 2), ("r", 4));
        int x = sketch.Input("x", "t,h,r");
        var table = new RotaryTable(4, new[] { 1.0, 0.3 }.ToEquatable(), 1.25);
        GradientCheck.Passes(sketch.Graph(("y", sketch.Add(new Rotary("y", sketch.Axes("t,h,r"), x, sketch.Axis("r"), table)))));
    }

    [Fact]
    public void Differentiates_causal_attention_over_a_cache()
    {
        TensorGraph forward = Sketch.LatentAttention(h: 2, n: 3, r: 2, u: 4, c: 3, q: 4, d: 5);
        var check = new GradientCheck(forward, seed: 1);
        GradientCheck.Passes(forward);
        Assert.DoesNotContain(check.Backward.Nodes, node => node is Cached);
        Assert.Single(check.Backward.Nodes.OfType<Causal>());
    }

    [Fact]
    public void Lets_nothing_through_a_mask()
    {
        var sketch = new Sketch();
        int x = sketch.Input("x", "t,s");
        TensorGraph graph = sketch.Graph(("y", sketch.Add(new Causal("y", sketch.Axes("t,s"), x))));
        double[] gradient = GradientCheck.Gradient(graph, "x", tokens: 2, ("x", [2, 2], [1.0, 2.0, 3.0, 4.0]), ("grad.y", [2, 2], [5.0, 6.0, 7.0, 8.0]));
        Assert.Equal([5.0, 0.0, 7.0, 8.0], gradient);
    }

    [Fact]
    public void Adds_up_what_was_taken_by_index()
    {
        var sketch = new Sketch(("e", 6), ("k", 3));
        int s = sketch.Input("s", "t,e"), index = sketch.Input("index", "t,k", isIndex: true);
        GradientCheck.Passes(sketch.Graph(("y", sketch.Add(new Take("y", sketch.Axes("t,k"), s, index, sketch.Axis("e"))))));
    }

    [Fact]
    public void Adds_rows_into_an_embedding_by_token()
    {
        var sketch = new Sketch(("d", 3));
        int token = sketch.Input("token", "t", isIndex: true);
        GradientCheck.Passes(sketch.Graph(("x", Embedding(sketch, "embed.weight", token))));
    }

    [Fact]
    public void Adds_both_uses_of_an_embedding_that_is_the_head_too()
    {
        var sketch = new Sketch(("d", 3), ("v", 5));
        int token = sketch.Input("token", "t", isIndex: true);
        int x = Embedding(sketch, "embed.weight", token);
        TensorGraph graph = sketch.Graph(("logits", sketch.Product("logits", "t,v", x, sketch.Weight("embed.weight", "v,d"))));
        GradientCheck.Passes(graph);
        Assert.Equal(["grad.embed.weight"], new GradientCheck(graph, 1).Backward.Outputs.Select(output => output.Name));
    }

    [Fact]
    public void Gives_a_copy_and_the_tensor_that_it_copies_one_gradient()
    {
        var sketch = new Sketch(("d", 3), ("v", 5));
        int x = sketch.Input("x", "t,d");
        int copy = sketch.Add(new Weight("copy", sketch.Axes("v,d"), new WeightTensor("copy", Shape(5, 3), Otherwise: "head"), 0, Shape(3, 1)));
        int y = sketch.Product("y", "t,v", x, copy), z = sketch.Product("z", "t,v", x, sketch.Weight("head", "v,d"));
        TensorGraph graph = sketch.Graph(("y", y), ("z", z));
        GradientCheck.Passes(graph);
        Assert.Equal(["grad.x", "grad.head"], new GradientCheck(graph, 1).Backward.Outputs.Select(output => output.Name));
    }

    [Fact]
    public void Lays_the_gradients_of_views_where_the_views_read()
    {
        // Two views of one tensor apart, and a third across both.
        var sketch = new Sketch(("h", 2), ("n", 2), ("c", 3));
        int x = sketch.Input("x", "t,c");
        int low = sketch.Product("low", "t,h,n", x, sketch.View("w", [8, 3], "h,n,c", 0, [12, 3, 1]));
        int high = sketch.Product("high", "t,h,n", x, sketch.View("w", [8, 3], "h,n,c", 6, [12, 3, 1]));
        int across = sketch.Product("across", "t,h", x, sketch.View("w", [8, 3], "h,c", 3, [9, 1]));
        TensorGraph graph = sketch.Graph(("low", low), ("high", high), ("across", across));
        GradientCheck.Passes(graph);
        Assert.Equal(3, Assert.Single(new GradientCheck(graph, 1).Backward.Nodes.OfType<Assemble>()).Parts.Count);
    }

    [Fact]
    public void Differentiates_chosen_experts_and_the_scores_that_weigh_them()
    {
        TensorGraph graph = Experts();
        GradientCheck.Passes(graph);
        GradientCheck.Passes(graph, seed: 2);
    }

    [Fact]
    public void Sums_the_gradient_of_experts_by_index_within_the_contraction()
    {
        TensorGraph backward = new GradientCheck(Experts(), 1).Backward;
        Assert.DoesNotContain("grad.bias", backward.Outputs.Select(output => output.Name));
        OneHot hot = Assert.Single(backward.Nodes.OfType<OneHot>());
        Assert.Equal(["t", "k", "e"], hot.Axes.Select(axis => axis.Name));

        // No value but the taken weights themselves is as large as a copy of them for each token.
        Assert.DoesNotContain(backward.Nodes, node => node is not Weight
            && new[] { "t", "k", "f", "d" }.All(name => node.Axes.Any(axis => axis.Name == name)));
        Assert.Contains("grad.up[e,f,d] = grad.act·x·chosen.onehot", ReorderContractionsTests.Products(backward));
    }

    [Fact]
    public void Repeats_the_gradient_of_experts_along_an_axis_that_they_alone_sum()
    {
        var sketch = new Sketch(("e", 3), ("k", 2), ("f", 2));
        int index = sketch.Input("index", "t,k", isIndex: true);
        int taken = Expert(sketch, "up", "t,k,f", index, 3, 2);
        GradientCheck.Passes(sketch.Graph(("y", sketch.Product("y", "t", taken))));
    }

    [Fact]
    public void Differentiates_a_function_of_taken_weights()
    {
        var sketch = new Sketch(("e", 3), ("k", 2), ("f", 2));
        int index = sketch.Input("index", "t,k", isIndex: true);
        int taken = Expert(sketch, "up", "t,k,f", index, 3, 2);
        GradientCheck.Passes(sketch.Graph(("y", sketch.Map("y", "t,k,f", new Unary(UnaryOperator.Exp, s_first), taken))));
    }

    [Fact]
    public void Keeps_the_experts_axis_apart_from_one_of_the_same_name()
    {
        // The scores, too, are over e; the gradient of the experts must sum them over it.
        var sketch = new Sketch(("e", 3), ("k", 2), ("one", 1));
        int s = sketch.Input("s", "t,e");
        int chosen = sketch.Add(new Choose("chosen", sketch.Axes("t,k"), s, sketch.Axis("e")));
        int taken = Expert(sketch, "up", "t,k,e", chosen, 3, 3);
        GradientCheck.Passes(sketch.Graph(("y", sketch.Product("y", "t,k", taken, s))));
    }

    [Fact]
    public void Gives_a_gradient_of_zero_to_an_input_that_nothing_depends_on()
    {
        var sketch = new Sketch(("d", 2));
        int x = sketch.Input("x", "d");
        sketch.Input("z", "d");
        TensorGraph graph = sketch.Graph(("y", sketch.Map("y", "d", s_first, x)));
        Assert.Equal([0.0, 0.0], GradientCheck.Gradient(graph, "z", tokens: 1, ("x", [2], [1.0, 2.0]), ("grad.y", [2], [1.0, 1.0])));
    }

    [Fact]
    public void Says_which_name_it_does_not_find()
    {
        var sketch = new Sketch(("d", 2));
        int x = sketch.Input("x", "d");
        sketch.Input("token", "t", isIndex: true);
        TensorGraph graph = sketch.Graph(("y", sketch.Map("y", "d", s_first, x)));
        Assert.Contains("no output z", Assert.Throws<ArgumentException>(() => Differentiate.Run(graph, ["z"], [])).Message);
        Assert.Contains("no input token", Assert.Throws<ArgumentException>(() => Differentiate.Run(graph, ["y"], ["token"])).Message);
    }

    /// <summary>Two of four experts, chosen with a bias, weighed without it: the report's equations 12 to 16.</summary>
    private static TensorGraph Experts()
    {
        var sketch = new Sketch(("d", 3), ("e", 4), ("k", 2), ("f", 2));
        int x = sketch.Input("x", "t,d");
        int s = sketch.Map("s", "t,e", new Unary(UnaryOperator.Sigmoid, s_first), sketch.Product("logit", "t,e", x, sketch.Weight("gate", "e,d")));
        int biased = sketch.Map("biased", "t,e", Add(s_first, s_second), s, sketch.Weight("bias", "e"));
        int chosen = sketch.Add(new Choose("chosen", sketch.Axes("t,k"), biased, sketch.Axis("e"), Groups: 2, Keep: 1, GroupScore.Top2Sum));
        int taken = sketch.Add(new Take("taken", sketch.Axes("t,k"), s, chosen, sketch.Axis("e")));
        int sum = sketch.Add(new Reduce("sum", sketch.Axes("t"), Reduction.Sum, taken, sketch.Axis("k")));
        int w = sketch.Map("w", "t,k", Multiply(new Constant(2.5), Divide(s_first, s_second)), taken, sum);
        int act = sketch.Product("act", "t,k,f", x, Expert(sketch, "up", "t,k,f,d", chosen, 4, 2, 3));
        return sketch.Graph(("y", sketch.Product("y", "t,d", w, act, Expert(sketch, "down", "t,k,d,f", chosen, 4, 3, 2))));
    }

    private static int Embedding(Sketch sketch, string name, int token) =>
        sketch.Add(new Weight("x", sketch.Axes("t,d"), new WeightTensor(name, Shape(5, 3)), 0, Shape(0, 1), token, IndexStride: 3));

    /// <summary>A vector or a matrix of the expert that the index names.</summary>
    private static int Expert(Sketch sketch, string name, string axes, int index, int experts, params int[] shape)
    {
        int[] strides = shape.Length == 1 ? [0, 0, 1] : [0, 0, shape[1], 1];
        var tensor = new WeightTensor($"experts.{{expert}}.{name}", Shape(shape), experts);
        return sketch.Add(new Weight(name, sketch.Axes(axes), tensor, 0, Shape(strides), index));
    }

    private static EquatableArray<int> Shape(params int[] sizes) => sizes.ToEquatable();

    private static double Value(Scalar function, double first, double second) => Sinter.Tests.Reference.ScalarReference.Evaluate(function, [first, second]);
}
