using System;
using System.Linq;
using System.Numerics;
using Xunit;

namespace Sinter.Ptx.Tests;

/// <summary>Every instruction of the scalar families against C#'s own arithmetic.</summary>
public sealed class ArithmeticTests
{
    [Fact]
    public void Integers_of_32_bits_compute_as_in_CSharp() => LaneTable.Check32(
        LaneTable.Words(1), LaneTable.Words(2), LaneTable.Words(3),
        new("add.u32 %r10, %r1, %r2;", (a, b, _) => (uint)(a + b)),
        new("add.sat.s32 %r10, %r1, %r2;", (a, b, _) => (uint)(int)Math.Clamp((long)(int)a + (int)b, int.MinValue, int.MaxValue)),
        new("sub.s32 %r10, %r1, %r2;", (a, b, _) => (uint)(a - b)),
        new("mul.lo.s32 %r10, %r1, %r2;", (a, b, _) => (uint)(a * b)),
        new("mul.hi.u32 %r10, %r1, %r2;", (a, b, _) => (a * b) >> 32),
        new("mul.hi.s32 %r10, %r1, %r2;", (a, b, _) => (uint)(((long)(int)a * (int)b) >> 32)),
        new("mad.lo.s32 %r10, %r1, %r2, %r3;", (a, b, c) => (uint)((a * b) + c)),
        new("mad.hi.u32 %r10, %r1, %r2, %r3;", (a, b, c) => (uint)(((a * b) >> 32) + c)),
        new("or.b32 %r4, %r2, 1; div.u32 %r10, %r1, %r4;", (a, b, _) => a / (b | 1)),
        new("or.b32 %r4, %r2, 1; rem.u32 %r10, %r1, %r4;", (a, b, _) => a % (b | 1)),
        new("or.b32 %r4, %r2, 1; div.s32 %r10, %r1, %r4;", (a, b, _) => (uint)((long)(int)a / (int)(b | 1))),
        new("or.b32 %r4, %r2, 1; rem.s32 %r10, %r1, %r4;", (a, b, _) => (uint)((long)(int)a % (int)(b | 1))),
        new("min.s32 %r10, %r1, %r2;", (a, b, _) => (uint)Math.Min((int)a, (int)b)),
        new("max.s32 %r10, %r1, %r2;", (a, b, _) => (uint)Math.Max((int)a, (int)b)),
        new("min.u32 %r10, %r1, %r2;", (a, b, _) => Math.Min(a, b)),
        new("max.u32 %r10, %r1, %r2;", (a, b, _) => Math.Max(a, b)),
        new("neg.s32 %r10, %r1;", (a, _, _) => (uint)-(int)a),
        new("abs.s32 %r10, %r1;", (a, _, _) => (uint)Math.Abs((long)(int)a)),
        new("selp.b32 %r10, %r1, %r2, %p1;", (a, b, c) => c != 0 ? a : b));

    [Fact]
    public void Bits_of_32_bit_words_move_as_in_CSharp() => LaneTable.Check32(
        LaneTable.Words(4), LaneTable.Words(5), LaneTable.Words(6),
        new("and.b32 %r10, %r1, %r2;", (a, b, _) => a & b),
        new("or.b32 %r10, %r1, %r2;", (a, b, _) => a | b),
        new("xor.b32 %r10, %r1, %r2;", (a, b, _) => a ^ b),
        new("not.b32 %r10, %r1;", (a, _, _) => ~(uint)a),
        new("cnot.b32 %r10, %r1;", (a, _, _) => a == 0 ? 1UL : 0),
        new("popc.b32 %r10, %r1;", (a, _, _) => (ulong)BitOperations.PopCount(a)),
        new("clz.b32 %r10, %r1;", (a, _, _) => (ulong)BitOperations.LeadingZeroCount((uint)a)),
        new("brev.b32 %r10, %r1;", (a, _, _) => Convert.ToUInt32(new string([.. Convert.ToString((uint)a, 2).PadLeft(32, '0').Reverse()]), 2)),
        new("bfind.u32 %r10, %r1;", (a, _, _) => a == 0 ? 0xFFFF_FFFF : (ulong)BitOperations.Log2(a)),
        new("shl.b32 %r10, %r1, %r2;", (a, b, _) => b > 31 ? 0 : (uint)a << (int)b),
        new("shr.u32 %r10, %r1, %r2;", (a, b, _) => b > 31 ? 0 : a >> (int)b),
        new("shr.s32 %r10, %r1, %r2;", (a, b, _) => (uint)((int)a >> (int)Math.Min(b, 31))),
        new("shf.l.wrap.b32 %r10, %r1, %r2, %r3;", (a, b, c) => (uint)((((b << 32) | a) << (int)(c & 31)) >> 32)),
        new("shf.r.wrap.b32 %r10, %r1, %r2, %r3;", (a, b, c) => (uint)(((b << 32) | a) >> (int)(c & 31))),
        new("shf.r.clamp.b32 %r10, %r1, %r2, %r3;", (a, b, c) => (uint)(((b << 32) | a) >> (int)Math.Min(c, 32))),
        new("lop3.b32 %r10, %r1, %r2, %r3, 0x96;", (a, b, c) => a ^ b ^ c),
        new("lop3.b32 %r10, %r1, %r2, %r3, 0xCA;", (a, b, c) => (a & b) | (~(uint)a & c)),
        new("prmt.b32 %r10, %r1, %r2, 0x7531;", (a, b, _) => (a >> 8 & 0xFF) | (a >> 24 << 8) | ((b >> 8 & 0xFF) << 16) | (b >> 24 << 24)),
        new("bfe.u32 %r10, %r1, 5, 7;", (a, _, _) => a >> 5 & 127),
        new("bfe.s32 %r10, %r1, 5, 7;", (a, _, _) => (uint)((int)((uint)a << 20) >> 25)),
        new("bfi.b32 %r10, %r1, %r2, 9, 6;", (a, b, _) => (b & ~(63UL << 9)) | ((a & 63) << 9)));

    [Fact]
    public void Integers_of_64_bits_compute_as_in_CSharp() => LaneTable.Check64(
        LaneTable.LongWords(7), LaneTable.LongWords(8), LaneTable.LongWords(9),
        new("add.s64 %rd10, %rd11, %rd12;", (a, b, _) => a + b),
        new("sub.s64 %rd10, %rd11, %rd12;", (a, b, _) => a - b),
        new("mul.lo.u64 %rd10, %rd11, %rd12;", (a, b, _) => a * b),
        new("mul.hi.u64 %rd10, %rd11, %rd12;", (a, b, _) => Math.BigMul(a, b, out _)),
        new("mul.hi.s64 %rd10, %rd11, %rd12;", (a, b, _) => (ulong)(((Int128)(long)a * (long)b) >> 64)),
        new("mad.lo.s64 %rd10, %rd11, %rd12, %rd13;", (a, b, c) => (a * b) + c),
        new("mul.wide.s32 %rd10, %r3, -3;", (_, _, c) => (ulong)(-3L * (int)c)),
        new("mul.wide.u32 %rd10, %r3, 40000;", (_, _, c) => 40000UL * (uint)c),
        new("mad.wide.u32 %rd10, %r3, 40000, %rd11;", (a, _, c) => (40000UL * (uint)c) + a),
        new("or.b64 %rd6, %rd12, 1; div.u64 %rd10, %rd11, %rd6;", (a, b, _) => a / (b | 1)),
        new("or.b64 %rd6, %rd12, 1; rem.u64 %rd10, %rd11, %rd6;", (a, b, _) => a % (b | 1)),
        new("min.s64 %rd10, %rd11, %rd12;", (a, b, _) => (ulong)Math.Min((long)a, (long)b)),
        new("max.u64 %rd10, %rd11, %rd12;", (a, b, _) => Math.Max(a, b)),
        new("shl.b64 %rd10, %rd11, 9;", (a, _, _) => a << 9),
        new("shr.s64 %rd10, %rd11, 9;", (a, _, _) => (ulong)((long)a >> 9)),
        new("clz.b64 %r4, %rd11; cvt.u64.u32 %rd10, %r4;", (a, _, _) => (ulong)BitOperations.LeadingZeroCount(a)),
        new("popc.b64 %r4, %rd11; cvt.u64.u32 %rd10, %r4;", (a, _, _) => (ulong)BitOperations.PopCount(a)),
        new("cvt.s64.s32 %rd10, %r3;", (_, _, c) => (ulong)(int)c),
        new("cvt.s64.s8 %rd10, %rd11;", (a, _, _) => (ulong)(sbyte)a),
        new("mov.b64 {%r4, %r5}, %rd11; mov.b64 %rd10, {%r5, %r4};", (a, _, _) => BitOperations.RotateLeft(a, 32)));

    [Fact]
    public void Single_precision_rounds_to_nearest_as_NET_does() => LaneTable.Check32(
        LaneTable.Floats(10), LaneTable.Floats(11), LaneTable.Floats(12),
        Float("add.rn.f32 %f10, %f1, %f2;", (a, b, _) => a + b),
        Float("sub.f32 %f10, %f1, %f2;", (a, b, _) => a - b),
        Float("mul.rn.f32 %f10, %f1, %f2;", (a, b, _) => a * b),
        Float("fma.rn.f32 %f10, %f1, %f2, %f3;", MathF.FusedMultiplyAdd),
        Float("div.rn.f32 %f10, %f1, %f2;", (a, b, _) => a / b),
        Float("rcp.rn.f32 %f10, %f1;", (a, _, _) => 1 / a),
        Float("abs.f32 %f4, %f1; sqrt.rn.f32 %f10, %f4;", (a, _, _) => MathF.Sqrt(MathF.Abs(a))),
        Float("neg.f32 %f10, %f1;", (a, _, _) => -a),
        Float("abs.f32 %f10, %f1;", (a, _, _) => MathF.Abs(a)),
        Float("min.f32 %f10, %f1, %f2;", (a, b, _) => MathF.Min(a, b)),
        Float("max.f32 %f10, %f1, %f2;", (a, b, _) => MathF.Max(a, b)),
        Float("add.sat.f32 %f10, %f1, %f2;", (a, b, _) => Math.Clamp(a + b, 0, 1)),
        new("setp.lt.f32 %p2, %f1, %f2; selp.b32 %r10, 1, 0, %p2;", (a, b, _) => Single(a) < Single(b) ? 1UL : 0),
        new("setp.geu.f32 %p2, %f1, %f2; selp.b32 %r10, 1, 0, %p2;", (a, b, _) => Single(a) >= Single(b) ? 1UL : 0));

    [Fact]
    public void Approximations_are_within_a_few_units_of_the_true_value()
    {
        // The ISA bounds the errors of .approx at 2^-20 or better; the interpreter rounds the true value once.
        LaneTable.Check32(
            LaneTable.Floats(13), LaneTable.Floats(14), LaneTable.Floats(15),
            Float("abs.f32 %f4, %f1; rsqrt.approx.f32 %f10, %f4;", (a, _, _) => (float)(1 / Math.Sqrt(MathF.Abs(a)))),
            Float("abs.f32 %f4, %f1; lg2.approx.f32 %f10, %f4;", (a, _, _) => (float)Math.Log2(MathF.Abs(a))),
            Float("min.f32 %f4, %f1, 0f41200000; max.f32 %f4, %f4, 0fC1200000; ex2.approx.f32 %f10, %f4;", (a, _, _) => (float)Math.Pow(2, Math.Clamp(a, -10, 10))));
    }

    [Fact]
    public void Double_precision_rounds_to_nearest_as_NET_does() => LaneTable.Check64(
        LaneTable.Doubles(16), LaneTable.Doubles(17), LaneTable.Doubles(18),
        Double("add.rn.f64 %fd10, %fd1, %fd2;", (a, b, _) => a + b),
        Double("sub.rn.f64 %fd10, %fd1, %fd2;", (a, b, _) => a - b),
        Double("mul.rn.f64 %fd10, %fd1, %fd2;", (a, b, _) => a * b),
        Double("fma.rn.f64 %fd10, %fd1, %fd2, %fd3;", Math.FusedMultiplyAdd),
        Double("div.rn.f64 %fd10, %fd1, %fd2;", (a, b, _) => a / b));

    [Fact]
    public void Predicates_compare_and_combine() => LaneTable.Check32(
        LaneTable.Words(19), LaneTable.Words(20), LaneTable.Words(21),
        new("setp.lt.s32 %p2, %r1, %r2; selp.b32 %r10, 1, 0, %p2;", (a, b, _) => (int)a < (int)b ? 1UL : 0),
        new("setp.lt.u32 %p2, %r1, %r2; selp.b32 %r10, 1, 0, %p2;", (a, b, _) => a < b ? 1UL : 0),
        new("setp.ge.and.s32 %p2, %r1, %r2, %p1; selp.b32 %r10, 1, 0, %p2;", (a, b, c) => (int)a >= (int)b && c != 0 ? 1UL : 0),
        new("setp.eq.u32 %p2|%p3, %r1, %r2; selp.b32 %r10, 1, 0, %p3;", (a, b, _) => a != b ? 1UL : 0),
        new("setp.ne.u32 %p2, %r1, 0; xor.pred %p3, %p2, %p1; selp.b32 %r10, 1, 0, %p3;", (a, _, c) => (a != 0) != (c != 0) ? 1UL : 0),
        new("mov.u32 %r10, %r1; @!%p1 mov.u32 %r10, %r2;", (a, b, c) => c != 0 ? a : b));

    private static LaneCase Float(string text, Func<float, float, float, float> f)
        => new(text, (a, b, c) => BitConverter.SingleToUInt32Bits(f(Single(a), Single(b), Single(c))));

    private static LaneCase Double(string text, Func<double, double, double, double> f)
        => new(text, (a, b, c) => BitConverter.DoubleToUInt64Bits(f(BitConverter.UInt64BitsToDouble(a), BitConverter.UInt64BitsToDouble(b), BitConverter.UInt64BitsToDouble(c))));

    private static float Single(ulong bits) => BitConverter.UInt32BitsToSingle((uint)bits);
}
