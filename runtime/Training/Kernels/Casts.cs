using System;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Sinter.Runtime.Execution;

namespace Sinter.Runtime.Training.Kernels;

/// <summary>
/// Numbers rounded to what BF16 or scaled E4M3 or E5M6 can hold, as f32 (DeepSeek-V3 section 3.3.2): the product then runs on the
/// cast values. A tile's scale is its largest magnitude / 448, and never that of less than 1e-4; or the next power of two.
/// </summary>
[SkipLocalsInit]
public static unsafe class Casts
{
    /// <summary>Numbers that share a scale along a row; rows and columns of a weight's block.</summary>
    public const int Tile = 128;

    private const float LeastLargest = 1e-4f, LargestCode = 448f, LargestE5M6 = 65024f;

    /// <summary>Rows of activations in E4M3 tiles of 1×128; workers share the rows.</summary>
    public static void Tiles(in Worker worker, float* from, float* to, int rows, int width)
    {
        worker.Share(rows, out int first, out int end);
        for (long row = first; row < end; row++) Row(from + row * width, to + row * width, width);
    }

    /// <summary>The same with powers of two as scales.</summary>
    public static void RoundTiles(in Worker worker, float* from, float* to, int rows, int width)
    {
        worker.Share(rows, out int first, out int end);
        for (long row = first; row < end; row++) Row(from + row * width, to + row * width, width, rounds: true);
    }

    /// <summary>
    /// Rows in tiles of 1×128 of E5M6 with powers of two as scales. The report names the format only; here it is as IEEE has it, with
    /// a bias of 15 and the largest exponent left to infinity.
    /// </summary>
    public static void E5M6Tiles(in Worker worker, float* from, float* to, int rows, int width)
    {
        worker.Share(rows, out int first, out int end);
        for (long row = first; row < end; row++)
        {
            for (int start = 0; start < width; start += Tile)
            {
                int count = Math.Min(Tile, width - start);
                float* place = from + row * width + start, target = to + row * width + start;
                float scale = PowerOfTwo(Math.Max(Largest(place, count), LeastLargest) / LargestE5M6);
                for (int i = 0; i < count; i += Vector256<float>.Count)
                {
                    int lanes = Math.Min(Vector256<float>.Count, count - i);
                    Store(RoundE5M6(Load(place + i, lanes) / Vector256.Create(scale)) * Vector256.Create(scale), target + i, lanes);
                }
            }
        }
    }

    /// <summary>One row in tiles of 128.</summary>
    /// <param name="rounds">Whether scales are powers of two.</param>
    public static void Row(float* from, float* to, int width, bool rounds = false)
    {
        for (int start = 0; start < width; start += Tile)
        {
            int count = Math.Min(Tile, width - start);
            float scale = Math.Max(Largest(from + start, count), LeastLargest) / LargestCode;
            if (rounds) scale = PowerOfTwo(scale);
            for (int i = start; i < start + count; i += Vector256<float>.Count)
            {
                int lanes = Math.Min(Vector256<float>.Count, start + count - i);
                Store(Round(Load(from + i, lanes) / Vector256.Create(scale)) * Vector256.Create(scale), to + i, lanes);
            }
        }
    }

    /// <summary>Rows rounded to BF16; workers share the rows.</summary>
    public static void BF16(in Worker worker, float* from, float* to, int rows, int width)
    {
        worker.Share(rows, out int first, out int end);
        RoundBF16(from + (long)first * width, to + (long)first * width, (long)(end - first) * width);
    }

    /// <summary>A stored matrix in E4M3 blocks of 128×128; workers share the rows of blocks.</summary>
    public static void Blocks(in Worker worker, float* from, float* to, int rows, int columns)
    {
        worker.Share((rows + Tile - 1) / Tile, out int first, out int end);
        for (int row = first * Tile; row < Math.Min(rows, end * Tile); row += Tile)
        {
            int height = Math.Min(Tile, rows - row);
            for (int column = 0; column < columns; column += Tile)
            {
                int width = Math.Min(Tile, columns - column);
                long at = (long)row * columns + column;
                float largest = LeastLargest;
                for (int i = 0; i < height; i++) largest = Math.Max(largest, Largest(from + at + (long)i * columns, width));
                float scale = largest / LargestCode, inverse = 1 / scale;
                for (int i = 0; i < height; i++)
                {
                    for (int j = 0; j < width; j += Vector256<float>.Count)
                    {
                        int lanes = Math.Min(Vector256<float>.Count, width - j);
                        long place = at + (long)i * columns + j;
                        Store(Round(Load(from + place, lanes) * Vector256.Create(inverse)) * Vector256.Create(scale), to + place, lanes);
                    }
                }
            }
        }
    }

    /// <summary>A packed panel [depth, width] in E4M3, each column with a scale for every 128 of the depth.</summary>
    /// <param name="rounds">Whether scales are powers of two.</param>
    public static void Columns(float* panel, int depth, int width, bool rounds = false)
    {
        for (int start = 0; start < depth; start += Tile)
        {
            int end = Math.Min(depth, start + Tile);
            for (int j = 0; j < width; j += Vector256<float>.Count)
            {
                Vector256<uint> largest = Vector256.Create(LeastLargest).AsUInt32();
                for (int k = start; k < end; k++) largest = Vector256.Max(largest, Magnitude(Vector256.Load(panel + (long)k * width + j)));
                Vector256<float> scale = largest.AsSingle() / Vector256.Create(LargestCode);
                if (rounds) scale = ((scale.AsUInt32() + Vector256.Create(0x7fffffu)) & Vector256.Create(0xff800000u)).AsSingle();
                for (int k = start; k < end; k++)
                {
                    float* place = panel + (long)k * width + j;
                    (Round(Vector256.Load(place) / scale) * scale).Store(place);
                }
            }
        }
    }

    /// <summary>The nearest E4M3 number, ties to even, magnitudes above 448 becoming 448.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Round(Vector256<float> x) => Round(x, 20, 0.015625f, 24576f, LargestCode);

    /// <summary>The nearest E5M6 number, ties to even, magnitudes above 65024 becoming 65024.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> RoundE5M6(Vector256<float> x) => Round(x, 17, 6.103515625e-05f, 12f, LargestE5M6);

    /// <summary>The next power of two, or the number itself where it is one.</summary>
    private static float PowerOfTwo(float scale) => BitConverter.UInt32BitsToSingle((BitConverter.SingleToUInt32Bits(scale) + 0x7fffffu) & 0xff800000u);

    /// <param name="dropped">Bits of the fraction that do not stay.</param>
    /// <param name="least">The least normal number.</param>
    /// <param name="near">A number whose last bit is worth a step below that: an addition rounds to it.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<float> Round(Vector256<float> x, int dropped, float least, float near, float largest)
    {
        Vector256<uint> bits = x.AsUInt32(), sign = bits & Vector256.Create(0x80000000u), magnitude = Magnitude(x);
        uint half = (1u << (dropped - 1)) - 1;
        Vector256<uint> normal = (magnitude + Vector256.Create(half) + ((magnitude >>> dropped) & Vector256.Create(1u))) & Vector256.Create(~0u << dropped);
        Vector256<float> small = magnitude.AsSingle() + Vector256.Create(near) - Vector256.Create(near);
        Vector256<float> rounded = Vector256.ConditionalSelect(Vector256.LessThan(magnitude.AsSingle(), Vector256.Create(least)), small, normal.AsSingle());
        // One instruction, which gives the second where one is not a number.
        return (Vector256.MinNative(Vector256.Create(largest), rounded).AsUInt32() | sign).AsSingle();
    }

    /// <summary>The bits without the sign: in their order as the magnitudes, with all that is not a number above them.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<uint> Magnitude(Vector256<float> x) => x.AsUInt32() & Vector256.Create(0x7fffffffu);

    /// <summary>The nearest BF16 numbers, ties to even, as f32.</summary>
    public static void RoundBF16(float* from, float* to, long count)
    {
        for (long i = 0; i < count; i += Vector256<float>.Count)
        {
            int lanes = (int)Math.Min(Vector256<float>.Count, count - i);
            Vector256<uint> bits = Load(from + i, lanes).AsUInt32();
            bits = (bits + Vector256.Create(0x7fffu) + ((bits >>> 16) & Vector256.Create(1u))) & Vector256.Create(0xffff0000u);
            Store(bits.AsSingle(), to + i, lanes);
        }
    }

    private static float Largest(float* numbers, int count)
    {
        float largest = 0;
        int i = 0;
        Vector256<uint> lanes = Vector256<uint>.Zero;
        for (; i + Vector256<float>.Count <= count; i += Vector256<float>.Count) lanes = Vector256.Max(lanes, Magnitude(Vector256.Load(numbers + i)));
        for (int j = 0; j < Vector256<float>.Count; j++) largest = Math.Max(largest, lanes.AsSingle()[j]);
        for (; i < count; i++) largest = Math.Max(largest, Math.Abs(numbers[i]));
        return largest;
    }

    // What takes memory on the stack is never inlined.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<float> Load(float* place, int lanes) => lanes == Vector256<float>.Count ? Vector256.Load(place) : LoadPart(place, lanes);

    private static Vector256<float> LoadPart(float* place, int lanes)
    {
        float* part = stackalloc float[Vector256<float>.Count];
        for (int i = 0; i < Vector256<float>.Count; i++) part[i] = i < lanes ? place[i] : 0;
        return Vector256.Load(part);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Store(Vector256<float> numbers, float* place, int lanes)
    {
        if (lanes == Vector256<float>.Count) numbers.Store(place);
        else StorePart(numbers, place, lanes);
    }

    private static void StorePart(Vector256<float> numbers, float* place, int lanes)
    {
        for (int i = 0; i < lanes; i++) place[i] = numbers[i];
    }
}
