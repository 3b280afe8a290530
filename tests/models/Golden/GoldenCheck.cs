using System;
using System.Collections.Generic;
using System.Linq;
using Sinter.Tests.Data;
using Sinter.Tests.Reference;
using Xunit;

namespace Sinter.Models.Tests.Golden;

/// <summary>Holds numbers against golden ones and says where they part.</summary>
internal static class GoldenCheck
{
    /// <summary>Checkpoints that have hidden states, router choices and logits of the main model.</summary>
    public static TheoryData<string> Checkpoints => [.. Names];

    public static string[] Names => ["tiny-v3", "tiny-v3-noqlora-sharded", "tiny-v3-yarn", "tiny-trained"];

    /// <summary>Those among them with a layer of multi-token prediction.</summary>
    public static TheoryData<string> Predicting => ["tiny-v3", "tiny-v3-yarn", "tiny-trained"];

    public static void Near(double[] expected, double[] actual, double tolerance, string what)
    {
        Assert.Equal(expected.Length, actual.Length);
        int worst = Enumerable.Range(0, expected.Length).MaxBy(i => Distance(expected[i], actual[i]));
        double distance = Distance(expected[worst], actual[worst]);
        Assert.True(
            distance <= tolerance,
            $"{what}: number {worst} is {actual[worst]:g9} instead of {expected[worst]:g9}, {distance:g3} apart where {tolerance:g3} is allowed.");
    }

    /// <summary>The first numbers of a kernel's output, as many as are expected.</summary>
    public static void NearStart(double[] expected, float[] actual, double tolerance, string what) =>
        Near(expected, [.. actual.Take(expected.Length).Select(number => (double)number)], tolerance, what);

    /// <summary>
    /// Rows of a residual stream, each in units of its root mean square where that is more than one: the tolerances were
    /// measured behind the final norm, which divides by it.
    /// </summary>
    public static void NearHidden(double[] expected, double[] actual, int width, double tolerance, string what)
    {
        Assert.Equal(expected.Length, actual.Length);
        double[] units = [.. Enumerable.Range(0, expected.Length / width)
            .Select(row => Math.Sqrt(expected.Skip(row * width).Take(width).Average(number => number * number)))
            .Select(root => Math.Max(1, root))];
        double[] InUnits(double[] numbers) => [.. numbers.Select((number, place) => number / units[place / width])];
        Near(InUnits(expected), InUnits(actual), tolerance, what + " in units of its row");
    }

    /// <summary>Each row's choices in ascending order with their weights: references list them in no certain order.</summary>
    public static (int[] Indices, double[] Weights) Sorted(int[] indices, double[] weights, int chosen)
    {
        List<int> sortedIndices = [];
        List<double> sortedWeights = [];
        foreach (int row in Enumerable.Range(0, indices.Length / chosen))
        {
            foreach (int place in Enumerable.Range(row * chosen, chosen).OrderBy(place => indices[place]))
            {
                sortedIndices.Add(indices[place]);
                sortedWeights.Add(weights[place]);
            }
        }

        return ([.. sortedIndices], [.. sortedWeights]);
    }

    // A NaN is as far away as can be.
    private static double Distance(double expected, double actual) =>
        double.IsNaN(actual - expected) ? double.PositiveInfinity : Math.Abs(actual - expected);
}
