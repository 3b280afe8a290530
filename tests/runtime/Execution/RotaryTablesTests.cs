using System;
using Sinter.Runtime.Execution;
using Xunit;

namespace Sinter.Runtime.Tests.Execution;

public sealed unsafe class RotaryTablesTests
{
    [Fact]
    public void Holds_cosine_and_sine_of_every_position_and_pair()
    {
        double[] first = [1, 0.1, 0.01], second = [0.5];
        using var tables = new RotaryTables(DescriptionOf.Nothing with { Rotaries = [new(6, first, 1), new(2, second, 1.25)] }, 300);
        for (int position = 0; position < 300; position++)
        {
            for (int pair = 0; pair < 3; pair++) AssertPair(tables.Pointers[0] + 6 * position + 2 * pair, position * first[pair], 1);
            AssertPair(tables.Pointers[1] + 2 * position, position * 0.5, 1.25);
        }
    }

    private static void AssertPair(float* pair, double angle, double magnitude)
    {
        // An f32 angle is off by at most 2^-24 of itself twice over (the frequency and the product); the result by another 2^-24.
        double tolerance = (2 * angle + 1) * magnitude * Math.Pow(2, -24);
        Assert.InRange(pair[0] - Math.Cos(angle) * magnitude, -tolerance, tolerance);
        Assert.InRange(pair[1] - Math.Sin(angle) * magnitude, -tolerance, tolerance);
    }
}
