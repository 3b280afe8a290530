using System;
using System.Runtime.CompilerServices;
using Sinter.Runtime.Numerics;

namespace Sinter.Runtime.Training.Kernels;

/// <summary>What attention does along a query's keys.</summary>
internal static unsafe class AttentionRows
{
    /// <summary>Makes of scores e^(score − the largest); gives what they are to be multiplied by so that their sum is 1.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static float Exponentials<V>(float* row, int count)
        where V : struct, ILanes<V>
    {
        int whole = count - count % V.Count, rest = count - whole;
        V largest = V.All(float.NegativeInfinity);
        for (int i = 0; i < whole; i += V.Count) largest = V.Max(largest, V.Load(row + i));
        if (rest > 0) largest = V.Max(largest, V.First(V.Load(row + whole, rest), rest, largest));

        V max = V.All(V.Largest(largest)), total = V.Zero;
        for (int i = 0; i < whole; i += V.Count)
        {
            V e = LaneMath.Exp(V.Load(row + i) - max);
            e.Store(row + i);
            total += e;
        }

        if (rest > 0)
        {
            V e = LaneMath.Exp(V.Load(row + whole, rest) - max);
            e.Store(row + whole, rest);
            total += V.First(e, rest, V.Zero);
        }

        return 1f / V.Sum(total);
    }

    /// <summary>p = exponential · inverse, slope = p · (slope − Σ p · slope).</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Slope<V>(float* exponentials, float* slopes, int count, float inverse)
        where V : struct, ILanes<V>
    {
        int whole = count - count % V.Count, rest = count - whole;
        V total = V.Zero;
        for (int i = 0; i < whole; i += V.Count) total = V.Fma(V.Load(exponentials + i), V.Load(slopes + i), total);
        if (rest > 0) total = V.Fma(V.Load(exponentials + whole, rest), V.Load(slopes + whole, rest), total);

        V factor = V.All(inverse), mean = V.All(V.Sum(total) * inverse);
        for (int i = 0; i < whole; i += V.Count)
        {
            V p = V.Load(exponentials + i) * factor;
            p.Store(exponentials + i);
            (p * (V.Load(slopes + i) - mean)).Store(slopes + i);
        }

        if (rest > 0)
        {
            V p = V.Load(exponentials + whole, rest) * factor;
            p.Store(exponentials + whole, rest);
            (p * (V.Load(slopes + whole, rest) - mean)).Store(slopes + whole, rest);
        }
    }
}
