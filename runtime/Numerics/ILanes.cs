namespace Sinter.Runtime.Numerics;

/// <summary>
/// A vector of f32 numbers. Generated kernels are written once over it, and the JIT makes 128-, 256- or 512-bit code of
/// them: every member is inlined, and <see cref="Count"/> is a constant to it.
/// </summary>
public unsafe interface ILanes<V>
    where V : struct, ILanes<V>
{
    /// <summary>Numbers in a vector.</summary>
    static abstract int Count { get; }

    static abstract V Zero { get; }

    /// <summary>The same number in every lane.</summary>
    static abstract V All(float value);

    static abstract V Load(float* place);

    /// <summary>The first <paramref name="count"/> numbers; the other lanes are zero, and their memory is not touched.</summary>
    static abstract V Load(float* place, int count);

    void Store(float* place);

    /// <summary>Stores the first <paramref name="count"/> lanes only.</summary>
    void Store(float* place, int count);

    static abstract V operator +(V a, V b);

    static abstract V operator -(V a, V b);

    static abstract V operator *(V a, V b);

    static abstract V operator /(V a, V b);

    static abstract V operator -(V a);

    /// <summary>a·b + c, rounded once.</summary>
    static abstract V Fma(V a, V b, V c);

    /// <summary>The larger, lane by lane; <paramref name="b"/> where one is not a number.</summary>
    static abstract V Max(V a, V b);

    /// <summary>The smaller, lane by lane; <paramref name="b"/> where one is not a number.</summary>
    static abstract V Min(V a, V b);

    static abstract V Abs(V a);

    static abstract V Sqrt(V a);

    /// <summary>To the nearest whole number, ties to even.</summary>
    static abstract V Round(V a);

    /// <summary>a · 2^n for whole n from -250 to 250.</summary>
    static abstract V Scale(V a, V n);

    static abstract V Log(V a);

    /// <summary>Where a &lt; b the lane of <paramref name="then"/>, else of <paramref name="otherwise"/>.</summary>
    static abstract V WhereLess(V a, V b, V then, V otherwise);

    /// <summary>The first <paramref name="count"/> lanes of <paramref name="a"/>, then those of <paramref name="rest"/>.</summary>
    static abstract V First(V a, int count, V rest);

    /// <summary>All lanes together, in the same order whatever the machine.</summary>
    static abstract float Sum(V a);

    static abstract float Largest(V a);

    /// <summary>(x0, x1) → (x0·c − x1·s, x0·s + x1·c) for neighbouring lanes, with c and s in turn in <paramref name="rotation"/>.</summary>
    static abstract V RotatePairs(V x, V rotation);

    /// <summary><see cref="Count"/> numbers stored as the upper halves of f32.</summary>
    static abstract V LoadBF16(ushort* place);

    /// <summary>
    /// Twice <see cref="Count"/> numbers stored as the upper halves of f32: those at even places, and those at odd ones.
    /// One instruction each, where numbers in their order take two.
    /// </summary>
    static abstract void LoadBF16Pairs(ushort* place, out V even, out V odd);

    /// <summary><see cref="Count"/> 16-bit IEEE floats.</summary>
    static abstract V LoadF16(ushort* place);

    /// <summary><see cref="Count"/> E4M3 codes.</summary>
    static abstract V LoadE4M3(byte* place);

    /// <summary><see cref="Count"/> whole numbers of 8 bits.</summary>
    static abstract V LoadInt8(sbyte* place);

    /// <summary>
    /// Four times <see cref="Count"/> E4M3 codes as numbers · 2^-120, those at places 0, 1, 2 and 3 modulo 4 apart; the
    /// code that stands for no number becomes 480 and is left to <see cref="MarkNaN"/>.
    /// </summary>
    static abstract void LoadE4M3Quads(byte* place, out V first, out V second, out V third, out V fourth);

    /// <summary>Adds to <paramref name="marks"/> whether one of four times <see cref="Count"/> codes stands for no number.</summary>
    static abstract V MarkNaN(byte* place, V marks);

    /// <summary>Whether <see cref="MarkNaN"/> has found one.</summary>
    static abstract bool IsMarked(V marks);

    /// <summary>Transposes [Count, Count] numbers: row i of the source starts at <paramref name="from"/> + i·<paramref name="fromStride"/>.</summary>
    static abstract void Transpose(float* from, int fromStride, float* to, int toStride);

    /// <summary>Takes the numbers of two vectors that follow each other apart: those at even places, and those at odd ones.</summary>
    static abstract void EvenOdd(V a, V b, out V even, out V odd);
}
