using System;
using Xunit;

namespace Sinter.Ptx.Tests;

/// <summary>Directed rounding, and the 16-bit formats, against exact values.</summary>
public sealed class RoundingTests
{
    [Theory]
    [InlineData("rz")]
    [InlineData("rm")]
    [InlineData("rp")]
    public void Products_and_narrowing_round_as_directed(string mode)
    {
        // A product of two floats is exact in double, so the two neighbours tell the directed result.
        float Directed(double exact)
        {
            var near = (float)exact;
            return mode switch
            {
                "rm" => near > exact ? MathF.BitDecrement(near) : near,
                "rp" => near < exact ? MathF.BitIncrement(near) : near,
                _ => Math.Abs(near) > Math.Abs(exact) ? exact > 0 ? MathF.BitDecrement(near) : MathF.BitIncrement(near) : near,
            };
        }

        LaneTable.Check32(LaneTable.Floats(41), LaneTable.Floats(42), LaneTable.Words(43), new LaneCase(
            $"mul.{mode}.f32 %f10, %f1, %f2;", (a, b, _) => BitConverter.SingleToUInt32Bits(Directed((double)Single(a) * Single(b)))));
        LaneTable.Check32(LaneTable.Words(44), LaneTable.Floats(42), LaneTable.Words(43), new LaneCase(
            $"cvt.{mode}.f32.s32 %f10, %r1;", (a, _, _) => BitConverter.SingleToUInt32Bits(Directed((int)a))));
    }

    [Fact]
    public void Pairs_of_f16_compute_as_Half_does() => LaneTable.Check32(
        Halves(45), Halves(46), Halves(47),
        new("add.rn.f16x2 %r10, %r1, %r2;", (a, b, _) => Both(a, b, 0, (x, y, _) => x + y)),
        new("mul.rn.f16x2 %r10, %r1, %r2;", (a, b, _) => Both(a, b, 0, (x, y, _) => x * y)),
        new("fma.rn.f16x2 %r10, %r1, %r2, %r3;", (a, b, c) => Both(a, b, c, (x, y, z) => (Half)Math.FusedMultiplyAdd((double)x, (double)y, (double)z))),
        new("max.f16x2 %r10, %r1, %r2;", (a, b, _) => Both(a, b, 0, (x, y, _) => x > y ? x : y)));

    [Fact]
    public void Pairs_of_bf16_round_once()
    {
        // Multiples of 1/16 up to 8: products and sums are exact in single precision.
        static uint[] Values(int seed)
        {
            var random = new Random(seed);
            var result = new uint[32];
            for (var i = 0; i < 32; i++)
            {
                result[i] = BitConverter.SingleToUInt32Bits(random.Next(-128, 128) / 16f) >> 16 | (BitConverter.SingleToUInt32Bits(random.Next(-128, 128) / 16f) & 0xFFFF_0000);
            }

            return result;
        }

        static uint Rounded(ulong a, ulong b, ulong c)
        {
            static float Wide(ulong bits) => BitConverter.UInt32BitsToSingle((uint)bits << 16);
            var exact = BitConverter.SingleToUInt32Bits((Wide(a & 0xFFFF) * Wide(b & 0xFFFF)) + Wide(c & 0xFFFF));
            return (exact + 0x7FFF + (exact >> 16 & 1)) >> 16;
        }

        LaneTable.Check32(Values(48), Values(49), Values(50), new LaneCase(
            "fma.rn.bf16x2 %r10, %r1, %r2, %r3;", (a, b, c) => Rounded(a, b, c) | (Rounded(a >> 16, b >> 16, c >> 16) << 16)));
    }

    private static uint[] Halves(int seed)
    {
        var random = new Random(seed);
        var result = new uint[32];
        for (var i = 0; i < 32; i++)
        {
            uint One() => BitConverter.HalfToUInt16Bits((Half)((random.NextDouble() - 0.5) * 8));
            result[i] = One() | (One() << 16);
        }

        return result;
    }

    private static ulong Both(ulong a, ulong b, ulong c, Func<Half, Half, Half, Half> f)
    {
        ulong One(int shift) => BitConverter.HalfToUInt16Bits(f(Value(a >> shift), Value(b >> shift), Value(c >> shift)));
        return One(0) | (One(16) << 16);
    }

    private static Half Value(ulong bits) => BitConverter.UInt16BitsToHalf((ushort)bits);

    private static float Single(ulong bits) => BitConverter.UInt32BitsToSingle((uint)bits);
}
