using System;
using System.Collections.Generic;
using System.Linq;

namespace Sinter.Tests.Reference;

/// <summary>A value of the reference: numbers over named axes, row-major. Indices are whole numbers in doubles.</summary>
public sealed class NamedArray
{
    public NamedArray(IReadOnlyList<string> axes, IReadOnlyList<int> sizes, double[]? numbers = null)
    {
        if (axes.Distinct().Count() != axes.Count)
            throw new ArgumentException($"An axis appears twice in [{string.Join(",", axes)}].");
        int count = sizes.Aggregate(1, (product, size) => checked(product * size));
        Axes = axes;
        Sizes = sizes;
        Numbers = numbers ?? new double[count];
        if (Numbers.Length != count)
            throw new ArgumentException($"[{string.Join(",", axes)}] has {count} places, but {Numbers.Length} numbers came.");
    }

    public IReadOnlyList<string> Axes { get; }

    public IReadOnlyList<int> Sizes { get; }

    public double[] Numbers { get; }

    public int[] Integers => [.. Numbers.Select(number => checked((int)number))];

    public bool Has(string axis) => Axes.Contains(axis);

    public int Size(string axis) => Sizes[Place(axis)];

    /// <summary>How far apart neighbours along an axis stand; zero along an axis that the value lacks, so that it repeats.</summary>
    public int Stride(string axis)
    {
        if (!Has(axis)) return 0;
        return Sizes.Skip(Place(axis) + 1).Aggregate(1, (product, size) => product * size);
    }

    /// <summary>Strides along the given axes, in their order.</summary>
    public int[] Strides(IEnumerable<string> axes) => [.. axes.Select(Stride)];

    /// <summary>Row <paramref name="index"/> of the first axis.</summary>
    public double[] Row(int index)
    {
        int width = Numbers.Length / Sizes[0];
        return Numbers[(index * width)..((index + 1) * width)];
    }

    public override string ToString() => $"[{string.Join(",", Axes.Zip(Sizes, (axis, size) => $"{axis}={size}"))}]";

    private int Place(string axis)
    {
        for (int i = 0; i < Axes.Count; i++)
        {
            if (Axes[i] == axis) return i;
        }

        throw new ArgumentException($"{this} has no axis {axis}.");
    }
}
