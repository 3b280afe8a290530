using System;
using System.Linq;
using Xunit;

namespace Sinter.Ptx.Tests;

/// <summary>wgmma: factors laid out in shared memory by the figures of the PTX ISA, against products in float64, and its rules.</summary>
public sealed class WarpgroupTests
{
    private const string Product = """
        PROXY
        bar.sync 0;
        wgmma.fence.sync.aligned;
        wgmma.mma_async.sync.aligned.SHAPE {D}, %rd20, %rd21, 0, 1, 1TAIL;
        add.u64 %rd22, %rd20, %rd24;
        add.u64 %rd23, %rd21, %rd24;
        BETWEEN
        wgmma.mma_async.sync.aligned.SHAPE {D}, %rd22, %rd23, 1, 1, 1TAIL;
        wgmma.commit_group.sync.aligned;
        wgmma.wait_group.sync.aligned 0;
        """;

    /// <summary>Rows of 64 bytes, of which two products take 32 each.</summary>
    [Theory]
    [InlineData("bf16", 0, 8)]
    [InlineData("bf16", 1, 16)]
    [InlineData("bf16", 2, 24)]
    [InlineData("bf16", 3, 128)]
    [InlineData("e4m3", 0, 16)]
    [InlineData("e4m3", 1, 8)]
    [InlineData("e4m3", 2, 64)]
    [InlineData("e4m3", 3, 128)]
    public void Products_in_every_layout_are_those_of_float64(string type, int swizzle, int columns)
    {
        var (random, bytes) = (new Random(3), type == "bf16" ? 2 : 1);
        var depth = 64 / bytes;
        var (a, aCodes) = Codes(random, 64 * depth, type);
        var (b, bCodes) = Codes(random, columns * depth, type);
        var memory = new byte[32768];
        Place(memory, 0, aCodes, 64, swizzle);
        Place(memory, 16384, bCodes, columns, swizzle);
        var (report, result) = Run(Product, type, columns, swizzle, memory);
        report.EnsureClean();
        for (var i = 0; i < result.Length; i++)
        {
            // A thread's sum i: row lane/4 of its warp's sixteen, 8 lower for each second pair; 8 columns to four sums.
            var (thread, sum) = (i / (columns / 2), i % (columns / 2));
            var row = (thread / 32 * 16) + (thread % 32 / 4) + (sum / 2 % 2 * 8);
            var column = (sum / 4 * 8) + (thread % 4 * 2) + (sum % 2);
            var expected = Enumerable.Range(0, depth).Sum(k => a[(row * depth) + k] * b[(column * depth) + k]);
            Assert.Equal(expected, result[i], 1e-5);
        }
    }

    [Theory]
    [InlineData("PROXY", "", FindingKind.MissingProxyFence)]
    [InlineData("bar.sync 0;", "", FindingKind.SharedMemoryRace)]
    [InlineData("wgmma.fence.sync.aligned;", "", FindingKind.WgmmaRegisters)]
    [InlineData("wgmma.commit_group.sync.aligned;", "", FindingKind.WgmmaRegisters)]
    [InlineData("wgmma.wait_group.sync.aligned 0;", "", FindingKind.WgmmaRegisters)]
    [InlineData("wgmma.wait_group.sync.aligned 0;", "wgmma.wait_group.sync.aligned 1;", FindingKind.WgmmaRegisters)]
    [InlineData("BETWEEN", "add.f32 %f0, %f0, %f0;", FindingKind.WgmmaRegisters)]
    [InlineData("BETWEEN", "st.shared.u32 [%r3], %r1;", FindingKind.AsyncNotWaited)]
    [InlineData("{D}, %rd22, %rd23, 1", "{D}, %rd22, %rd1, 1", FindingKind.OutOfBounds)]
    [InlineData("PROXY", "fence.proxy.async; cvt.u64.u32 %rd9, %r1; add.u64 %rd20, %rd20, %rd9;", FindingKind.InvalidOperand)]
    public void A_rule_of_wgmma_that_is_broken_is_found(string part, string replacement, FindingKind kind)
    {
        var memory = new byte[32768];
        Assert.Contains(Run(Product.Replace(part, replacement, StringComparison.Ordinal), "bf16", 8, 3, memory).Report.Findings, finding => finding.Kind == kind);
    }

    [Fact]
    public void A_warpgroup_has_four_warps()
        => Assert.Contains(Run(Product, "bf16", 8, 3, new byte[32768], threads: 96).Report.Findings, finding => finding.Kind == FindingKind.MissingLanes);

    private static (LaunchReport Report, float[] Result) Run(string product, string type, int columns, int swizzle, byte[] memory, int threads = 128)
    {
        var d = string.Join(", ", Enumerable.Range(0, columns / 2).Select(i => $"%f{i}"));
        var text = product
            .Replace("PROXY", "fence.proxy.async;", StringComparison.Ordinal)
            .Replace("BETWEEN", "", StringComparison.Ordinal)
            .Replace("SHAPE", $"m64n{columns}k{(type == "bf16" ? 16 : 32)}.f32.{type}.{type}", StringComparison.Ordinal)
            .Replace("{D}", $"{{{d}}}", StringComparison.Ordinal)
            .Replace("TAIL", type == "bf16" ? ", 0, 0" : "", StringComparison.Ordinal);
        // Descriptors: start in units of 16 bytes; leading offset; stride between groups of 8 rows; the layout's number.
        var span = 16 << swizzle;
        var layout = swizzle == 0 ? (64L * 16 / 16 << 16) | (128L / 16 << 32) : (1L << 16) | ((long)span * 8 / 16 << 32) | ((4L - swizzle) << 62);
        var step = swizzle switch { 0 => 2 * 64 * 16, 1 => 4096, _ => 32 };
        var module = Ptx.Kernel(".param .u64 in, .param .u64 out, .param .u64 layout", $$"""
            mov.u32 %r1, %tid.x;
            mov.u32 %r2, tile;
            mad.lo.u32 %r3, %r1, 16, %r2;
            mov.u32 %r4, %r3;
            ld.param.u64 %rd1, [in];
            mad.wide.u32 %rd2, %r1, 16, %rd1;
            mov.u32 %r5, 0;
            FILL:
            ld.global.v4.u32 {%r10, %r11, %r12, %r13}, [%rd2];
            st.shared.v4.u32 [%r4], {%r10, %r11, %r12, %r13};
            add.u32 %r4, %r4, {{threads * 16}};
            add.u64 %rd2, %rd2, {{threads * 16}};
            add.u32 %r5, %r5, {{threads * 16}};
            setp.lt.u32 %p1, %r5, 32768;
            @%p1 bra FILL;
            shr.u32 %r6, %r2, 4;
            cvt.u64.u32 %rd3, %r6;
            ld.param.u64 %rd4, [layout];
            or.b64 %rd20, %rd3, %rd4;
            add.u64 %rd21, %rd20, 1024;
            mov.u64 %rd24, {{step / 16}};
            {{text}}
            ld.param.u64 %rd5, [out];
            mad.wide.u32 %rd5, %r1, {{columns * 2}}, %rd5;
            {{string.Concat(Enumerable.Range(0, columns / 2).Select(i => $"st.global.f32 [%rd5+{4 * i}], %f{i};\n"))}}
            ret;
            """, "sm_90a", ".shared .align 1024 .b8 tile[32768];");
        var device = new PtxDevice();
        var result = device.Allocate(threads * columns * 2);
        var report = device.Launch(module, "k", 1, threads, 0, device.Allocate(memory), result, layout);
        return (report, result.Read<float>());
    }

    /// <summary>Rows of 64 bytes into a layout: with spans of 32 bytes their halves are separate matrices, 4096 bytes apart.</summary>
    private static void Place(byte[] memory, int start, byte[] rows, int count, int swizzle)
    {
        for (var row = 0; row < count; row++)
        {
            for (var piece = 0; piece < 4; piece++)
            {
                var place = swizzle switch
                {
                    // Core matrices of 8 rows of 16 bytes; 64 rows of pieces after each other.
                    0 => (piece * 64 * 16) + (row * 16),
                    1 => (piece / 2 * 4096) + (row * 32) + (((piece % 2) ^ (row / 4 % 2)) * 16),
                    2 => (row * 64) + ((piece ^ (row / 2 % 4)) * 16),
                    _ => (row * 128) + ((piece ^ (row % 8)) * 16),
                };
                rows.AsSpan((row * 64) + (piece * 16), 16).CopyTo(memory.AsSpan(start + place));
            }
        }
    }

    private static (double[] Values, byte[] Codes) Codes(Random random, int count, string type)
    {
        var table = Casts.Floats("e4m3.decode");
        var values = new double[count];
        var codes = new byte[count * (type == "bf16" ? 2 : 1)];
        for (var i = 0; i < count; i++)
        {
            if (type == "bf16")
            {
                var bits = BitConverter.SingleToUInt32Bits((random.NextSingle() - 0.5f) * 4) >> 16;
                values[i] = BitConverter.UInt32BitsToSingle(bits << 16);
                BitConverter.TryWriteBytes(codes.AsSpan(2 * i), (ushort)bits);
            }
            else
            {
                codes[i] = (byte)((random.Next(2) * 128) + random.Next(0x28, 0x48));
                values[i] = table[codes[i]];
            }
        }

        return (values, codes);
    }
}
