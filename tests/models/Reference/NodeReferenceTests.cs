using System;
using System.Linq;
using Sinter.Compiler;
using Sinter.Compiler.Graph;
using Sinter.Tests.Reference;
using Xunit;
using static Sinter.Models.Tests.Reference.Hand;

namespace Sinter.Models.Tests.Reference;

/// <summary>Every kind of node on numbers that can be worked out by hand.</summary>
public sealed class NodeReferenceTests
{
    private static readonly Axis s_a = Axis("a", 2);
    private static readonly Axis s_b = Axis("b", 3);
    private static readonly Axis s_e = Axis("e", 4);
    private static readonly Axis s_k = Axis("k", 2);

    [Fact]
    public void A_contraction_sums_the_axes_that_its_result_lacks()
    {
        NamedArray y = Last(
            [Input("x", s_a, s_b), Input("w", s_b), new Contract("y", Axes(s_a), Nodes(0, 1))],
            new() { ["x"] = Array("ab", [2, 3], 1, 2, 3, 4, 5, 6), ["w"] = Array("b", [3], 1, 10, 100) });
        Assert.Equal([321.0, 654.0], y.Numbers);
    }

    [Fact]
    public void A_contraction_may_only_reorder_axes()
    {
        NamedArray y = Last(
            [Input("x", s_a, s_b), new Contract("y", Axes(s_b, s_a), Nodes(0))],
            new() { ["x"] = Array("ab", [2, 3], 1, 2, 3, 4, 5, 6) });
        Assert.Equal([1.0, 4.0, 2.0, 5.0, 3.0, 6.0], y.Numbers);
    }

    [Fact]
    public void A_value_may_be_a_factor_twice()
    {
        NamedArray y = Last(
            [Input("x", s_a), Input("w", s_b), new Contract("y", Axes(s_b), Nodes(1, 0, 0))],
            new() { ["x"] = Array("a", [2], 2, 3), ["w"] = Array("b", [3], 1, 10, 100) });
        Assert.Equal([13.0, 130.0, 1300.0], y.Numbers);
    }

    [Fact]
    public void Three_factors_give_the_sum_over_all_axes_at_once()
    {
        // y[a] = Σ over b and e of x[a,b] · v[b,e] · u[e,a], every term written out below.
        double[] x = [1, -2, 3, 4, 5, -6];
        double[] v = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12];
        double[] u = [2, -1, 3, 1, -2, 5, 7, 4];
        NamedArray y = Last(
            [Input("x", s_a, s_b), Input("v", s_b, s_e), Input("u", s_e, s_a), new Contract("y", Axes(s_a), Nodes(0, 1, 2))],
            new() { ["x"] = Array("ab", [2, 3], x), ["v"] = Array("be", [3, 4], v), ["u"] = Array("ea", [4, 2], u) });

        var expected = new double[2];
        for (int a = 0; a < 2; a++)
        {
            for (int b = 0; b < 3; b++)
            {
                for (int e = 0; e < 4; e++) expected[a] += x[a * 3 + b] * v[b * 4 + e] * u[e * 2 + a];
            }
        }

        Assert.Equal(expected, y.Numbers);
    }

    [Fact]
    public void A_weight_is_a_view_with_offset_and_strides()
    {
        // Rows 1 and 2 of a matrix [3,2], read down the columns: what a split of an axis amounts to.
        NamedArray w = Last(
            [new Weight("w", Axes(Axis("c", 2), Axis("r", 2)), new WeightTensor("m", Shape(3, 2)), Offset: 2, Shape(1, 2))],
            [],
            new Weights { { "m", [3, 2], 1, 2, 3, 4, 5, 6 } });
        Assert.Equal([3.0, 5.0, 4.0, 6.0], w.Numbers);
    }

    [Fact]
    public void A_table_is_read_at_the_rows_that_an_index_names()
    {
        NamedArray x = Last(
            [Input("token", T), new Weight("x", Axes(T, s_a), new WeightTensor("m", Shape(3, 2)), 0, Shape(0, 1), Index: 0, IndexStride: 2)],
            new() { ["token"] = Array("t", [2], 2, 0) },
            new Weights { { "m", [3, 2], 1, 2, 3, 4, 5, 6 } },
            tokens: 2);
        Assert.Equal([5.0, 6.0, 1.0, 2.0], x.Numbers);
    }

    [Fact]
    public void Experts_are_tensors_of_their_own_in_every_layer()
    {
        NamedArray w = Last(
            [
                Input("chosen", T, s_k),
                new Weight("w", Axes(T, s_k, s_a), new WeightTensor("l{layer}.e{expert}", Shape(2), Experts: 3), 0, Shape(0, 0, 1), Index: 0),
            ],
            new() { ["chosen"] = Array("tk", [1, 2], 2, 0) },
            new Weights { { "l5.e0", [2], 1, 2 }, { "l5.e1", [2], 3, 4 }, { "l5.e2", [2], 5, 6 } },
            layer: 5);
        Assert.Equal([5.0, 6.0, 1.0, 2.0], w.Numbers);
    }

    [Fact]
    public void A_tensor_that_is_left_out_is_taken_from_where_else_the_graph_says()
    {
        NamedArray w = Last(
            [new Weight("w", Axes(s_a), new WeightTensor("copy", Shape(2), Otherwise: "original"), 0, Shape(1))],
            [],
            new Weights { { "original", [2], 7, 8 } });
        Assert.Equal([7.0, 8.0], w.Numbers);
    }

    [Fact]
    public void A_tensor_of_another_shape_is_an_error_that_names_it()
    {
        InvalidOperationException error = Assert.Throws<InvalidOperationException>(() => Last(
            [new Weight("w", Axes(s_a), new WeightTensor("m", Shape(2)), 0, Shape(1))], [], new Weights { { "m", [3], 1, 2, 3 } }));
        Assert.Contains("m is [3], the graph wants [2]", error.Message);
    }

    [Fact]
    public void A_map_repeats_inputs_along_the_axes_that_they_lack()
    {
        // (x - 2) · y
        Scalar function = new Binary(
            BinaryOperator.Multiply, new Binary(BinaryOperator.Subtract, new Argument(0), new Constant(2)), new Argument(1));
        NamedArray z = Last(
            [Input("x", s_a), Input("y", s_b), new Map("z", Axes(s_a, s_b), function, Nodes(0, 1))],
            new() { ["x"] = Array("a", [2], 3, 5), ["y"] = Array("b", [3], 1, 2, 3) });
        Assert.Equal([1.0, 2.0, 3.0, 3.0, 6.0, 9.0], z.Numbers);
    }

    [Theory]
    [InlineData(UnaryOperator.Negate, 2, -2)]
    [InlineData(UnaryOperator.Exp, 0, 1)]
    [InlineData(UnaryOperator.Log, 1, 0)]
    [InlineData(UnaryOperator.Sqrt, 9, 3)]
    [InlineData(UnaryOperator.Rsqrt, 16, 0.25)]
    [InlineData(UnaryOperator.Sigmoid, 0, 0.5)]
    [InlineData(UnaryOperator.Silu, 1, 0.7310585786300049)]
    [InlineData(UnaryOperator.Tanh, 1, 0.7615941559557649)]
    [InlineData(UnaryOperator.Relu, -3, 0)]
    [InlineData(UnaryOperator.Abs, -3, 3)]
    public void Functions_of_one_number(UnaryOperator operation, double x, double expected) =>
        Assert.Equal(expected, ScalarReference.Evaluate(new Unary(operation, new Argument(0)), [x]), 15);

    [Theory]
    [InlineData(BinaryOperator.Add, 11)]
    [InlineData(BinaryOperator.Subtract, 5)]
    [InlineData(BinaryOperator.Multiply, 24)]
    [InlineData(BinaryOperator.Divide, 8.0 / 3)]
    [InlineData(BinaryOperator.Max, 8)]
    [InlineData(BinaryOperator.Min, 3)]
    public void Functions_of_two_numbers(BinaryOperator operation, double expected) =>
        Assert.Equal(expected, ScalarReference.Evaluate(new Binary(operation, new Argument(0), new Argument(1)), [8, 3]));

    [Theory]
    [InlineData(Reduction.Sum, 6, 15)]
    [InlineData(Reduction.Mean, 2, 5)]
    [InlineData(Reduction.Max, 3, 6)]
    public void A_reduction_runs_along_one_axis(Reduction reduction, double first, double second)
    {
        NamedArray y = Last(
            [Input("x", s_a, s_b), new Reduce("y", Axes(s_a), reduction, 0, s_b)],
            new() { ["x"] = Array("ab", [2, 3], 1, 2, 3, 4, 5, 6) });
        Assert.Equal([first, second], y.Numbers);
    }

    [Fact]
    public void Softmax_gives_shares_and_bears_large_numbers()
    {
        // exp of 0, ln 3 and -∞ are 1, 3 and 0; adding 1000 to all changes nothing.
        NamedArray p = Last(
            [Input("x", s_b), new Softmax("p", Axes(s_b), 0, s_b)],
            new() { ["x"] = Array("b", [3], 1000, 1000 + Math.Log(3), double.NegativeInfinity) });
        Assert.Equal(0.25, p.Numbers[0], 12);
        Assert.Equal(0.75, p.Numbers[1], 12);
        Assert.Equal(0, p.Numbers[2]);
    }

    [Fact]
    public void Rotation_turns_neighbours_by_the_angle_of_the_token_s_position()
    {
        // Position 3, angles of 30° and 60° a position: the pair (1,0) goes to 90°, (0,1) from 90° to 270°; both twice as long.
        var table = new RotaryTable(4, new[] { Math.PI / 6, Math.PI / 3 }.ToEquatable(), Magnitude: 2);
        Axis r = Axis("r", 4);
        NamedArray y = Last(
            [Input("x", T, r), new Rotary("y", Axes(T, r), 0, r, table)],
            new() { ["x"] = Array("tr", [1, 4], 1, 0, 0, 1) },
            firstPosition: 3);
        Assert.Equal([0, 2, 0, -2], y.Numbers.Select(number => Math.Round(number, 12)));
    }

    [Fact]
    public void A_query_sees_no_key_after_itself()
    {
        // Two tokens at positions 1 and 2, over three keys.
        NamedArray y = Last(
            [Input("x", T, S), new Causal("y", Axes(T, S), 0)],
            new() { ["x"] = Array("ts", [2, 3], 1, 2, 3, 4, 5, 6) },
            firstPosition: 1,
            tokens: 2);
        Assert.Equal([1, 2, double.NegativeInfinity, 4, 5, 6], y.Numbers);
    }

    [Fact]
    public void Choices_come_by_score_and_the_lower_index_wins_a_tie()
    {
        NamedArray chosen = Last(
            [Input("x", T, s_e), new Choose("chosen", Axes(T, s_k), 0, s_e)],
            new() { ["x"] = Array("te", [2, 4], 1, 5, 2, 5, 3, 3, 9, 3) },
            tokens: 2);
        Assert.Equal([1, 3, 2, 0], chosen.Integers);
    }

    [Theory]
    [InlineData(GroupScore.Max, new[] { 0, 1 })]
    [InlineData(GroupScore.Top2Sum, new[] { 2, 3 })]
    public void Only_members_of_the_best_groups_may_be_chosen(GroupScore score, int[] expected)
    {
        // Groups (9, 0) and (8, 7): the first has the best member, the second the better two.
        NamedArray chosen = Last(
            [Input("x", s_e), new Choose("chosen", Axes(s_k), 0, s_e, Groups: 2, Keep: 1, score)],
            new() { ["x"] = Array("e", [4], 9, 0, 8, 7) });
        Assert.Equal(expected, chosen.Integers);
    }

    [Fact]
    public void Members_of_other_groups_stay_out_even_where_all_scores_are_negative()
    {
        NamedArray chosen = Last(
            [Input("x", s_e), new Choose("chosen", Axes(s_k), 0, s_e, Groups: 2, Keep: 1, GroupScore.Top2Sum)],
            new() { ["x"] = Array("e", [4], -3, -9, -4, -5) });
        Assert.Equal([2, 3], chosen.Integers);
    }

    [Fact]
    public void Chosen_values_are_taken_by_their_index()
    {
        NamedArray y = Last(
            [Input("x", T, s_e), Input("chosen", T, s_k), new Take("y", Axes(T, s_k), 0, 1, s_e)],
            new()
            {
                ["x"] = Array("te", [2, 4], 1, 2, 3, 4, 5, 6, 7, 8),
                ["chosen"] = Array("tk", [2, 2], 3, 0, 1, 2),
            },
            tokens: 2);
        Assert.Equal([4.0, 1.0, 6.0, 7.0], y.Numbers);
    }

    [Fact]
    public void A_cache_grows_by_the_step_s_rows_and_gives_all_of_them()
    {
        var caches = new CacheStore();
        Node[] graph = [Input("x", T, s_a), new Cached("all", Axes(S, s_a), 0, "latent")];
        Last(graph, new() { ["x"] = Array("ta", [2, 2], 1, 2, 3, 4) }, caches: caches, layer: 0, tokens: 2);
        NamedArray other = Last(graph, new() { ["x"] = Array("ta", [1, 2], 9, 9) }, caches: caches, layer: 1);
        NamedArray all = Last(graph, new() { ["x"] = Array("ta", [1, 2], 5, 6) }, caches: caches, layer: 0, firstPosition: 2);
        Assert.Equal([1.0, 2.0, 3.0, 4.0, 5.0, 6.0], all.Numbers);
        Assert.Equal([9.0, 9.0], other.Numbers);
    }

    [Fact]
    public void A_cache_that_lags_behind_the_position_is_an_error()
    {
        InvalidOperationException error = Assert.Throws<InvalidOperationException>(() => Last(
            [Input("x", T, s_a), new Cached("all", Axes(S, s_a), 0, "latent")],
            new() { ["x"] = Array("ta", [1, 2], 5, 6) },
            firstPosition: 1));
        Assert.Contains("cache latent holds 0 rows before position 1", error.Message);
    }

    private static EquatableArray<int> Shape(params int[] sizes) => sizes.ToEquatable();
}
