using System.Runtime.CompilerServices;

namespace Sinter.Runtime.Numerics;

/// <summary>
/// Whole numbers from -127 to 127, with a scale for each <see cref="ScaleColumns"/> of a stored row: what llama.cpp's q8_0 is, in
/// groups twice as long with f32 scales, so as large. A quad of 512-bit lanes is one group.
/// </summary>
public readonly unsafe struct Int8 : IWeightFormat
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
        get => 1;
    }

    public static int ScaleColumns
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => 64;
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
        where V : struct, ILanes<V> => V.LoadInt8((sbyte*)place);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Number(byte* place) => *(sbyte*)place;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void LoadQuad<V>(byte* place, out V first, out V second, out V third, out V fourth)
        where V : struct, ILanes<V>
    {
        first = V.LoadInt8((sbyte*)place);
        second = V.LoadInt8((sbyte*)place + V.Count);
        third = V.LoadInt8((sbyte*)place + 2 * V.Count);
        fourth = V.LoadInt8((sbyte*)place + 3 * V.Count);
    }

    public static void Arrange<V>(float* from, float* to)
        where V : struct, ILanes<V>
    {
        for (int i = 0; i < 4 * V.Count; i += V.Count) V.Load(from + i).Store(to + i);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Mark<V>(byte* place, V marks)
        where V : struct, ILanes<V> => marks;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool IsMarked<V>(V marks)
        where V : struct, ILanes<V> => false;
}
