using System;
using System.Linq;
using Xunit;

namespace Sinter.Ptx.Tests;

/// <summary>Fragments laid out by the figures of the PTX ISA (mma.m16n8k16, mma.m16n8k32, ldmatrix), against products in float64.</summary>
public sealed class MatrixTests
{
    [Theory]
    [InlineData("m16n8k16", "bf16", 16)]
    [InlineData("m16n8k16", "f16", 16)]
    [InlineData("m16n8k32", "e4m3", 32)]
    public void Products_of_random_matrices_are_those_of_float64(string shape, string type, int depth)
    {
        var random = new Random(7);
        var each = type == "e4m3" ? 4 : 2;
        var bits = 32 / each;
        var (a, aBits) = Values(random, 16, depth, type);
        var (b, bBits) = Values(random, depth, 8, type);
        var c = Enumerable.Range(0, 128).Select(_ => (float)random.NextDouble()).ToArray();
        var words = new uint[32 * 6];
        for (var lane = 0; lane < 32; lane++)
        {
            var (group, inGroup) = (lane / 4, lane % 4);
            for (var i = 0; i < 4 * each; i++)
            {
                // a_i: row groupID, or 8 more for the second register of each pair; column by thread in group.
                var register = i / each;
                var row = group + (register % 2 * 8);
                var column = (inGroup * each) + (i % each) + (register / 2 * 4 * each);
                words[(lane * 6) + register] |= aBits[(row * depth) + column] << (i % each * bits);
            }

            for (var i = 0; i < 2 * each; i++)
            {
                var row = (inGroup * each) + (i % each) + (i / each * 4 * each);
                words[(lane * 6) + 4 + (i / each)] |= bBits[(row * 8) + group] << (i % each * bits);
            }
        }

        var device = new PtxDevice();
        var result = device.Allocate(512);
        var target = type == "e4m3" ? "sm_89" : "sm_80";
        var module = Ptx.Kernel(".param .u64 in, .param .u64 addend, .param .u64 out", $$"""
            mov.u32 %r1, %laneid;
            ld.param.u64 %rd1, [in];
            mad.wide.u32 %rd1, %r1, 24, %rd1;
            ld.global.v2.u32 {%r10, %r11}, [%rd1];
            ld.global.v2.u32 {%r12, %r13}, [%rd1+8];
            ld.global.v2.u32 {%r14, %r15}, [%rd1+16];
            shr.u32 %r2, %r1, 2;
            and.b32 %r3, %r1, 3;
            mad.lo.u32 %r4, %r2, 4, %r3;
            ld.param.u64 %rd2, [addend];
            mad.wide.u32 %rd2, %r4, 8, %rd2;
            ld.global.v2.f32 {%f0, %f1}, [%rd2];
            ld.global.v2.f32 {%f2, %f3}, [%rd2+256];
            mma.sync.aligned.{{shape}}.row.col.f32.{{type}}.{{type}}.f32 {%f4, %f5, %f6, %f7}, {%r10, %r11, %r12, %r13}, {%r14, %r15}, {%f0, %f1, %f2, %f3};
            ld.param.u64 %rd3, [out];
            mad.wide.u32 %rd3, %r4, 8, %rd3;
            st.global.v2.f32 [%rd3], {%f4, %f5};
            st.global.v2.f32 [%rd3+256], {%f6, %f7};
            ret;
            """, target);
        device.Launch(module, "k", 1, 32, 0, device.Allocate(words), device.Allocate(c), result).EnsureClean();
        var actual = result.Read<float>();
        for (var i = 0; i < 128; i++)
        {
            double expected = c[i];
            for (var k = 0; k < depth; k++)
            {
                expected += a[(i / 8 * depth) + k] * b[(k * 8) + (i % 8)];
            }

            Assert.Equal(expected, actual[i], 1e-6 * Math.Max(1, Math.Abs(expected)));
        }
    }

    [Theory]
    [InlineData(1, "")]
    [InlineData(2, "")]
    [InlineData(4, "")]
    [InlineData(4, ".trans")]
    public void Ldmatrix_gives_each_lane_its_elements(int count, string transposed)
    {
        // Element (row, column) of matrix m holds 64 m + 8 row + column.
        var outputs = string.Join(", ", Enumerable.Range(10, count).Select(i => $"%r{i}"));
        var stores = string.Concat(Enumerable.Range(0, count).Select(i => $"st.global.u32 [%rd1+{i * 128}], %r{10 + i};\n"));
        var module = Ptx.Kernel(".param .u64 out", $$"""
            mov.u32 %r1, %tid.x;
            mov.u32 %r2, tile;
            mad.lo.u32 %r3, %r1, 16, %r2;
            mul.lo.u32 %r4, %r1, 0x80008;
            add.u32 %r4, %r4, 0x10000;
            add.u32 %r5, %r4, 0x20002;
            add.u32 %r6, %r4, 0x40004;
            add.u32 %r7, %r4, 0x60006;
            st.shared.v4.u32 [%r3], {%r4, %r5, %r6, %r7};
            bar.sync 0;
            ldmatrix.sync.aligned.m8n8.x{{count}}{{transposed}}.shared.b16 { {{outputs}} }, [%r3];
            ld.param.u64 %rd1, [out];
            mad.wide.u32 %rd1, %r1, 4, %rd1;
            {{stores}}
            ret;
            """, outside: ".shared .align 16 .b8 tile[512];");
        var device = new PtxDevice();
        var result = device.Allocate(128 * count);
        device.Launch(module, "k", 1, 32, 0, result).EnsureClean();
        var values = result.Read<ushort>();
        for (var i = 0; i < values.Length; i++)
        {
            var (matrix, lane, element) = (i / 64, i / 2 % 32, i % 2);
            var (row, column) = (lane / 4, (lane % 4 * 2) + element);
            Assert.Equal((64 * matrix) + (transposed.Length > 0 ? (8 * column) + row : (8 * row) + column), values[i]);
        }
    }

    private static (double[] Values, uint[] Bits) Values(Random random, int rows, int columns, string type)
    {
        var table = type == "e4m3" ? Casts.Floats("e4m3.decode") : [];
        var bits = new uint[rows * columns];
        var values = new double[bits.Length];
        for (var i = 0; i < bits.Length; i++)
        {
            var x = (float)((random.NextDouble() - 0.5) * 4);
            (values[i], bits[i]) = type switch
            {
                "bf16" => (BitConverter.UInt32BitsToSingle(BitConverter.SingleToUInt32Bits(x) & 0xFFFF_0000), BitConverter.SingleToUInt32Bits(x) >> 16),
                "f16" => ((double)(Half)x, BitConverter.HalfToUInt16Bits((Half)x)),
                _ => Code(random, table),
            };
        }

        return (values, bits);
    }

    private static (double Value, uint Bits) Code(Random random, float[] table)
    {
        var code = (random.Next(2) * 128) + random.Next(0x28, 0x48);
        return (table[code], (uint)code);
    }
}
