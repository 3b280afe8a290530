using System;
using System.Linq;
using Sinter.Runtime.Numerics;
using Sinter.Tests.Data;
using Sinter.Tests.Kernels;
using Xunit;

namespace Sinter.Compiler.Tests.Kernels;

public sealed class WidenedCodes128 : WidenedCodes<Lanes128>;

public sealed class WidenedCodes256 : WidenedCodes<Lanes256>;

public sealed class WidenedCodes512 : WidenedCodes<Lanes512>;

/// <summary>Every code of the narrow formats through every load; E4M3 as PyTorch decodes it, F16 as the platform does.</summary>
public abstract unsafe class WidenedCodes<V>
    where V : struct, ILanes<V>
{
    private static readonly float[] s_bf16 = [.. Enumerable.Range(0, 65536).Select(code => BitConverter.UInt32BitsToSingle((uint)code << 16))];
    private static readonly float[] s_f16 = [.. Enumerable.Range(0, 65536).Select(code => (float)BitConverter.UInt16BitsToHalf((ushort)code))];
    private static readonly float[] s_e4m3 = [.. new TensorFile(Repository.Data("casts", "casts.safetensors"))["e4m3.decode"].Numbers.Select(v => (float)v)];
    private static readonly float[] s_int8 = [.. Enumerable.Range(0, 256).Select(code => (float)(code < 128 ? code : code - 256))];

    [Fact]
    public void Of_BF16_in_their_order() => InOrder<BF16>(s_bf16);

    [Fact]
    public void Of_F16_in_their_order() => InOrder<F16>(s_f16);

    [Fact]
    public void Of_E4M3_in_their_order() => InOrder<E4M3>(s_e4m3);

    [Fact]
    public void Of_Int8_in_their_order() => InOrder<Int8>(s_int8);

    [Fact]
    public void Of_BF16_in_quads() => InQuads<BF16>(s_bf16);

    [Fact]
    public void Of_F16_in_quads() => InQuads<F16>(s_f16);

    [Fact]
    public void Of_E4M3_in_quads() => InQuads<E4M3>(s_e4m3);

    [Fact]
    public void Of_Int8_in_quads() => InQuads<Int8>(s_int8);

    [Fact]
    public void Of_BF16_in_pairs()
    {
        using var memory = new GuardedMemory();
        ushort* codes = (ushort*)Codes(memory, s_bf16.Length, 2);
        float* found = memory.Floats(2 * V.Count);
        for (int i = 0; i < s_bf16.Length; i += 2 * V.Count)
        {
            V.LoadBF16Pairs(codes + i, out V even, out V odd);
            even.Store(found);
            odd.Store(found + V.Count);
            for (int lane = 0; lane < V.Count; lane++)
            {
                Same(s_bf16[i + 2 * lane], found[lane], i + 2 * lane);
                Same(s_bf16[i + 2 * lane + 1], found[V.Count + lane], i + 2 * lane + 1);
            }
        }
    }

    /// <summary>One code that stands for no number at each place of a quad, and none.</summary>
    [Fact]
    public void Of_E4M3_that_stand_for_no_number_are_marked()
    {
        using var memory = new GuardedMemory();
        byte* codes = memory.Bytes(4 * V.Count);
        for (int code = 0; code < 256; code++)
        {
            for (int place = 0; place < 4 * V.Count; place++)
            {
                new Span<byte>(codes, 4 * V.Count).Fill((byte)(code & 0x80 ^ 0xfe));
                codes[place] = (byte)code;
                Assert.Equal(float.IsNaN(s_e4m3[code]), V.IsMarked(V.MarkNaN(codes, V.Zero)));
            }
        }
    }

    private static void InOrder<W>(float[] wanted)
        where W : struct, IWeightFormat
    {
        using var memory = new GuardedMemory();
        byte* codes = Codes(memory, wanted.Length, W.Bytes);
        float* found = memory.Floats(V.Count);
        for (int i = 0; i < wanted.Length; i += V.Count)
        {
            W.Load<V>(codes + i * W.Bytes).Store(found);
            for (int lane = 0; lane < V.Count; lane++)
            {
                Same(wanted[i + lane], found[lane], i + lane);
                Same(wanted[i + lane], W.Number(codes + (i + lane) * W.Bytes), i + lane);
            }
        }
    }

    /// <summary>The order of a quad is the one in which partners are arranged: whole numbers tell it.</summary>
    private static void InQuads<W>(float[] wanted)
        where W : struct, IWeightFormat
    {
        using var memory = new GuardedMemory();
        byte* codes = Codes(memory, wanted.Length, W.Bytes);
        float* order = memory.Floats([.. Enumerable.Range(0, 4 * V.Count).Select(i => (float)i)]);
        float* arranged = memory.Floats(4 * V.Count), found = memory.Floats(4 * V.Count);
        W.Arrange<V>(order, arranged);
        for (int i = 0; i < wanted.Length; i += 4 * V.Count)
        {
            W.LoadQuad(codes + i * W.Bytes, out V first, out V second, out V third, out V fourth);
            first.Store(found);
            second.Store(found + V.Count);
            third.Store(found + 2 * V.Count);
            fourth.Store(found + 3 * V.Count);
            bool isMarked = W.IsMarked(W.Mark(codes + i * W.Bytes, V.Zero)), isNone = false;
            for (int place = 0; place < 4 * V.Count; place++)
            {
                int code = i + (int)(arranged[place] / W.ArrangeFactor);
                float number = found[place] * W.ArrangeFactor * W.QuadFactor;

                // What is marked is NaN to the sum, whatever the lane says.
                isNone |= float.IsNaN(wanted[code]);
                if (!isMarked || !float.IsNaN(wanted[code])) Same(wanted[code], number, code);
            }

            Assert.True(isNone || !isMarked, $"Quad {i} is marked without a reason.");
        }
    }

    /// <summary>All codes in turn, up to the end of the memory.</summary>
    private static byte* Codes(GuardedMemory memory, int count, int bytes)
    {
        byte* place = memory.Bytes(count * bytes);
        for (int code = 0; code < count; code++)
        {
            if (bytes == 1) place[code] = (byte)code;
            else ((ushort*)place)[code] = (ushort)code;
        }

        return place;
    }

    private static void Same(float wanted, float found, int code)
    {
        bool isSame = float.IsNaN(wanted) ? float.IsNaN(found) : BitConverter.SingleToInt32Bits(wanted) == BitConverter.SingleToInt32Bits(found);
        if (!isSame) Assert.Fail($"Code {code:x} became {found} instead of {wanted}.");
    }
}
