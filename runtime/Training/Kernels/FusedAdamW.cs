using System;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Sinter.Runtime.Numerics;

namespace Sinter.Runtime.Training.Kernels;

/// <summary>The numbers of one step of AdamW, as the kernel wants them.</summary>
/// <param name="Kept">What a weight keeps of itself: 1 − rate · decay.</param>
/// <param name="Scale">Of the gradients, from clipping.</param>
/// <param name="Stride">rate / (1 − β1ˢ).</param>
/// <param name="Root">1 / √(1 − β2ˢ).</param>
public readonly record struct AdamWNumbers(float Kept, float Scale, float Beta1, float Beta2, float Rest1, float Rest2, float Stride, float Root, float Epsilon);

/// <summary><see cref="AdamW"/> in lanes: gradient, moments and weights pass once, and the gradient becomes zero.</summary>
public static unsafe class FusedAdamW
{
    /// <summary>Numbers whose squares are summed into one: sums do not depend on how workers share them.</summary>
    public const int Block = 1 << 14;

    /// <summary>With moments in f32.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Step<V>(in AdamWNumbers numbers, float* weights, float* gradient, float* mean, float* square, int count)
        where V : struct, ILanes<V>
    {
        for (int i = 0; i < count; i += V.Count)
        {
            int lanes = Math.Min(V.Count, count - i);
            V m = V.Load(mean + i, lanes), v = V.Load(square + i, lanes);
            Update(numbers, weights + i, gradient + i, lanes, ref m, ref v);
            m.Store(mean + i, lanes);
            v.Store(square + i, lanes);
        }
    }

    /// <summary>With moments in BF16, rounded to the nearest, ties to even.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Step<V>(in AdamWNumbers numbers, float* weights, float* gradient, ushort* mean, ushort* square, int count)
        where V : struct, ILanes<V>
    {
        float* part = stackalloc float[2 * V.Count];
        for (int i = 0; i < count; i += V.Count)
        {
            int lanes = Math.Min(V.Count, count - i);
            for (int j = 0; j < lanes; j++)
            {
                part[j] = ElementCasts.DecodeBF16(mean[i + j]);
                part[V.Count + j] = ElementCasts.DecodeBF16(square[i + j]);
            }

            V m = V.Load(part, lanes), v = V.Load(part + V.Count, lanes);
            Update(numbers, weights + i, gradient + i, lanes, ref m, ref v);
            m.Store(part);
            v.Store(part + V.Count);
            for (int j = 0; j < lanes; j++)
            {
                mean[i + j] = ElementCasts.EncodeBF16(part[j]);
                square[i + j] = ElementCasts.EncodeBF16(part[V.Count + j]);
            }
        }
    }

    /// <summary>Σ g² of at most <see cref="Block"/> numbers in double precision, eight partial sums on every machine.</summary>
    public static double SumOfSquares(float* numbers, int count)
    {
        Vector512<double> sums = Vector512<double>.Zero;
        int i = 0;
        for (; i + Vector256<float>.Count <= count; i += Vector256<float>.Count)
        {
            (Vector256<double> lower, Vector256<double> upper) = Vector256.Widen(Vector256.Load(numbers + i));
            Vector512<double> x = Vector512.Create(lower, upper);
            sums += x * x;
        }

        double sum = Vector512.Sum(sums);
        for (; i < count; i++) sum += (double)numbers[i] * numbers[i];
        return sum;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Update<V>(in AdamWNumbers numbers, float* weights, float* gradient, int lanes, ref V mean, ref V square)
        where V : struct, ILanes<V>
    {
        V slope = V.Load(gradient, lanes) * V.All(numbers.Scale);
        mean = V.Fma(V.All(numbers.Beta1), mean, V.All(numbers.Rest1) * slope);
        square = V.Fma(V.All(numbers.Beta2), square, V.All(numbers.Rest2) * slope * slope);
        V stride = V.All(numbers.Stride) * mean / V.Fma(V.Sqrt(square), V.All(numbers.Root), V.All(numbers.Epsilon));
        (V.All(numbers.Kept) * V.Load(weights, lanes) - stride).Store(weights, lanes);
        V.Zero.Store(gradient, lanes);
    }
}
