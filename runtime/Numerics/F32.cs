using System.Runtime.CompilerServices;

namespace Sinter.Runtime.Numerics;

/// <summary>32-bit IEEE floats.</summary>
public readonly unsafe struct F32 : IWeightFormat
{
    public static int Bytes
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => 4;
    }

    public static bool IsBlockScaled
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => false;
    }

    public static int ScaleRows
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => 1;
    }

    public static int ScaleColumns
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => 1;
    }

    public static float QuadFactor
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => 1f;
    }

    public static float ArrangeFactor
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => 1f;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Load<V>(byte* place)
        where V : struct, ILanes<V> => V.Load((float*)place);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Number(byte* place) => *(float*)place;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void LoadQuad<V>(byte* place, out V first, out V second, out V third, out V fourth)
        where V : struct, ILanes<V>
    {
        float* numbers = (float*)place;
        first = V.Load(numbers);
        second = V.Load(numbers + V.Count);
        third = V.Load(numbers + 2 * V.Count);
        fourth = V.Load(numbers + 3 * V.Count);
    }

    public static void Arrange<V>(float* from, float* to)
        where V : struct, ILanes<V>
    {
        for (int i = 0; i < 4 * V.Count; i++) to[i] = from[i];
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Mark<V>(byte* place, V marks)
        where V : struct, ILanes<V> => marks;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool IsMarked<V>(V marks)
        where V : struct, ILanes<V> => false;
}
