using System;
using System.Runtime.InteropServices;
using Sinter.Runtime.Checkpoints;
using Sinter.Runtime.Numerics;
using Sinter.Tests.Data;
using Xunit;

namespace Sinter.Runtime.Tests.Numerics;

/// <summary>The golden vectors come from PyTorch and an independent search for the nearest code.</summary>
public sealed class ElementCastsTests : IDisposable
{
    private readonly SafetensorsFile _golden = SafetensorsFile.Open(Repository.Data("casts", "casts.safetensors"));

    public void Dispose() => _golden.Dispose();

    [Fact]
    public void Decodes_every_code_of_e4m3_and_e8m0()
    {
        float[] e4m3 = _golden["e4m3.decode"].ToSingles(), e8m0 = _golden["e8m0.decode"].ToSingles();
        for (int code = 0; code < 256; code++)
        {
            AssertSame(e4m3[code], ElementCasts.DecodeE4M3((byte)code));
            AssertSame(e8m0[code], ElementCasts.DecodeE8M0((byte)code));
        }
    }

    [Fact]
    public void Encodes_e4m3_to_the_nearest_code_and_saturates()
    {
        float[] values = _golden["e4m3.encode.x"].ToSingles();
        ReadOnlySpan<byte> codes = _golden["e4m3.encode.satfinite"].Bytes;
        for (int i = 0; i < values.Length; i++) Assert.Equal(codes[i], ElementCasts.EncodeE4M3(values[i]));
    }

    [Fact]
    public void Every_e4m3_code_survives_decoding_and_encoding()
    {
        for (int code = 0; code < 256; code++)
            Assert.Equal(code, ElementCasts.EncodeE4M3(ElementCasts.DecodeE4M3((byte)code)));
    }

    [Fact]
    public void Encodes_and_decodes_bf16() =>
        RoundTrips("bf16", ElementCasts.EncodeBF16, ElementCasts.DecodeBF16, (bits, value) => bits << 16 == BitConverter.SingleToInt32Bits(value));

    [Fact]
    public void Encodes_and_decodes_f16() =>
        RoundTrips("f16", ElementCasts.EncodeF16, ElementCasts.DecodeF16, (bits, value) => value == (float)BitConverter.UInt16BitsToHalf(bits));

    [Fact]
    public void Rounds_scales_up_to_powers_of_two()
    {
        float[] values = _golden["ue8m0.x"].ToSingles(), rounded = _golden["ue8m0.ceil_bits"].ToSingles();
        ReadOnlySpan<byte> codes = _golden["ue8m0.code"].Bytes;
        for (int i = 0; i < values.Length; i++)
        {
            Assert.Equal(codes[i], ElementCasts.EncodeE8M0Up(values[i]));
            Assert.Equal(rounded[i], ElementCasts.DecodeE8M0(codes[i]));
        }
    }

    [Fact]
    public void A_scale_without_a_power_of_two_becomes_not_a_number()
    {
        foreach (float value in (float[])[float.NaN, float.PositiveInfinity, -1f])
            Assert.True(float.IsNaN(ElementCasts.DecodeE8M0(ElementCasts.EncodeE8M0Up(value))));
    }

    private void RoundTrips(string format, Func<float, ushort> encode, Func<ushort, float> decode, Func<ushort, float, bool> same)
    {
        float[] values = _golden[format + ".x"].ToSingles();
        ReadOnlySpan<ushort> bits = MemoryMarshal.Cast<byte, ushort>(_golden[format + ".bits"].Bytes);
        for (int i = 0; i < values.Length; i++)
        {
            if (float.IsNaN(values[i]))
            {
                Assert.True(float.IsNaN(decode(encode(values[i]))));
                continue;
            }

            Assert.Equal(bits[i], encode(values[i]));
            Assert.True(same(bits[i], decode(bits[i])));
        }
    }

    private static void AssertSame(float expected, float actual)
    {
        if (float.IsNaN(expected)) Assert.True(float.IsNaN(actual));
        else Assert.Equal(BitConverter.SingleToInt32Bits(expected), BitConverter.SingleToInt32Bits(actual));
    }
}
