using System.Numerics;
using System.Runtime.Intrinsics;

namespace Sinter.Runtime.Weights;

/// <summary>Looks for numbers that are infinite or not a number, at about the speed of reading.</summary>
internal static unsafe class FiniteScan
{
    /// <summary>The index of the first non-finite number, or -1.</summary>
    public static long FirstNonFinite(WeightFormat format, byte* data, long count) => format switch
    {
        WeightFormat.F32 => First((uint*)data, count, 0x7F800000u),
        WeightFormat.BF16 => First((ushort*)data, count, (ushort)0x7F80),
        WeightFormat.F16 => First((ushort*)data, count, (ushort)0x7C00),
        // E4M3 has no infinities, and its NaN has all bits but the sign set.
        _ => First(data, count, (byte)0x7F),
    };

    /// <inheritdoc cref="FirstNonFinite(WeightFormat, byte*, long)"/>
    public static long FirstNonFinite(float* numbers, long count) => First((uint*)numbers, count, 0x7F800000u);

    /// <summary>The first element that has all bits of <paramref name="mask"/> set: of an exponent, infinity or NaN.</summary>
    private static long First<T>(T* data, long count, T mask) where T : unmanaged, IBinaryInteger<T>
    {
        long i = 0;
        Vector256<T> wanted = Vector256.Create(mask);
        for (; i + Vector256<T>.Count <= count; i += Vector256<T>.Count)
            if (Vector256.EqualsAny(Vector256.Load(data + i) & wanted, wanted)) break;
        for (; i < count; i++)
            if ((data[i] & mask) == mask) return i;
        return -1;
    }
}
