using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Sinter.Runtime.Numerics;

/// <summary>16 numbers in a 512-bit vector.</summary>
public readonly unsafe struct Lanes512 : ILanes<Lanes512>
{
    private readonly Vector512<float> _value;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private Lanes512(Vector512<float> value) => _value = value;

    public static int Count
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => 16;
    }

    public static Lanes512 Zero
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => new(Vector512<float>.Zero);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512 All(float value) => new(Vector512.Create(value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512 Load(float* place) => new(Vector512.Load(place));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512 Load(float* place, int count) => count >= Count ? Load(place) : LoadPart(place, count);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Store(float* place) => _value.Store(place);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Store(float* place, int count)
    {
        if (count >= Count) Store(place);
        else StorePart(_value, place, count);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512 operator +(Lanes512 a, Lanes512 b) => new(a._value + b._value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512 operator -(Lanes512 a, Lanes512 b) => new(a._value - b._value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512 operator *(Lanes512 a, Lanes512 b) => new(a._value * b._value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512 operator /(Lanes512 a, Lanes512 b) => new(a._value / b._value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512 operator -(Lanes512 a) => new(-a._value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512 Fma(Lanes512 a, Lanes512 b, Lanes512 c) => new(Vector512.FusedMultiplyAdd(a._value, b._value, c._value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512 Max(Lanes512 a, Lanes512 b) => new(Vector512.MaxNative(a._value, b._value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512 Min(Lanes512 a, Lanes512 b) => new(Vector512.MinNative(a._value, b._value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512 Abs(Lanes512 a) => new(Vector512.Abs(a._value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512 Sqrt(Lanes512 a) => new(Vector512.Sqrt(a._value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512 Round(Lanes512 a) => new(Vector512.Round(a._value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512 Scale(Lanes512 a, Lanes512 n)
    {
        // Two factors, so that results below the smallest normal number come out too.
        Vector512<int> whole = Vector512.ConvertToInt32Native(n._value), half = whole >> 1;
        Vector512<int> bias = Vector512.Create(127);
        return new(a._value * ((half + bias) << 23).AsSingle() * ((whole - half + bias) << 23).AsSingle());
    }

    public static Lanes512 Log(Lanes512 a) => new(Vector512.Log(a._value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512 WhereLess(Lanes512 a, Lanes512 b, Lanes512 then, Lanes512 otherwise) =>
        new(Vector512.ConditionalSelect(Vector512.LessThan(a._value, b._value), then._value, otherwise._value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512 First(Lanes512 a, int count, Lanes512 rest) =>
        count >= Count ? a : new(Vector512.ConditionalSelect(Mask(count).AsSingle(), a._value, rest._value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Sum(Lanes512 a)
    {
        Vector256<float> y = a._value.GetLower() + a._value.GetUpper();
        Vector128<float> x = y.GetLower() + y.GetUpper();
        x = x + Vector128.Shuffle(x, Vector128.Create(2, 3, 0, 1));
        return x.GetElement(0) + x.GetElement(1);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Largest(Lanes512 a)
    {
        Vector256<float> y = Vector256.MaxNative(a._value.GetLower(), a._value.GetUpper());
        Vector128<float> x = Vector128.MaxNative(y.GetLower(), y.GetUpper());
        x = Vector128.MaxNative(x, Vector128.Shuffle(x, Vector128.Create(2, 3, 0, 1)));
        return System.Math.Max(x.GetElement(0), x.GetElement(1));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512 RotatePairs(Lanes512 x, Lanes512 rotation)
    {
        Vector512<float> swapped = Vector512.Shuffle(x._value, Vector512.Create(1, 0, 3, 2, 5, 4, 7, 6, 9, 8, 11, 10, 13, 12, 15, 14));
        Vector512<float> cosine = Vector512.Shuffle(rotation._value, Vector512.Create(0, 0, 2, 2, 4, 4, 6, 6, 8, 8, 10, 10, 12, 12, 14, 14));
        Vector512<float> sine = Vector512.Shuffle(rotation._value, Vector512.Create(1, 1, 3, 3, 5, 5, 7, 7, 9, 9, 11, 11, 13, 13, 15, 15));
        Vector512<float> sign = Vector512.Create(0x80000000ul).AsSingle();
        return new(Vector512.FusedMultiplyAdd(x._value, cosine, swapped * (sine ^ sign)));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512 LoadBF16(ushort* place) => new((Vector512.WidenLower(Vector256.Load(place).ToVector512Unsafe()) << 16).AsSingle());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void LoadBF16Pairs(ushort* place, out Lanes512 even, out Lanes512 odd)
    {
        Vector512<uint> pairs = Vector512.Load((uint*)place);
        even = new((pairs << 16).AsSingle());
        odd = new((pairs & Vector512.Create(0xffff0000u)).AsSingle());
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512 LoadF16(ushort* place)
    {
        // The exponent's bias moves by 112: one multiplication, exact for subnormal numbers too; only inf and NaN differ.
        Vector512<uint> bits = Vector512.WidenLower(Vector256.Load(place).ToVector512Unsafe());
        Vector512<uint> magnitude = (bits & Vector512.Create(0x7fffu)) << 13;
        Vector512<float> scaled = magnitude.AsSingle() * Vector512.Create(5.192296858534828e33f);
        Vector512<uint> special = Vector512.GreaterThanOrEqual(magnitude, Vector512.Create(0x7c00u << 13));
        return new((scaled.AsUInt32() | (special & Vector512.Create(0x7f800000u)) | ((bits & Vector512.Create(0x8000u)) << 16)).AsSingle());
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512 LoadE4M3(byte* place)
    {
        Vector512<uint> codes = Avx512F.IsSupported ? Avx512F.ConvertToVector512UInt32(Vector128.Load(place)) : Vector512.WidenLower(Vector256.WidenLower(Vector128.Load(place).ToVector256Unsafe()).ToVector512Unsafe());
        Vector512<uint> magnitude = codes & Vector512.Create(0x7fu);
        Vector512<float> scaled = (magnitude << 20).AsSingle() * Vector512.Create(1.329227995784916e36f);
        Vector512<uint> none = Vector512.Equals(magnitude, Vector512.Create(0x7fu));
        return new((scaled.AsUInt32() | (none & Vector512.Create(0x7fc00000u)) | ((codes & Vector512.Create(0x80u)) << 24)).AsSingle());
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512 LoadInt8(sbyte* place) => new(Vector512.ConvertToSingle(Avx512F.IsSupported
        ? Avx512F.ConvertToVector512Int32(Vector128.Load(place))
        : Vector512.WidenLower(Vector256.WidenLower(Vector128.Load(place).ToVector256Unsafe()).ToVector512Unsafe())));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void LoadE4M3Quads(byte* place, out Lanes512 first, out Lanes512 second, out Lanes512 third, out Lanes512 fourth)
    {
        // Sign to bit 31, exponent and mantissa to bits 26..20. Two codes move at once in halves of 16 bits first: shifts
        // are what limits this.
        Vector512<short> codes = Vector512.Load((short*)place);
        Vector512<int> odd = (codes >> 4).AsInt32(), even = ((codes << 8) >> 4).AsInt32(), mask = Vector512.Create(unchecked((int)0x87f00000));
        first = new(((even << 16) & mask).AsSingle());
        second = new(((odd << 16) & mask).AsSingle());
        third = new((even & mask).AsSingle());
        fourth = new((odd & mask).AsSingle());
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512 MarkNaN(byte* place, Lanes512 marks)
    {
        // Only the magnitude 0x7f turns its byte's upper bit when one is added to the code.
        Vector512<byte> codes = Vector512.Load(place), next = codes + Vector512<byte>.One;
        return new((Avx512F.IsSupported
            ? Avx512F.TernaryLogic(marks._value.AsUInt32(), codes.AsUInt32(), next.AsUInt32(), 0xf6)
            : marks._value.AsUInt32() | (codes ^ next).AsUInt32()).AsSingle());
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool IsMarked(Lanes512 marks) =>
        (marks._value.AsUInt32() & Vector512.Create(0x80808080u)) != Vector512<uint>.Zero;

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Transpose(float* from, int fromStride, float* to, int toStride)
    {
        if (!Avx512F.IsSupported)
        {
            Lanes256.Transpose(from, fromStride, to, toStride);
            Lanes256.Transpose(from + 8, fromStride, to + 8 * toStride, toStride);
            Lanes256.Transpose(from + 8 * fromStride, fromStride, to + 8, toStride);
            Lanes256.Transpose(from + 8 * fromStride + 8, fromStride, to + 8 * toStride + 8, toStride);
            return;
        }

        // Four columns at a time. Loading brings quarters to their place, so that two shuffles within quarters are left.
        long stride = fromStride;
        for (int column = 0; column < Count; column += 4, from += 4, to += 4L * toStride)
        {
            Vector512<float> a = EveryFourth(from, stride), b = EveryFourth(from + stride, stride), c = EveryFourth(from + 2 * stride, stride), d = EveryFourth(from + 3 * stride, stride);
            Vector512<float> ab = Avx512F.UnpackLow(a, b), cd = Avx512F.UnpackLow(c, d);
            Avx512F.Shuffle(ab, cd, 0x44).Store(to);
            Avx512F.Shuffle(ab, cd, 0xee).Store(to + toStride);
            ab = Avx512F.UnpackHigh(a, b);
            cd = Avx512F.UnpackHigh(c, d);
            Avx512F.Shuffle(ab, cd, 0x44).Store(to + 2L * toStride);
            Avx512F.Shuffle(ab, cd, 0xee).Store(to + 3L * toStride);
        }
    }

    /// <summary>Four numbers of each of the rows 0, 4, 8 and 12 from there on.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<float> EveryFourth(float* row, long stride)
    {
        Vector256<float> lower = Avx.InsertVector128(Vector128.Load(row).ToVector256Unsafe(), Vector128.Load(row + 4 * stride), 1);
        Vector256<float> upper = Avx.InsertVector128(Vector128.Load(row + 8 * stride).ToVector256Unsafe(), Vector128.Load(row + 12 * stride), 1);
        return Avx512F.InsertVector256(lower.ToVector512Unsafe(), upper, 1);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void EvenOdd(Lanes512 a, Lanes512 b, out Lanes512 even, out Lanes512 odd)
    {
        Vector512<int> evens = Vector512.Create(0, 2, 4, 6, 8, 10, 12, 14, 1, 3, 5, 7, 9, 11, 13, 15);
        Vector512<float> x = Vector512.Shuffle(a._value, evens), y = Vector512.Shuffle(b._value, evens);
        even = new(Vector512.Create(x.GetLower(), y.GetLower()));
        odd = new(Vector512.Create(x.GetUpper(), y.GetUpper()));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<int> Mask(int count) => Vector512.LessThan(Vector512<int>.Indices, Vector512.Create(count));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Lanes512 LoadPart(float* place, int count)
    {
        // An instruction, not a call: around a call every sum in a register would be kept in memory.
        if (Avx512F.IsSupported) return new(Avx512F.MaskLoad(place, Mask(count).AsSingle(), Vector512<float>.Zero));
        Lanes256 lower = Lanes256.Load(place, count), upper = count > 8 ? Lanes256.Load(place + 8, count - 8) : Lanes256.Zero;
        return new(Vector512.Create(lower.Value, upper.Value));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void StorePart(Vector512<float> value, float* place, int count)
    {
        if (Avx512F.IsSupported)
        {
            Avx512F.MaskStore(place, Mask(count).AsSingle(), value);
            return;
        }

        new Lanes256(value.GetLower()).Store(place, count);
        if (count > 8) new Lanes256(value.GetUpper()).Store(place + 8, count - 8);
    }
}
