using System;
using System.Runtime.CompilerServices;

namespace Sinter.Runtime.Numerics;

/// <summary>8-bit floats of 4 exponent and 3 mantissa bits, with a scale for each block of 128 × 128: DeepSeek-V3 report, 3.3.2.</summary>
public readonly unsafe struct E4M3 : IWeightFormat
{
    public static int Bytes
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => 1;
    }

    public static bool IsBlockScaled
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => true;
    }

    public static int ScaleRows
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => 128;
    }

    public static int ScaleColumns
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => 128;
    }

    public static float QuadFactor
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => 1.152921504606847e18f;
    }

    public static float ArrangeFactor
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => 1.152921504606847e18f;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Load<V>(byte* place)
        where V : struct, ILanes<V> => V.LoadE4M3(place);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Number(byte* place) => (*place & 0x7f) == 0x7f
        ? float.NaN
        : BitConverter.UInt32BitsToSingle(((*place & 0x80u) << 24) | ((*place & 0x7fu) << 20)) * 1.329227995784916e36f;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void LoadQuad<V>(byte* place, out V first, out V second, out V third, out V fourth)
        where V : struct, ILanes<V>
    {
        V.LoadE4M3Quads(place, out first, out second, out third, out fourth);
    }

    public static void Arrange<V>(float* from, float* to)
        where V : struct, ILanes<V>
    {
        for (int i = 0; i < 4 * V.Count; i++) to[i % 4 * V.Count + i / 4] = from[i] * ArrangeFactor;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Mark<V>(byte* place, V marks)
        where V : struct, ILanes<V> => V.MarkNaN(place, marks);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool IsMarked<V>(V marks)
        where V : struct, ILanes<V> => V.IsMarked(marks);
}
