using System;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
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
        const int Part = 64;
        float* means = stackalloc float[Part], squares = stackalloc float[Part];
        for (int start = 0; start < count; start += Part)
        {
            int width = Math.Min(Part, count - start);
            Widen(mean + start, means, width);
            Widen(square + start, squares, width);
            for (int i = 0; i < width; i += V.Count)
            {
                int lanes = Math.Min(V.Count, width - i);
                V m = V.Load(means + i, lanes), v = V.Load(squares + i, lanes);
                Update(numbers, weights + start + i, gradient + start + i, lanes, ref m, ref v);
                m.Store(means + i, lanes);
                v.Store(squares + i, lanes);
            }

            Narrow(means, mean + start, width);
            Narrow(squares, square + start, width);
        }
    }

    /// <summary>Σ g² of at most <see cref="Block"/> numbers in double precision, sixteen partial sums on every machine.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static double SumOfSquares(float* numbers, int count)
    {
        // What a gradient's number was last is in another thread's cache or none: it has to be asked for early.
        const int Ahead = 512;
        Vector512<double> even = Vector512<double>.Zero, odd = Vector512<double>.Zero;
        int i = 0;
        for (; i + Vector512<float>.Count <= count; i += Vector512<float>.Count)
        {
            Tiles.Prefetch((byte*)(numbers + i + Ahead), Vector512<float>.Count * sizeof(float));
            Vector512<double> x = Doubles(numbers + i), y = Doubles(numbers + i + Vector256<float>.Count);
            even = Vector512.FusedMultiplyAdd(x, x, even);
            odd = Vector512.FusedMultiplyAdd(y, y, odd);
        }

        double sum = Vector512.Sum(even + odd);
        for (; i < count; i++) sum += (double)numbers[i] * numbers[i];
        return sum;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<double> Doubles(float* numbers)
    {
        Vector256<float> x = Vector256.Load(numbers);
        if (Avx512F.IsSupported) return Avx512F.ConvertToVector512Double(x);
        (Vector256<double> lower, Vector256<double> upper) = Vector256.Widen(x);
        return Vector512.Create(lower, upper);
    }

    private static void Widen(ushort* from, float* to, int count)
    {
        int i = 0;
        for (; i + Vector256<ushort>.Count <= count; i += Vector256<ushort>.Count)
        {
            (Vector256<uint> lower, Vector256<uint> upper) = Vector256.Widen(Vector256.Load(from + i));
            (lower << 16).AsSingle().Store(to + i);
            (upper << 16).AsSingle().Store(to + i + Vector256<uint>.Count);
        }

        for (; i < count; i++) to[i] = ElementCasts.DecodeBF16(from[i]);
    }

    private static void Narrow(float* from, ushort* to, int count)
    {
        Casts.RoundBF16(from, from, count);
        int i = 0;
        for (; i + Vector256<ushort>.Count <= count; i += Vector256<ushort>.Count)
        {
            Vector256<uint> lower = Vector256.Load(from + i).AsUInt32() >>> 16, upper = Vector256.Load(from + i + Vector256<uint>.Count).AsUInt32() >>> 16;
            Vector256.Narrow(lower, upper).Store(to + i);
        }

        for (; i < count; i++) to[i] = (ushort)(BitConverter.SingleToUInt32Bits(from[i]) >> 16);
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
