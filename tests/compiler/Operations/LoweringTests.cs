using System.Collections.Generic;
using System.Linq;
using Sinter.Compiler.Graph;
using Sinter.Compiler.Operations;
using Sinter.Compiler.Passes;
using Sinter.Compiler.Tests.Passes;
using Xunit;

namespace Sinter.Compiler.Tests.Operations;

public sealed class LoweringTests
{
    private static readonly TensorGraph s_attention = Sketch.LatentAttention(h: 3, n: 5, r: 4, u: 6, c: 7, q: 8, d: 9);

    [Fact]
    public void Absorbed_attention_reads_the_caches_themselves()
    {
        LoweredRegion region = Lower(FormAttention.Run(ReorderContractions.Run(s_attention, Workload.Decoding)));
        var attention = Assert.Single(region.Calls.Select(call => call.Operation).OfType<AttentionOperation>());
        Assert.All(attention.Terms, term => Assert.True(term.Key.IsCache));
        Assert.Equal(new KeyLayout(true, 7, new Layout(7, 0)), attention.Value);
        Assert.DoesNotContain(region.Buffers, buffer => buffer.Rows == BufferRows.Positions);
    }

    [Fact]
    public void Expanded_attention_makes_keys_and_values_of_all_positions()
    {
        LoweredRegion region = Lower(FormAttention.Run(ReorderContractions.Run(s_attention, new Workload(1000, 1000))));
        Assert.Equal(["kn", "val"], region.Buffers.Where(buffer => buffer.Rows == BufferRows.Positions).Select(buffer => buffer.Name));
        ContractionOperation keys = region.Calls.Select(call => call.Operation).OfType<ContractionOperation>().First(operation => operation.Rows == RowSource.Keys);

        // kv_b_proj holds, head by head, 5 rows of keys and 6 of values, each 7 wide.
        Assert.Equal(new ContractionWeight(0, 0, Block: 5, BlockStride: 11 * 7, ColumnStride: 7, DepthStride: 1), keys.Weights[0]);
        Assert.Equal(15, keys.Columns);
    }

    [Fact]
    public void A_map_of_two_products_becomes_their_epilogue()
    {
        var sketch = new Sketch(("d", 4), ("f", 6));
        int x = sketch.Input("x", "t,d");
        int gate = sketch.Product("gate", "t,f", x, sketch.Weight("gate_proj.weight", "f,d"));
        int up = sketch.Product("up", "t,f", x, sketch.Weight("up_proj.weight", "f,d"));
        var swiglu = new Binary(BinaryOperator.Multiply, new Unary(UnaryOperator.Silu, new Argument(0)), new Argument(1));
        int act = sketch.Map("act", "t,f", swiglu, gate, up);
        int down = sketch.Product("down", "t,d", act, sketch.Weight("down_proj.weight", "d,f"));
        int y = sketch.Map("y", "t,d", new Binary(BinaryOperator.Add, new Argument(0), new Argument(1)), x, down);
        LoweredRegion region = Lower(sketch.Graph(("x", y)));

        Assert.Equal(["GateProjAndUpProj_6x4", "DownProj_4x6"], region.Calls.Select(call => call.Operation.Name));
        var first = (ContractionOperation)region.Calls[0].Operation;
        Assert.Equal((1, 2, swiglu), (first.Inputs.Count, first.Accumulators.Count, first.Epilogue));
        var second = (ContractionOperation)region.Calls[1].Operation;
        Assert.Equal(new ContractionExtra(new Layout(4)), Assert.Single(second.Extras));

        // The residual stream is added to where it stands: the layer's input and output share memory.
        Assert.Equal(region.Calls[1].Arguments[0], new BufferArgument(region.Calls[0].Writes[0]));
        Assert.Equal(["x", "act"], region.Buffers.Select(buffer => buffer.Name));
    }

    [Fact]
    public void A_value_read_under_another_axis_name_stays_where_it_is()
    {
        var sketch = new Sketch(("d", 4), ("d'", 4));
        int x = sketch.Input("x", "t,d");
        int renamed = sketch.Add(new Rename("renamed", sketch.Axes("t,d'"), x, sketch.Axis("d"), sketch.Axis("d'")));
        int y = sketch.Product("y", "t,d", renamed, sketch.Weight("proj.weight", "d,d'"));
        LoweredRegion region = Lower(sketch.Graph(("y", y)));

        Assert.Equal(["x", "y"], region.Buffers.Select(buffer => buffer.Name));
        Assert.Equal(new BufferArgument(0), Assert.Single(region.Calls).Arguments[0]);
    }

    [Fact]
    public void A_norm_becomes_one_row_operation_with_its_reduction()
    {
        var sketch = new Sketch(("d", 4));
        int x = sketch.Input("x", "t,d"), w = sketch.Weight("norm.weight", "d");
        int square = sketch.Map("square", "t,d", new Binary(BinaryOperator.Multiply, new Argument(0), new Argument(0)), x);
        int mean = sketch.Add(new Reduce("mean", sketch.Axes("t"), Reduction.Mean, square, sketch.Axis("d")));
        var scaled = new Binary(BinaryOperator.Multiply, new Binary(BinaryOperator.Multiply, new Argument(0), new Unary(UnaryOperator.Rsqrt, new Argument(1))), new Argument(2));
        LoweredRegion region = Lower(sketch.Graph(("x", sketch.Map("y", "t,d", scaled, x, mean, w))));

        var operation = (RowOperation)Assert.Single(region.Calls).Operation;
        Assert.Equal([RowInputKind.Elements, RowInputKind.Vector], operation.Inputs.Select(input => input.Kind));
        Assert.Equal(new RowReduction(Reduction.Mean, new Binary(BinaryOperator.Multiply, new Argument(0), new Argument(0))), Assert.Single(operation.Reductions));
        Assert.Equal(
            new Binary(BinaryOperator.Multiply, new Binary(BinaryOperator.Multiply, new Argument(0), new Unary(UnaryOperator.Rsqrt, new Argument(2))), new Argument(1)),
            Assert.Single(operation.Outputs).Value);
    }

    [Fact]
    public void Chosen_experts_become_grouped_contractions_whose_results_are_added_up_by_token()
    {
        LoweredRegion region = Lower(ReorderContractions.Run(Experts(), Workload.Decoding));
        Assert.Equal(
            ["Choose_2Of5", "Group_2Of5", "ExpertsGateProjAndUpProj_6x4", "ExpertsDownProj_4x6", "AddExperts_4"],
            region.Calls.Select(call => call.Operation.Name));
        var first = (ContractionOperation)region.Calls[2].Operation;
        Assert.True(first.Inputs[0].Indexed);
        Assert.Equal(new ContractionExtra(new Layout(1), PerRow: true, Indexed: true), Assert.Single(first.Extras));
        var second = (ContractionOperation)region.Calls[3].Operation;
        Assert.False(second.Inputs[0].Indexed);
        var sum = (RowOperation)region.Calls[4].Operation;
        Assert.Equal(new RowInput(RowInputKind.GatheredSum, new Layout(4), 2), Assert.Single(sum.Inputs, input => input.Kind == RowInputKind.GatheredSum));
    }

    [Fact]
    public void Stages_order_what_depends_on_each_other_and_nothing_else()
    {
        LoweredRegion region = PlaceStages.Run(Lower(ReorderContractions.Run(Experts(), Workload.Decoding)));
        Assert.Equal([0, 1, 2, 3, 4], region.Calls.Select(call => call.Stage));

        LoweredRegion attention = PlaceStages.Run(Lower(FormAttention.Run(ReorderContractions.Run(s_attention, Workload.Decoding))));
        Assert.Equal(0, attention.Calls.Single(call => call.Operation.Name.StartsWith("QBProj", System.StringComparison.Ordinal)).Stage);
        Assert.All(attention.Calls.Where(call => call.WrittenCaches.Count > 0), call => Assert.Equal(0, call.Stage));
    }

    [Fact]
    public void Buffers_that_live_at_the_same_time_never_overlap()
    {
        foreach (TensorGraph graph in new[] { Experts(), s_attention })
        {
            LoweredRegion region = PlaceStages.Run(Lower(FormAttention.Run(ReorderContractions.Run(graph, Workload.Decoding))));
            MemoryPlan plan = PlanMemory.Run([region]);
            for (int i = 0; i < region.Buffers.Count; i++)
            {
                for (int k = 0; k < i; k++)
                {
                    if (region.Buffers[i].Rows != region.Buffers[k].Rows || plan.Offsets[0][i] < 0 || plan.Offsets[0][k] < 0 || !LiveTogether(region, i, k)) continue;
                    bool apart = plan.Offsets[0][i] + 4 * region.Buffers[i].Width <= plan.Offsets[0][k]
                        || plan.Offsets[0][k] + 4 * region.Buffers[k].Width <= plan.Offsets[0][i];
                    Assert.True(apart, $"{region.Buffers[i].Name} and {region.Buffers[k].Name}");
                }
            }

            int sum = region.Buffers.Where(buffer => buffer.Rows == BufferRows.Tokens).Sum(buffer => 4 * buffer.Width);
            Assert.InRange(plan.TokenBytes, 1, sum - 1);
        }
    }

    [Fact]
    public void Says_which_value_no_schedule_can_make()
    {
        var sketch = new Sketch(("d", 4), ("f", 3));
        int x = sketch.Input("x", "t,d"), z = sketch.Input("z", "t,d,f");
        TensorGraph graph = sketch.Graph(("y", sketch.Product("y", "t,f", x, z)));
        var failure = Assert.Throws<UnsupportedException>(() => Lower(graph));
        Assert.StartsWith("'y' is a product of activations", failure.Message);
    }

    private static LoweredRegion Lower(TensorGraph graph) => LowerRegions.Run(new Region("layers 0..1", 0, 1, graph));

    private static bool LiveTogether(LoweredRegion region, int first, int second)
    {
        List<int> Stages(int buffer) => [.. region.Calls.Where(call => call.Reads.Contains(buffer) || call.Writes.Contains(buffer)).Select(call => call.Stage)];
        return Stages(first).Min() <= Stages(second).Max() && Stages(second).Min() <= Stages(first).Max();
    }

    /// <summary>The report's equations 12 to 14 without the shared expert: two of five experts.</summary>
    private static TensorGraph Experts()
    {
        var sketch = new Sketch(("d", 4), ("f", 6), ("e", 5), ("k", 2));
        int x = sketch.Input("x", "t,d"), scores = sketch.Input("scores", "t,e"), w = sketch.Input("w", "t,k");
        int chosen = sketch.Add(new Choose("chosen", sketch.Axes("t,k"), scores, sketch.Axis("e")));
        int Expert(string name, string axes, int rows, int columns) => sketch.Add(new Weight(
            name, sketch.Axes("t,k," + axes), new WeightTensor($"model.layers.{{layer}}.mlp.experts.{{expert}}.{name}", new[] { rows, columns }.ToEquatable(), 5),
            0, new[] { 0, 0, columns, 1 }.ToEquatable(), chosen));
        int gate = sketch.Product("gate", "t,k,f", x, Expert("gate_proj.weight", "f,d", 6, 4));
        int up = sketch.Product("up", "t,k,f", x, Expert("up_proj.weight", "f,d", 6, 4));
        int silu = sketch.Map("act", "t,k,f", new Unary(UnaryOperator.Silu, new Argument(0)), gate);
        int routed = sketch.Product("routed", "t,d", w, silu, up, Expert("down_proj.weight", "d,f", 4, 6));
        return sketch.Graph(("x", sketch.Map("y", "t,d", new Binary(BinaryOperator.Add, new Argument(0), new Argument(1)), x, routed)));
    }
}
