using System.Runtime.CompilerServices;

namespace Sinter.Runtime.Numerics;

/// <summary>
/// The loops of a product in registers: six rows × two vectors of columns, or twelve rows × one. Four depths a turn: with one, the compiler
/// moves sums from register to register in each, and a core that is shared with another hardware thread has no slots to spare for that.
/// </summary>
internal static unsafe class RegisterTile
{
    /// <summary>Depths of a turn.</summary>
    public const int Depths = 4;

    /// <summary>Sums over depth of x[row][depth] · panel[depth], which stands <paramref name="stride"/> numbers apart from depth to depth.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Sum<V>(
        float* x0, float* x1, float* x2, float* x3, float* x4, float* x5, int depth, float* panel, int stride, out V a00, out V a01, out V a10, out V a11,
        out V a20, out V a21, out V a30, out V a31, out V a40, out V a41, out V a50, out V a51)
        where V : struct, ILanes<V>
    {
        a00 = a01 = a10 = a11 = a20 = a21 = a30 = a31 = a40 = a41 = a50 = a51 = V.Zero;
        long k = 0;
        for (; k <= depth - Depths; k += Depths)
        {
            Add(x0 + k, x1 + k, x2 + k, x3 + k, x4 + k, x5 + k, panel, ref a00, ref a01, ref a10, ref a11, ref a20, ref a21, ref a30, ref a31, ref a40, ref a41, ref a50, ref a51);
            panel += stride;
            Add(x0 + k + 1, x1 + k + 1, x2 + k + 1, x3 + k + 1, x4 + k + 1, x5 + k + 1, panel, ref a00, ref a01, ref a10, ref a11, ref a20, ref a21, ref a30, ref a31, ref a40, ref a41, ref a50, ref a51);
            panel += stride;
            Add(x0 + k + 2, x1 + k + 2, x2 + k + 2, x3 + k + 2, x4 + k + 2, x5 + k + 2, panel, ref a00, ref a01, ref a10, ref a11, ref a20, ref a21, ref a30, ref a31, ref a40, ref a41, ref a50, ref a51);
            panel += stride;
            Add(x0 + k + 3, x1 + k + 3, x2 + k + 3, x3 + k + 3, x4 + k + 3, x5 + k + 3, panel, ref a00, ref a01, ref a10, ref a11, ref a20, ref a21, ref a30, ref a31, ref a40, ref a41, ref a50, ref a51);
            panel += stride;
        }

        for (; k < depth; k++, panel += stride)
            Add(x0 + k, x1 + k, x2 + k, x3 + k, x4 + k, x5 + k, panel, ref a00, ref a01, ref a10, ref a11, ref a20, ref a21, ref a30, ref a31, ref a40, ref a41, ref a50, ref a51);
    }

    /// <summary>One depth.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Add<V>(
        float* x0, float* x1, float* x2, float* x3, float* x4, float* x5, float* panel, ref V a00, ref V a01, ref V a10, ref V a11,
        ref V a20, ref V a21, ref V a30, ref V a31, ref V a40, ref V a41, ref V a50, ref V a51)
        where V : struct, ILanes<V>
    {
        V w0 = V.Load(panel), w1 = V.Load(panel + V.Count);
        V x = V.All(*x0);
        a00 = V.Fma(x, w0, a00);
        a01 = V.Fma(x, w1, a01);
        x = V.All(*x1);
        a10 = V.Fma(x, w0, a10);
        a11 = V.Fma(x, w1, a11);
        x = V.All(*x2);
        a20 = V.Fma(x, w0, a20);
        a21 = V.Fma(x, w1, a21);
        x = V.All(*x3);
        a30 = V.Fma(x, w0, a30);
        a31 = V.Fma(x, w1, a31);
        x = V.All(*x4);
        a40 = V.Fma(x, w0, a40);
        a41 = V.Fma(x, w1, a41);
        x = V.All(*x5);
        a50 = V.Fma(x, w0, a50);
        a51 = V.Fma(x, w1, a51);
    }

    /// <summary>
    /// As <see cref="Sum"/>, of twelve rows <paramref name="apart"/> numbers apart and a panel of one vector. Four places and two distances
    /// reach them; twelve places do not fit into registers.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void SumTwelve<V>(
        float* x0, long apart, int depth, float* panel, out V a0, out V a1, out V a2, out V a3, out V a4, out V a5,
        out V a6, out V a7, out V a8, out V a9, out V a10, out V a11)
        where V : struct, ILanes<V>
    {
        a0 = a1 = a2 = a3 = a4 = a5 = a6 = a7 = a8 = a9 = a10 = a11 = V.Zero;
        long one = apart, two = 2 * one;
        float* x3 = x0 + 3 * one, x6 = x3 + 3 * one, x9 = x6 + 3 * one;
        int k = 0;
        for (; k <= depth - Depths; k += Depths, panel += Depths * V.Count)
        {
            AddTwelve(x0, x3, x6, x9, one, two, V.Load(panel), ref a0, ref a1, ref a2, ref a3, ref a4, ref a5, ref a6, ref a7, ref a8, ref a9, ref a10, ref a11);
            AddTwelve(x0 + 1, x3 + 1, x6 + 1, x9 + 1, one, two, V.Load(panel + V.Count), ref a0, ref a1, ref a2, ref a3, ref a4, ref a5, ref a6, ref a7, ref a8, ref a9, ref a10, ref a11);
            AddTwelve(x0 + 2, x3 + 2, x6 + 2, x9 + 2, one, two, V.Load(panel + 2 * V.Count), ref a0, ref a1, ref a2, ref a3, ref a4, ref a5, ref a6, ref a7, ref a8, ref a9, ref a10, ref a11);
            AddTwelve(x0 + 3, x3 + 3, x6 + 3, x9 + 3, one, two, V.Load(panel + 3 * V.Count), ref a0, ref a1, ref a2, ref a3, ref a4, ref a5, ref a6, ref a7, ref a8, ref a9, ref a10, ref a11);
            x0 += Depths;
            x3 += Depths;
            x6 += Depths;
            x9 += Depths;
        }

        for (; k < depth; k++, panel += V.Count, x0++, x3++, x6++, x9++)
            AddTwelve(x0, x3, x6, x9, one, two, V.Load(panel), ref a0, ref a1, ref a2, ref a3, ref a4, ref a5, ref a6, ref a7, ref a8, ref a9, ref a10, ref a11);
    }

    /// <summary>One depth of twelve rows and one vector: three rows from each place, at the two distances.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void AddTwelve<V>(
        float* x0, float* x3, float* x6, float* x9, long one, long two, V w, ref V a0, ref V a1, ref V a2, ref V a3, ref V a4, ref V a5,
        ref V a6, ref V a7, ref V a8, ref V a9, ref V a10, ref V a11)
        where V : struct, ILanes<V>
    {
        a0 = V.Fma(V.All(x0[0]), w, a0);
        a1 = V.Fma(V.All(x0[one]), w, a1);
        a2 = V.Fma(V.All(x0[two]), w, a2);
        a3 = V.Fma(V.All(x3[0]), w, a3);
        a4 = V.Fma(V.All(x3[one]), w, a4);
        a5 = V.Fma(V.All(x3[two]), w, a5);
        a6 = V.Fma(V.All(x6[0]), w, a6);
        a7 = V.Fma(V.All(x6[one]), w, a7);
        a8 = V.Fma(V.All(x6[two]), w, a8);
        a9 = V.Fma(V.All(x9[0]), w, a9);
        a10 = V.Fma(V.All(x9[one]), w, a10);
        a11 = V.Fma(V.All(x9[two]), w, a11);
    }
}
