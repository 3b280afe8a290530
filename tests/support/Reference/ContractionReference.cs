using System.Collections.Generic;
using System.Linq;

namespace Sinter.Tests.Reference;

/// <summary>Σ over the axes that the result lacks of the product of the factors.</summary>
public static class ContractionReference
{
    /// <summary>
    /// Two factors at a time, an axis being summed once neither the result nor a remaining factor has it: by the
    /// distributive law that is the sum over all axes at once, which no test could wait for. Which factor comes next is
    /// decided by the size of what it makes, and has nothing to do with the compiler's orders.
    /// </summary>
    public static NamedArray Contract(IReadOnlyList<string> axes, IReadOnlyList<NamedArray> factors)
    {
        NamedArray product = factors[0];
        List<NamedArray> remaining = [.. factors.Skip(1)];
        while (remaining.Count > 0)
        {
            // By place: one value may be a factor twice, and then the other one still needs its axes.
            int next = Enumerable.Range(0, remaining.Count).MinBy(place => Size(Kept(product, place, axes, remaining), product, remaining[place]));
            product = Multiply([.. Kept(product, next, axes, remaining)], product, remaining[next]);
            remaining.RemoveAt(next);
        }

        // Puts the axes in the order wanted, and sums what a lone factor has too many.
        return Multiply(axes, product, new NamedArray([], [], [1]));
    }

    /// <summary>result[kept] = Σ over all other axes of a · b.</summary>
    public static NamedArray Multiply(IReadOnlyList<string> kept, NamedArray a, NamedArray b)
    {
        string[] summed = [.. a.Axes.Union(b.Axes).Except(kept)];
        int[] sizes = [.. kept.Select(axis => SizeOf(axis, a, b))];
        int[] summedSizes = [.. summed.Select(axis => SizeOf(axis, a, b))];
        int[] aPlaces = Places.Of(sizes, a.Strides(kept));
        int[] bPlaces = Places.Of(sizes, b.Strides(kept));
        int[] aTerms = Places.Of(summedSizes, a.Strides(summed));
        int[] bTerms = Places.Of(summedSizes, b.Strides(summed));

        var result = new NamedArray(kept, sizes);
        for (int place = 0; place < result.Numbers.Length; place++)
        {
            double sum = 0;
            for (int term = 0; term < aTerms.Length; term++)
            {
                sum += a.Numbers[aPlaces[place] + aTerms[term]] * b.Numbers[bPlaces[place] + bTerms[term]];
            }

            result.Numbers[place] = sum;
        }

        return result;
    }

    private static IEnumerable<string> Kept(
        NamedArray a, int next, IReadOnlyList<string> axes, IReadOnlyList<NamedArray> remaining) =>
        a.Axes.Union(remaining[next].Axes).Where(axis =>
            axes.Contains(axis) || remaining.Where((_, place) => place != next).Any(factor => factor.Has(axis)));

    private static double Size(IEnumerable<string> axes, NamedArray a, NamedArray b) =>
        axes.Aggregate(1.0, (product, axis) => product * SizeOf(axis, a, b));

    private static int SizeOf(string axis, NamedArray a, NamedArray b) => a.Has(axis) ? a.Size(axis) : b.Size(axis);
}
