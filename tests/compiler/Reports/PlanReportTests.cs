using System;
using Sinter.Compiler.Reports;
using Xunit;

namespace Sinter.Compiler.Tests.Reports;

public sealed class PlanReportTests
{
    private const int Context = 1000;
    private static readonly PlanReport s_plan = PlanModel.Of(HandMadeModel.Build(), Context, batch: 3);

    // What a token is multiplied with besides attention's inner products and the head: of both layers q, down and o; mlp;
    // the router and two experts; the shared expert.
    private const double Projections = 2 * (24 + 20 + 24) + 2 * 6 * 4 + 8 * 4 + 2 * 2 * 2 * 4 + 2 * 3 * 4;
    private const double Norms = 3 * 4;
    private const double Head = 10 * 4;

    [Fact]
    public void Decoding_in_the_absorbed_order_expands_nothing()
    {
        // Query into the latent space and value out of it: 30 each; scores and values over the context: heads · latent each.
        double attention = 2 * (30 + 30 + 2.0 * 2 * 5 * Context);
        AssertFlops(2 * (Projections + Head + attention), s_plan.Decoding.AbsorbedFlops, 2 * Norms);
    }

    [Fact]
    public void Decoding_in_the_expanded_order_expands_the_whole_context()
    {
        double attention = 2 * (60.0 * Context + 2.0 * 2 * 3 * Context);
        AssertFlops(2 * (Projections + Head + attention), s_plan.Decoding.ExpandedFlops, 2 * Norms);
    }

    [Fact]
    public void Prefill_expands_each_position_once_and_attends_to_half_of_them()
    {
        double attention = 2 * (60.0 + 2.0 * 2 * 3 * (Context + 1) / 2);
        AssertFlops(2 * (Projections + Head / Context + attention), s_plan.Prefill.ExpandedFlops, 2 * Norms);
    }

    [Fact]
    public void Reads_the_rows_and_experts_that_the_tokens_are_expected_to_need()
    {
        // All but embedding and experts is read whole; of 8 experts, 8·(1 − (6/8)³) by three tokens; three rows of the table.
        double whole = 2 * 128 + 2 * 6 * 4 + 2 * 3 * 4 + 8 * 4 + 8 + Norms + Head;
        double read = whole + 8 * 2 * 2 * 4 * (1 - Math.Pow(0.75, 3)) + 3 * 4;
        Assert.Equal(2 * read / 3, s_plan.Decoding.Bf16WeightBytes, 1e-9);
    }

    [Fact]
    public void Keeps_the_cache_of_every_sequence_in_single_precision()
    {
        Assert.Equal(4L * 5 * 2, s_plan.CacheBytesPerToken);
        Assert.Equal(4L * 5 * 2 * Context * 3, s_plan.CacheBytes);
        Assert.Equal(4.0 * 5 * 2 * Context, s_plan.Decoding.CacheBytes);
        Assert.Equal(4.0 * 5 * 2, s_plan.Prefill.CacheBytes);
    }

    [Fact]
    public void Stores_projections_as_published_in_fp8_with_a_scale_a_block()
    {
        // Each matrix here is one block: 5 a layer of attention, 2 dense, 2 shared, 2 · 8 routed.
        long projections = 2 * 128 + 2 * 6 * 4 + 2 * 3 * 4 + 8 * 2 * 2 * 4, matrices = 2 * 5 + 2 + 2 + 16;
        long others = 2 * (10 * 4 + 10 * 4 + 8 * 4 + 3 * 4) + 4 * 8;
        Assert.Equal(projections + 4 * matrices + others, s_plan.Fp8Bytes);
    }

    /// <summary>The hand-made norms are products too, and may be counted with either neighbour.</summary>
    private static void AssertFlops(double expected, double actual, double norms) => Assert.InRange(actual, expected, expected + norms * 10);
}
