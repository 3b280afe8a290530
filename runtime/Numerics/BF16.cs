using System;
using System.Runtime.CompilerServices;

namespace Sinter.Runtime.Numerics;

/// <summary>The upper half of a 32-bit float.</summary>
public readonly unsafe struct BF16 : IWeightFormat
{
    public static int Bytes
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => 2;
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
        where V : struct, ILanes<V> => V.LoadBF16((ushort*)place);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Number(byte* place) => BitConverter.UInt32BitsToSingle((uint)*(ushort*)place << 16);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void LoadQuad<V>(byte* place, out V first, out V second, out V third, out V fourth)
        where V : struct, ILanes<V>
    {
        V.LoadBF16Pairs((ushort*)place, out first, out second);
        V.LoadBF16Pairs((ushort*)place + 2 * V.Count, out third, out fourth);
    }

    public static void Arrange<V>(float* from, float* to)
        where V : struct, ILanes<V>
    {
        for (int half = 0; half < 4 * V.Count; half += 2 * V.Count)
        {
            V.EvenOdd(V.Load(from + half), V.Load(from + half + V.Count), out V even, out V odd);
            even.Store(to + half);
            odd.Store(to + half + V.Count);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Mark<V>(byte* place, V marks)
        where V : struct, ILanes<V> => marks;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool IsMarked<V>(V marks)
        where V : struct, ILanes<V> => false;
}
