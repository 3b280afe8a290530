using System;
using System.Linq;
using Sinter.Runtime.Training;
using Xunit;

namespace Sinter.Runtime.Tests.Training;

public sealed class BatchReportTests
{
    [Fact]
    public void Reports_of_a_batch_add_up_by_their_sequences()
    {
        var one = new BatchReport(1, 4, [8], 2, [[1, 2]]);
        var three = new BatchReport(3, 8, [4], 6, [[5, 0]]);
        BatchReport sum = one.Add(three);
        Assert.Equal((4, 7.0, 5.0), (sum.Sequences, sum.Main, sum.Balance));
        Assert.Equal([5.0], sum.Prediction);
        Assert.Equal([6, 2], sum.Loads[0]);
        Assert.Equal(7 + 0.5 * 5 + 0.1 * 5, sum.Total(new ObjectiveFactors(4, 0.5, 0.1)), 1e-12);
    }

    [Fact]
    public void The_largest_violation_is_what_the_busiest_expert_has_above_the_mean() =>
        Assert.Equal(0.5, new BatchReport(1, 0, [], 0, [[6, 2, 4, 4]]).LargestViolation(0), 1e-12);

    [Fact]
    public void Normal_numbers_have_the_moments_of_the_normal_distribution_and_depend_on_seed_and_name()
    {
        var numbers = new float[100_001];
        NormalNumbers.Fill(numbers, 7, "a", 0.5);
        double mean = numbers.Average(), square = numbers.Average(x => (x - mean) * (x - mean)), fourth = numbers.Average(x => Math.Pow(x - mean, 4));

        // Six standard errors of each.
        Assert.Equal(0, mean, 6 * 0.5 / Math.Sqrt(numbers.Length));
        Assert.Equal(0.25, square, 6 * 0.25 * Math.Sqrt(2.0 / numbers.Length));
        Assert.Equal(3 * 0.0625, fourth, 6 * 0.0625 * Math.Sqrt(96.0 / numbers.Length));

        var other = new float[2];
        NormalNumbers.Fill(other, 7, "b", 0.5);
        Assert.NotEqual(numbers[0], other[0]);
        NormalNumbers.Fill(other, 8, "a", 0.5);
        Assert.NotEqual(numbers[0], other[0]);
        NormalNumbers.Fill(other, 7, "a", 0.5);
        Assert.Equal(numbers[..2], other);
    }
}
