using System.Runtime.CompilerServices;

namespace Sinter.Runtime.Numerics;

/// <summary>
/// The loop of a product in registers: six rows × two vectors of columns. Four depths a turn: with one, the compiler moves six sums
/// from register to register in each, and a core that is shared with another hardware thread has no slots to spare for that.
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
}
