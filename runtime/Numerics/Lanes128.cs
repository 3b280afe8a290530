using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Sinter.Runtime.Numerics;

/// <summary>4 numbers in a 128-bit vector.</summary>
public readonly unsafe struct Lanes128 : ILanes<Lanes128>
{
    private readonly Vector128<float> _value;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private Lanes128(Vector128<float> value) => _value = value;

    public static int Count
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => 4;
    }

    public static Lanes128 Zero
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => new(Vector128<float>.Zero);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128 All(float value) => new(Vector128.Create(value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128 Load(float* place) => new(Vector128.Load(place));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128 Load(float* place, int count) => count >= Count ? Load(place) : LoadPart(place, count);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Store(float* place) => _value.Store(place);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Store(float* place, int count)
    {
        if (count >= Count) Store(place);
        else StorePart(_value, place, count);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128 operator +(Lanes128 a, Lanes128 b) => new(a._value + b._value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128 operator -(Lanes128 a, Lanes128 b) => new(a._value - b._value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128 operator *(Lanes128 a, Lanes128 b) => new(a._value * b._value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128 operator /(Lanes128 a, Lanes128 b) => new(a._value / b._value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128 operator -(Lanes128 a) => new(-a._value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128 Fma(Lanes128 a, Lanes128 b, Lanes128 c) => new(Vector128.FusedMultiplyAdd(a._value, b._value, c._value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128 Max(Lanes128 a, Lanes128 b) => new(Vector128.MaxNative(a._value, b._value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128 Min(Lanes128 a, Lanes128 b) => new(Vector128.MinNative(a._value, b._value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128 Abs(Lanes128 a) => new(Vector128.Abs(a._value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128 Sqrt(Lanes128 a) => new(Vector128.Sqrt(a._value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128 Round(Lanes128 a) => new(Vector128.Round(a._value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128 Scale(Lanes128 a, Lanes128 n)
    {
        // Two factors, so that results below the smallest normal number come out too.
        Vector128<int> whole = Vector128.ConvertToInt32Native(n._value), half = whole >> 1;
        Vector128<int> bias = Vector128.Create(127);
        return new(a._value * ((half + bias) << 23).AsSingle() * ((whole - half + bias) << 23).AsSingle());
    }

    public static Lanes128 Log(Lanes128 a) => new(Vector128.Log(a._value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128 WhereLess(Lanes128 a, Lanes128 b, Lanes128 then, Lanes128 otherwise) =>
        new(Vector128.ConditionalSelect(Vector128.LessThan(a._value, b._value), then._value, otherwise._value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128 First(Lanes128 a, int count, Lanes128 rest) =>
        count >= Count ? a : new(Vector128.ConditionalSelect(Mask(count).AsSingle(), a._value, rest._value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Sum(Lanes128 a)
    {
        Vector128<float> x = a._value;
        x = x + Vector128.Shuffle(x, Vector128.Create(2, 3, 0, 1));
        return x.GetElement(0) + x.GetElement(1);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Largest(Lanes128 a)
    {
        Vector128<float> x = a._value;
        x = Vector128.MaxNative(x, Vector128.Shuffle(x, Vector128.Create(2, 3, 0, 1)));
        return System.Math.Max(x.GetElement(0), x.GetElement(1));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128 RotatePairs(Lanes128 x, Lanes128 rotation)
    {
        Vector128<float> swapped = Vector128.Shuffle(x._value, Vector128.Create(1, 0, 3, 2));
        Vector128<float> cosine = Vector128.Shuffle(rotation._value, Vector128.Create(0, 0, 2, 2));
        Vector128<float> sine = Vector128.Shuffle(rotation._value, Vector128.Create(1, 1, 3, 3));
        Vector128<float> sign = Vector128.Create(0x80000000ul).AsSingle();
        return new(Vector128.FusedMultiplyAdd(x._value, cosine, swapped * (sine ^ sign)));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128 LoadBF16(ushort* place) => new((Vector128.WidenLower(Vector64.Load(place).ToVector128Unsafe()) << 16).AsSingle());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void LoadBF16Pairs(ushort* place, out Lanes128 even, out Lanes128 odd)
    {
        Vector128<uint> pairs = Vector128.Load((uint*)place);
        even = new((pairs << 16).AsSingle());
        odd = new((pairs & Vector128.Create(0xffff0000u)).AsSingle());
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128 LoadF16(ushort* place)
    {
        // The exponent's bias moves by 112: one multiplication, exact for subnormal numbers too; only inf and NaN differ.
        Vector128<uint> bits = Vector128.WidenLower(Vector64.Load(place).ToVector128Unsafe());
        Vector128<uint> magnitude = (bits & Vector128.Create(0x7fffu)) << 13;
        Vector128<float> scaled = magnitude.AsSingle() * Vector128.Create(5.192296858534828e33f);
        Vector128<uint> special = Vector128.GreaterThanOrEqual(magnitude, Vector128.Create(0x7c00u << 13));
        return new((scaled.AsUInt32() | (special & Vector128.Create(0x7f800000u)) | ((bits & Vector128.Create(0x8000u)) << 16)).AsSingle());
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128 LoadE4M3(byte* place)
    {
        Vector128<uint> codes = Vector128.WidenLower(Vector128.WidenLower(Vector128.CreateScalarUnsafe(*(uint*)place).AsByte()));
        Vector128<uint> magnitude = codes & Vector128.Create(0x7fu);
        Vector128<float> scaled = (magnitude << 20).AsSingle() * Vector128.Create(1.329227995784916e36f);
        Vector128<uint> none = Vector128.Equals(magnitude, Vector128.Create(0x7fu));
        return new((scaled.AsUInt32() | (none & Vector128.Create(0x7fc00000u)) | ((codes & Vector128.Create(0x80u)) << 24)).AsSingle());
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128 LoadInt8(sbyte* place) =>
        new(Vector128.ConvertToSingle(Vector128.WidenLower(Vector128.WidenLower(Vector128.CreateScalarUnsafe(*(int*)place).AsSByte()))));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void LoadE4M3Quads(byte* place, out Lanes128 first, out Lanes128 second, out Lanes128 third, out Lanes128 fourth)
    {
        // Sign to bit 31, exponent and mantissa to bits 26..20. Two codes move at once in halves of 16 bits first: shifts
        // are what limits this.
        Vector128<short> codes = Vector128.Load((short*)place);
        Vector128<int> odd = (codes >> 4).AsInt32(), even = ((codes << 8) >> 4).AsInt32(), mask = Vector128.Create(unchecked((int)0x87f00000));
        first = new(((even << 16) & mask).AsSingle());
        second = new(((odd << 16) & mask).AsSingle());
        third = new((even & mask).AsSingle());
        fourth = new((odd & mask).AsSingle());
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128 MarkNaN(byte* place, Lanes128 marks)
    {
        // Only the magnitude 0x7f turns its byte's upper bit when one is added to the code.
        Vector128<byte> codes = Vector128.Load(place), next = codes + Vector128<byte>.One;
        return new((marks._value.AsUInt32() | (codes ^ next).AsUInt32()).AsSingle());
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool IsMarked(Lanes128 marks) =>
        (marks._value.AsUInt32() & Vector128.Create(0x80808080u)) != Vector128<uint>.Zero;

    public static void Transpose(float* from, int fromStride, float* to, int toStride)
    {
        for (int row = 0; row < Count; row++)
            for (int column = 0; column < Count; column++) to[column * toStride + row] = from[row * fromStride + column];
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void EvenOdd(Lanes128 a, Lanes128 b, out Lanes128 even, out Lanes128 odd)
    {
        Vector128<int> evens = Vector128.Create(0, 2, 1, 3);
        Vector128<float> x = Vector128.Shuffle(a._value, evens), y = Vector128.Shuffle(b._value, evens);
        even = new(Vector128.Create(x.GetLower(), y.GetLower()));
        odd = new(Vector128.Create(x.GetUpper(), y.GetUpper()));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<int> Mask(int count) => Vector128.LessThan(Vector128<int>.Indices, Vector128.Create(count));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Lanes128 LoadPart(float* place, int count)
    {
        // An instruction, not a call: around a call every sum in a register would be kept in memory.
        return Avx.IsSupported ? new(Avx.MaskLoad(place, Mask(count).AsSingle())) : LoadSingly(place, count);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void StorePart(Vector128<float> value, float* place, int count)
    {
        if (Avx512F.VL.IsSupported) Avx512F.VL.MaskStore(place, Mask(count).AsSingle(), value);
        else if (Avx.IsSupported) Avx.MaskStore(place, Mask(count).AsSingle(), value);
        else for (int i = 0; i < count; i++) place[i] = value.GetElement(i);
    }

    private static Lanes128 LoadSingly(float* place, int count)
    {
        Vector128<float> value = default;
        for (int i = 0; i < count; i++) value = value.WithElement(i, place[i]);
        return new(value);
    }
}
