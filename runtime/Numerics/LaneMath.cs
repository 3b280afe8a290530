using System;
using System.Runtime.CompilerServices;

namespace Sinter.Runtime.Numerics;

/// <summary>Functions of a vector; each within two units in the last place over the range where the result is a normal number.</summary>
public static class LaneMath
{
    /// <summary>e^x: x = n·ln 2 + r with a polynomial in r (Cephes' expf). Zero below -104, infinite above 89, NaN for NaN.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Exp<V>(V x)
        where V : struct, ILanes<V>
    {
        x = V.Min(V.All(89f), V.Max(V.All(-104f), x));
        V n = V.Round(x * V.All(1.44269504088896341f));
        V r = V.Fma(n, V.All(-0.693359375f), x);
        r = V.Fma(n, V.All(2.12194440e-4f), r);
        V p = V.All(1.9875691500e-4f);
        p = V.Fma(p, r, V.All(1.3981999507e-3f));
        p = V.Fma(p, r, V.All(8.3334519073e-3f));
        p = V.Fma(p, r, V.All(4.1665795894e-2f));
        p = V.Fma(p, r, V.All(1.6666665459e-1f));
        p = V.Fma(p, r, V.All(5.0000001201e-1f));
        return V.Scale(V.Fma(p, r * r, r) + V.All(1f), n);
    }

    /// <summary>1 / (1 + e^-x)</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Sigmoid<V>(V x)
        where V : struct, ILanes<V> => V.All(1f) / (V.All(1f) + Exp(-x));

    /// <summary>x / (1 + e^-x). Minus infinity is taken for the lowest number: the limit is zero, and ∞/∞ would be none.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Silu<V>(V x)
        where V : struct, ILanes<V> => V.Max(V.All(float.MinValue), x) / (V.All(1f) + Exp(-x));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Rsqrt<V>(V x)
        where V : struct, ILanes<V> => V.All(1f) / V.Sqrt(x);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Relu<V>(V x)
        where V : struct, ILanes<V> => V.Max(V.Zero, x);

    /// <summary>1 where x is above zero, else 0.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Step<V>(V x)
        where V : struct, ILanes<V> => V.WhereLess(V.Zero, x, V.All(1f), V.Zero);

    /// <summary>Near zero a polynomial (Cephes' tanhf), since (1 − t) / (1 + t) cancels there.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Tanh<V>(V x)
        where V : struct, ILanes<V>
    {
        V square = x * x;
        V p = V.All(-5.70498872745e-3f);
        p = V.Fma(p, square, V.All(2.06390887954e-2f));
        p = V.Fma(p, square, V.All(-5.37397155531e-2f));
        p = V.Fma(p, square, V.All(1.33314422036e-1f));
        p = V.Fma(p, square, V.All(-3.33332819422e-1f));
        V small = V.Fma(p * square, x, x);
        V magnitude = V.Abs(x), t = Exp(V.All(-2f) * magnitude);
        V large = (V.All(1f) - t) / (V.All(1f) + t);
        large = V.WhereLess(x, V.Zero, -large, large);
        return V.WhereLess(magnitude, V.All(0.625f), small, large);
    }

    /// <summary>
    /// How many lanes a row of this width still fills from there on, whole vectors from its beginning; a constant where the vectors
    /// divide the width.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int Left<V>(int width, int at)
        where V : struct, ILanes<V> => width % V.Count == 0 ? V.Count : Math.Min(V.Count, width - at);

    public static float Sigmoid(float x) => 1f / (1f + MathF.Exp(-x));

    public static float Silu(float x) => MathF.Max(float.MinValue, x) / (1f + MathF.Exp(-x));

    public static float Rsqrt(float x) => 1f / MathF.Sqrt(x);

    public static float Step(float x) => x > 0f ? 1f : 0f;

    public static float Relu(float x) => MathF.Max(0f, x);
}
