using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Sinter.Runtime.Numerics;

/// <summary>8 numbers in a 256-bit vector.</summary>
public readonly unsafe struct Lanes256 : ILanes<Lanes256>
{
    private readonly Vector256<float> _value;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal Lanes256(Vector256<float> value) => _value = value;

    internal Vector256<float> Value => _value;

    public static int Count
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => 8;
    }

    public static Lanes256 Zero
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => new(Vector256<float>.Zero);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256 All(float value) => new(Vector256.Create(value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256 Load(float* place) => new(Vector256.Load(place));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256 Load(float* place, int count) => count >= Count ? Load(place) : LoadPart(place, count);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Store(float* place) => _value.Store(place);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Store(float* place, int count)
    {
        if (count >= Count) Store(place);
        else StorePart(_value, place, count);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256 operator +(Lanes256 a, Lanes256 b) => new(a._value + b._value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256 operator -(Lanes256 a, Lanes256 b) => new(a._value - b._value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256 operator *(Lanes256 a, Lanes256 b) => new(a._value * b._value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256 operator /(Lanes256 a, Lanes256 b) => new(a._value / b._value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256 operator -(Lanes256 a) => new(-a._value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256 Fma(Lanes256 a, Lanes256 b, Lanes256 c) => new(Vector256.FusedMultiplyAdd(a._value, b._value, c._value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256 Max(Lanes256 a, Lanes256 b) => new(Vector256.MaxNative(a._value, b._value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256 Min(Lanes256 a, Lanes256 b) => new(Vector256.MinNative(a._value, b._value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256 Abs(Lanes256 a) => new(Vector256.Abs(a._value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256 Sqrt(Lanes256 a) => new(Vector256.Sqrt(a._value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256 Round(Lanes256 a) => new(Vector256.Round(a._value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256 Scale(Lanes256 a, Lanes256 n)
    {
        // Two factors, so that results below the smallest normal number come out too.
        Vector256<int> whole = Vector256.ConvertToInt32Native(n._value), half = whole >> 1;
        Vector256<int> bias = Vector256.Create(127);
        return new(a._value * ((half + bias) << 23).AsSingle() * ((whole - half + bias) << 23).AsSingle());
    }

    public static Lanes256 Log(Lanes256 a) => new(Vector256.Log(a._value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256 WhereLess(Lanes256 a, Lanes256 b, Lanes256 then, Lanes256 otherwise) =>
        new(Vector256.ConditionalSelect(Vector256.LessThan(a._value, b._value), then._value, otherwise._value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256 First(Lanes256 a, int count, Lanes256 rest) =>
        count >= Count ? a : new(Vector256.ConditionalSelect(Mask(count).AsSingle(), a._value, rest._value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Sum(Lanes256 a)
    {
        Vector128<float> x = a._value.GetLower() + a._value.GetUpper();
        x = x + Vector128.Shuffle(x, Vector128.Create(2, 3, 0, 1));
        return x.GetElement(0) + x.GetElement(1);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Largest(Lanes256 a)
    {
        Vector128<float> x = Vector128.MaxNative(a._value.GetLower(), a._value.GetUpper());
        x = Vector128.MaxNative(x, Vector128.Shuffle(x, Vector128.Create(2, 3, 0, 1)));
        return System.Math.Max(x.GetElement(0), x.GetElement(1));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256 RotatePairs(Lanes256 x, Lanes256 rotation)
    {
        Vector256<float> swapped = Vector256.Shuffle(x._value, Vector256.Create(1, 0, 3, 2, 5, 4, 7, 6));
        Vector256<float> cosine = Vector256.Shuffle(rotation._value, Vector256.Create(0, 0, 2, 2, 4, 4, 6, 6));
        Vector256<float> sine = Vector256.Shuffle(rotation._value, Vector256.Create(1, 1, 3, 3, 5, 5, 7, 7));
        Vector256<float> sign = Vector256.Create(0x80000000ul).AsSingle();
        return new(Vector256.FusedMultiplyAdd(x._value, cosine, swapped * (sine ^ sign)));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256 LoadBF16(ushort* place) => new((Vector256.WidenLower(Vector128.Load(place).ToVector256Unsafe()) << 16).AsSingle());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void LoadBF16Pairs(ushort* place, out Lanes256 even, out Lanes256 odd)
    {
        Vector256<uint> pairs = Vector256.Load((uint*)place);
        even = new((pairs << 16).AsSingle());
        odd = new((pairs & Vector256.Create(0xffff0000u)).AsSingle());
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256 LoadF16(ushort* place)
    {
        // The exponent's bias moves by 112: one multiplication, exact for subnormal numbers too; only inf and NaN differ.
        Vector256<uint> bits = Vector256.WidenLower(Vector128.Load(place).ToVector256Unsafe());
        Vector256<uint> magnitude = (bits & Vector256.Create(0x7fffu)) << 13;
        Vector256<float> scaled = magnitude.AsSingle() * Vector256.Create(5.192296858534828e33f);
        Vector256<uint> special = Vector256.GreaterThanOrEqual(magnitude, Vector256.Create(0x7c00u << 13));
        return new((scaled.AsUInt32() | (special & Vector256.Create(0x7f800000u)) | ((bits & Vector256.Create(0x8000u)) << 16)).AsSingle());
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256 LoadE4M3(byte* place)
    {
        Vector256<uint> codes = Avx2.IsSupported ? Avx2.ConvertToVector256Int32(place).AsUInt32() : Vector256.WidenLower(Vector128.WidenLower(Vector64.Load(place).ToVector128Unsafe()).ToVector256Unsafe());
        Vector256<uint> magnitude = codes & Vector256.Create(0x7fu);
        Vector256<float> scaled = (magnitude << 20).AsSingle() * Vector256.Create(1.329227995784916e36f);
        Vector256<uint> none = Vector256.Equals(magnitude, Vector256.Create(0x7fu));
        return new((scaled.AsUInt32() | (none & Vector256.Create(0x7fc00000u)) | ((codes & Vector256.Create(0x80u)) << 24)).AsSingle());
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256 LoadInt8(sbyte* place) => new(Vector256.ConvertToSingle(Avx2.IsSupported
        ? Avx2.ConvertToVector256Int32(place)
        : Vector256.WidenLower(Vector128.WidenLower(Vector64.Load(place).ToVector128Unsafe()).ToVector256Unsafe())));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void LoadE4M3Quads(byte* place, out Lanes256 first, out Lanes256 second, out Lanes256 third, out Lanes256 fourth)
    {
        // Sign to bit 31, exponent and mantissa to bits 26..20. Two codes move at once in halves of 16 bits first: shifts
        // are what limits this.
        Vector256<short> codes = Vector256.Load((short*)place);
        Vector256<int> odd = (codes >> 4).AsInt32(), even = ((codes << 8) >> 4).AsInt32(), mask = Vector256.Create(unchecked((int)0x87f00000));
        first = new(((even << 16) & mask).AsSingle());
        second = new(((odd << 16) & mask).AsSingle());
        third = new((even & mask).AsSingle());
        fourth = new((odd & mask).AsSingle());
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256 MarkNaN(byte* place, Lanes256 marks)
    {
        // Only the magnitude 0x7f turns its byte's upper bit when one is added to the code.
        Vector256<byte> codes = Vector256.Load(place), next = codes + Vector256<byte>.One;
        return new((marks._value.AsUInt32() | (codes ^ next).AsUInt32()).AsSingle());
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool IsMarked(Lanes256 marks) =>
        (marks._value.AsUInt32() & Vector256.Create(0x80808080u)) != Vector256<uint>.Zero;

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Transpose(float* from, int fromStride, float* to, int toStride)
    {
        if (!Avx.IsSupported)
        {
            for (int row = 0; row < Count; row++)
                for (int column = 0; column < Count; column++) to[(long)column * toStride + row] = from[(long)row * fromStride + column];
            return;
        }

        long apart = fromStride;
        Turn(
            Vector256.Load(from), Vector256.Load(from + apart), Vector256.Load(from + 2 * apart), Vector256.Load(from + 3 * apart),
            Vector256.Load(from + 4 * apart), Vector256.Load(from + 5 * apart), Vector256.Load(from + 6 * apart), Vector256.Load(from + 7 * apart),
            new Stored(to, toStride));
    }

    /// <summary>As the other, of rows that stand anywhere, from <paramref name="at"/> on in each.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    internal static void Transpose(float** rows, int at, float* to, int toStride)
    {
        if (!Avx.IsSupported)
        {
            for (int row = 0; row < Count; row++)
                for (int column = 0; column < Count; column++) to[(long)column * toStride + row] = rows[row][at + column];
            return;
        }

        Turn(
            Vector256.Load(rows[0] + at), Vector256.Load(rows[1] + at), Vector256.Load(rows[2] + at), Vector256.Load(rows[3] + at),
            Vector256.Load(rows[4] + at), Vector256.Load(rows[5] + at), Vector256.Load(rows[6] + at), Vector256.Load(rows[7] + at),
            new Stored(to, toStride));
    }

    /// <summary>to[column, row] += from[row, column] for eight rows and the first <paramref name="columns"/> of eight columns, in registers throughout.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    internal static void AddTransposed(float* from, int fromStride, float* to, int toStride, int columns)
    {
        if (!Avx.IsSupported)
        {
            for (int column = 0; column < columns; column++)
                for (int row = 0; row < Count; row++) to[(long)column * toStride + row] += from[(long)row * fromStride + column];
            return;
        }

        long apart = fromStride;
        Turn(
            Vector256.Load(from), Vector256.Load(from + apart), Vector256.Load(from + 2 * apart), Vector256.Load(from + 3 * apart),
            Vector256.Load(from + 4 * apart), Vector256.Load(from + 5 * apart), Vector256.Load(from + 6 * apart), Vector256.Load(from + 7 * apart),
            new Added(to, toStride, columns));
    }

    /// <summary>Where turned columns go.</summary>
    private interface IColumns
    {
        void Put(int column, Vector256<float> value);
    }

    private readonly struct Stored(float* to, long stride) : IColumns
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public void Put(int column, Vector256<float> value) => value.Store(to + column * stride);
    }

    private readonly struct Added(float* to, long stride, int columns) : IColumns
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public void Put(int column, Vector256<float> value)
        {
            if (column < columns) (Vector256.Load(to + column * stride) + value).Store(to + column * stride);
        }
    }

    /// <summary>Eight rows as eight columns: pairs of rows, then pairs of pairs within each half, then the halves.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Turn<TColumns>(
        Vector256<float> r0, Vector256<float> r1, Vector256<float> r2, Vector256<float> r3,
        Vector256<float> r4, Vector256<float> r5, Vector256<float> r6, Vector256<float> r7, TColumns columns)
        where TColumns : struct, IColumns
    {
        Vector256<float> p0 = Avx.UnpackLow(r0, r1), p1 = Avx.UnpackHigh(r0, r1);
        Vector256<float> p2 = Avx.UnpackLow(r2, r3), p3 = Avx.UnpackHigh(r2, r3);
        Vector256<float> p4 = Avx.UnpackLow(r4, r5), p5 = Avx.UnpackHigh(r4, r5);
        Vector256<float> p6 = Avx.UnpackLow(r6, r7), p7 = Avx.UnpackHigh(r6, r7);
        Quads(p0, p2, p4, p6, columns, 0, 0x44);
        Quads(p0, p2, p4, p6, columns, 1, 0xee);
        Quads(p1, p3, p5, p7, columns, 2, 0x44);
        Quads(p1, p3, p5, p7, columns, 3, 0xee);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Quads<TColumns>(
        Vector256<float> a, Vector256<float> b, Vector256<float> c, Vector256<float> d, TColumns columns, int first, [ConstantExpected] byte pairs)
        where TColumns : struct, IColumns
    {
        Vector256<float> upper = Avx.Shuffle(a, b, pairs), lower = Avx.Shuffle(c, d, pairs);
        columns.Put(first, Avx.Permute2x128(upper, lower, 0x20));
        columns.Put(first + 4, Avx.Permute2x128(upper, lower, 0x31));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void EvenOdd(Lanes256 a, Lanes256 b, out Lanes256 even, out Lanes256 odd)
    {
        Vector256<int> evens = Vector256.Create(0, 2, 4, 6, 1, 3, 5, 7);
        Vector256<float> x = Vector256.Shuffle(a._value, evens), y = Vector256.Shuffle(b._value, evens);
        even = new(Vector256.Create(x.GetLower(), y.GetLower()));
        odd = new(Vector256.Create(x.GetUpper(), y.GetUpper()));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<int> Mask(int count) => Vector256.LessThan(Vector256<int>.Indices, Vector256.Create(count));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Lanes256 LoadPart(float* place, int count)
    {
        // An instruction, not a call: around a call every sum in a register would be kept in memory.
        return Avx.IsSupported ? new(Avx.MaskLoad(place, Mask(count).AsSingle())) : LoadSingly(place, count);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void StorePart(Vector256<float> value, float* place, int count)
    {
        if (Avx512F.VL.IsSupported) Avx512F.VL.MaskStore(place, Mask(count).AsSingle(), value);
        else if (Avx.IsSupported) Avx.MaskStore(place, Mask(count).AsSingle(), value);
        else for (int i = 0; i < count; i++) place[i] = value.GetElement(i);
    }

    private static Lanes256 LoadSingly(float* place, int count)
    {
        Vector256<float> value = default;
        for (int i = 0; i < count; i++) value = value.WithElement(i, place[i]);
        return new(value);
    }
}
