using System;
using Sinter.Runtime.Training;
using Xunit;

namespace Sinter.Runtime.Tests.Training;

public sealed class RecipeTests
{
    [Fact]
    public void The_first_step_of_AdamW_goes_by_the_rate_against_the_sign_of_the_gradient()
    {
        // m̂ = g and v̂ = g², whatever the betas: w − rate·decay·w − rate · g / (|g| + ε).
        double[] weights = [1, -2], gradient = [0.5, -4], mean = [0, 0], square = [0, 0];
        AdamW.Update<double>(new AdamWSettings(Decay: 0.1), 0.01, 1, decays: true, scale: 1, weights, gradient, mean, square);
        Assert.Equal(1 - 0.001 - 0.01, weights[0], 1e-9);
        Assert.Equal(-2 + 0.002 + 0.01, weights[1], 1e-9);
        Assert.Equal([0.05, -0.4], mean, Near);
        Assert.Equal([0.0125, 0.8], square, Near);
    }

    [Fact]
    public void AdamW_corrects_the_bias_of_its_moments()
    {
        // The same gradient twice: both moments, corrected, are still g and g².
        double[] weights = [0], gradient = [3], mean = [0], square = [0];
        for (int step = 1; step <= 2; step++) AdamW.Update<double>(new AdamWSettings(), 0.25, step, decays: false, scale: 1, weights, gradient, mean, square);
        Assert.Equal(-0.5, weights[0], 1e-8);
    }

    [Fact]
    public void AdamW_without_decay_or_gradient_leaves_a_weight_where_it_is()
    {
        float[] weights = [0.3f], mean = [0], square = [0];
        AdamW.Update<float>(new AdamWSettings(), 0.1, 1, decays: false, scale: 1, weights, [0f], mean, square);
        Assert.Equal(0.3f, weights[0]);
    }

    [Fact]
    public void AdamW_refuses_moments_of_another_tensor() =>
        Assert.Throws<ArgumentException>(() => AdamW.Update<double>(new AdamWSettings(), 0.1, 1, true, 1, new double[2], new double[2], new double[3], new double[2]));

    [Theory]
    [InlineData(1, false)]
    [InlineData(2, true)]
    public void Matrices_decay_and_gains_do_not(int dimensions, bool decays) => Assert.Equal(decays, AdamW.Decays(dimensions));

    [Fact]
    public void Clipping_shortens_what_is_too_long_and_nothing_else()
    {
        Assert.Equal(25, GradientNorm.SumOfSquares<float>([3, -4]));
        Assert.Equal(0.2, GradientNorm.ClipFactor(5, 1), 1e-6);
        Assert.Equal(1, GradientNorm.ClipFactor(0.5, 1));
        Assert.Equal(1, GradientNorm.ClipFactor(0, 1));
    }

    [Theory]
    [InlineData(0, 0.25)]
    [InlineData(3, 1)]
    [InlineData(4, 1)]
    [InlineData(9, 0.55)]
    [InlineData(14, 0.1)]
    [InlineData(20, 0.1)]
    public void The_rate_warms_up_and_follows_a_cosine_to_its_floor(long step, double expected) =>
        Assert.Equal(expected, RateCurve.WarmUpThenCosine(step, warmUp: 4, steps: 14, peak: 1, floor: 0.1), 1e-12);

    [Fact]
    public void A_run_is_longer_than_its_warm_up() =>
        Assert.Throws<ArgumentOutOfRangeException>(() => RateCurve.WarmUpThenCosine(0, warmUp: 4, steps: 4, peak: 1, floor: 0));

    [Fact]
    public void The_bias_moves_against_the_load()
    {
        double[] bias = [0, 0.5, 1];
        RoutingBias.Update<double>(bias, [1, 2, 3], 0.25);
        Assert.Equal([0.25, 0.5, 0.75], bias);
        Assert.Throws<ArgumentException>(() => RoutingBias.Update<double>(new double[3], [1, 2], 0.25));
    }

    private static bool Near(double expected, double actual) => Math.Abs(expected - actual) < 1e-12;
}
