using System;
using System.IO;
using System.Linq;
using System.Runtime.InteropServices;
using System.Text.Json;
using Xunit;

namespace Sinter.Ptx.Tests;

/// <summary>cvt against PyTorch's casts (tests/data/casts) and C#'s conversions.</summary>
public sealed class ConversionTests
{
    [Fact]
    public void Integer_and_float_conversions_are_CSharps() => LaneTable.Check32(
        LaneTable.Words(31), LaneTable.Floats(32), LaneTable.Words(33),
        new("cvt.rn.f32.s32 %f10, %r1;", (a, _, _) => BitConverter.SingleToUInt32Bits((int)a)),
        new("cvt.rn.f32.u32 %f10, %r1;", (a, _, _) => BitConverter.SingleToUInt32Bits((uint)a)),
        new("cvt.rzi.s32.f32 %r10, %f2;", (_, b, _) => (uint)(int)BitConverter.UInt32BitsToSingle((uint)b)),
        new("cvt.rzi.u32.f32 %r10, %f2;", (_, b, _) => (uint)Math.Max(0, (double)BitConverter.UInt32BitsToSingle((uint)b))),
        new("cvt.rni.s32.f32 %r10, %f2;", (_, b, _) => (uint)(int)MathF.Round(BitConverter.UInt32BitsToSingle((uint)b))),
        new("cvt.rmi.f32.f32 %f10, %f2;", (_, b, _) => BitConverter.SingleToUInt32Bits(MathF.Floor(BitConverter.UInt32BitsToSingle((uint)b)))),
        new("cvt.rpi.f32.f32 %f10, %f2;", (_, b, _) => BitConverter.SingleToUInt32Bits(MathF.Ceiling(BitConverter.UInt32BitsToSingle((uint)b)))),
        new("cvt.f64.f32 %fd1, %f2; cvt.rn.f32.f64 %f10, %fd1;", (_, b, _) => b),
        new("cvt.u32.u8 %r10, %r1;", (a, _, _) => (byte)a),
        new("cvt.s32.s16 %r10, %r1;", (a, _, _) => (uint)(short)a));

    [Fact]
    public void Bf16_rounds_as_PyTorch_does()
        => CheckHalves("cvt.rn.bf16.f32 %h1, %f1;", Casts.Floats("bf16.x"), Casts.Words("bf16.bits"));

    [Fact]
    public void F16_rounds_as_PyTorch_does()
        => CheckHalves("cvt.rn.f16.f32 %h1, %f1;", Casts.Floats("f16.x"), Casts.Words("f16.bits"));

    [Fact]
    public void F16_widens_as_NET_does()
    {
        var all = Enumerable.Range(0, 65536).Select(i => (ushort)i).ToArray();
        var result = Map<ushort, uint>(all, 2, 4, "ld.global.b16 %h1, [%rd3]; cvt.f32.f16 %f1, %h1; st.global.f32 [%rd4], %f1;");
        for (var i = 0; i < all.Length; i++)
        {
            var expected = (float)BitConverter.UInt16BitsToHalf(all[i]);
            var actual = BitConverter.UInt32BitsToSingle(result[i]);
            Assert.True(float.IsNaN(expected) ? float.IsNaN(actual) : BitConverter.SingleToUInt32Bits(expected) == result[i], $"{i:x}");
        }
    }

    [Theory]
    [InlineData("e4m3")]
    [InlineData("e5m2")]
    public void Eight_bit_floats_saturate_and_round_as_the_casts_tell(string format)
    {
        var x = Casts.Floats(format + ".encode.x");
        var expected = Casts.Bytes(format + ".encode.satfinite");
        var result = Map<float, ushort>(x, 4, 2, "ld.global.f32 %f1, [%rd3]; cvt.rn.satfinite." + format + "x2.f32 %h1, %f1, %f1; st.global.b16 [%rd4], %h1;");
        for (var i = 0; i < x.Length; i++)
        {
            var (low, high) = ((byte)result[i], (byte)(result[i] >> 8));
            Assert.Equal(low, high);
            Assert.True(float.IsNaN(x[i]) ? (low & 0x7F) == 0x7F : low == expected[i], $"{x[i]:R}: {low:x}, not {expected[i]:x}");
        }
    }

    [Fact]
    public void The_first_source_of_a_packed_conversion_goes_to_the_upper_half()
    {
        var result = Map<float, uint>([1f], 4, 4, "ld.global.f32 %f1, [%rd3]; mov.f32 %f2, 0f40000000; cvt.rn.bf16x2.f32 %r9, %f1, %f2; st.global.u32 [%rd4], %r9;");
        Assert.Equal(0x3F80_4000U, Assert.Single(result));
    }

    [Theory]
    [InlineData("e4m3")]
    [InlineData("e5m2")]
    public void Eight_bit_floats_widen_to_f16_as_the_casts_tell(string format)
    {
        var expected = Casts.Floats(format + ".decode");
        var codes = Enumerable.Range(0, 256).Select(i => (ushort)i).ToArray();
        var result = Map<ushort, uint>(codes, 2, 4, "ld.global.b16 %h1, [%rd3]; cvt.rn.f16x2." + format + "x2 %r9, %h1; st.global.u32 [%rd4], %r9;");
        for (var i = 0; i < 256; i++)
        {
            var actual = (float)BitConverter.UInt16BitsToHalf((ushort)result[i]);
            Assert.True(float.IsNaN(expected[i]) ? float.IsNaN(actual) : actual == expected[i], $"{i:x}: {actual}, not {expected[i]}");
        }
    }

    private static void CheckHalves(string convert, float[] x, ushort[] expected)
    {
        var result = Map<float, ushort>(x, 4, 2, "ld.global.f32 %f1, [%rd3]; " + convert + " st.global.b16 [%rd4], %h1;");
        for (var i = 0; i < x.Length; i++)
        {
            // The ISA's NaN is canonical; PyTorch keeps a payload.
            Assert.True(float.IsNaN(x[i]) ? result[i] == 0x7FFF : result[i] == expected[i], $"{x[i]:R}: {result[i]:x}, not {expected[i]:x}");
        }
    }

    private static TResult[] Map<T, TResult>(T[] values, int inSize, int outSize, string body)
        where T : unmanaged
        where TResult : unmanaged
    {
        var device = new PtxDevice();
        var result = device.Allocate(values.Length * outSize);
        var module = Ptx.Kernel(".param .u64 in, .param .u64 out, .param .u32 count", FormattableString.Invariant($$"""
            mov.u32 %r0, %tid.x;
            mov.u32 %r1, %ctaid.x;
            mad.lo.u32 %r0, %r1, 256, %r0;
            ld.param.u32 %r2, [count];
            setp.ge.u32 %p1, %r0, %r2;
            @%p1 ret;
            ld.param.u64 %rd1, [in];
            ld.param.u64 %rd2, [out];
            mad.wide.u32 %rd3, %r0, {{inSize}}, %rd1;
            mad.wide.u32 %rd4, %r0, {{outSize}}, %rd2;
            {{body}}
            ret;
            """), "sm_90");
        device.Launch(module, "k", (values.Length + 255) / 256, 256, 0, device.Allocate(values), result, values.Length).EnsureClean();
        return result.Read<TResult>();
    }
}

/// <summary>The tensors of tests/data/casts.</summary>
internal static class Casts
{
    private static readonly byte[] s_file = File.ReadAllBytes(Path.Combine(Ptx.Root(), "tests/data/casts/casts.safetensors"));

    public static float[] Floats(string name) => MemoryMarshal.Cast<byte, float>(Bytes(name)).ToArray();

    public static ushort[] Words(string name) => MemoryMarshal.Cast<byte, ushort>(Bytes(name)).ToArray();

    public static byte[] Bytes(string name)
    {
        var length = (int)BitConverter.ToInt64(s_file);
        using var header = JsonDocument.Parse(s_file.AsMemory(8, length));
        var offsets = header.RootElement.GetProperty(name).GetProperty("data_offsets");
        return s_file[(8 + length + offsets[0].GetInt32())..(8 + length + offsets[1].GetInt32())];
    }
}
