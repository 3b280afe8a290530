using System;
using System.Linq;
using Xunit;

namespace Sinter.Ptx.Tests;

public sealed class SmokeTests
{
    private const string Reverse = """
        mov.u32 %r1, %tid.x;
        mov.u32 %r2, tile;
        mad.lo.u32 %r3, %r1, 4, %r2;
        st.shared.u32 [%r3], %r1;
        BARRIER
        xor.b32 %r4, %r1, 63;
        mad.lo.u32 %r5, %r4, 4, %r2;
        ld.shared.u32 %r6, [%r5];
        ld.param.u64 %rd1, [out];
        mad.wide.u32 %rd2, %r1, 4, %rd1;
        st.global.u32 [%rd2], %r6;
        ret;
        """;

    private const string Tile = ".shared .align 16 .b8 tile[256];";

    [Fact]
    public void Reverses_a_block_through_shared_memory()
    {
        var device = new PtxDevice();
        var result = device.Allocate(256);
        var module = Ptx.Kernel(".param .u64 out", Reverse.Replace("BARRIER", "bar.sync 0;", StringComparison.Ordinal), outside: Tile);
        device.Launch(module, "k", 1, 64, 0, result).EnsureClean();
        Assert.Equal(Enumerable.Range(0, 64).Select(i => 63 - i), result.Read<int>());
    }

    [Fact]
    public void Finds_the_race_where_the_barrier_is_left_out()
    {
        var device = new PtxDevice();
        var module = Ptx.Kernel(".param .u64 out", Reverse.Replace("BARRIER", "", StringComparison.Ordinal), outside: Tile);
        var report = device.Launch(module, "k", 1, 64, 0, device.Allocate(256));
        Assert.Contains(report.Findings, finding => finding.Kind == FindingKind.SharedMemoryRace);
    }

    [Fact]
    public void Finds_a_store_past_the_end_of_a_buffer()
    {
        var device = new PtxDevice();
        var module = Ptx.Kernel(".param .u64 out", Reverse.Replace("BARRIER", "bar.sync 0;", StringComparison.Ordinal), outside: Tile);
        var report = device.Launch(module, "k", 1, 64, 0, device.Allocate(252));
        var finding = Assert.Single(report.Findings);
        Assert.Equal(FindingKind.OutOfBounds, finding.Kind);
        Assert.Equal(new Dimensions(63, 0, 0), finding.Place.Thread);
    }

    [Fact]
    public void Multiplies_bf16_fragments_as_a_float64_product_does()
    {
        // A[row, k] = row + 1 and B[k, column] = column + 1 with k = 16, all exact in bf16: D = 16 (row + 1)(column + 1).
        var device = new PtxDevice();
        var result = device.Allocate(16 * 8 * 4);
        var module = Ptx.Kernel(".param .u64 out", """
            mov.u32 %r1, %laneid;
            shr.u32 %r2, %r1, 2;
            add.u32 %r3, %r2, 1;
            cvt.rn.f32.u32 %f1, %r3;
            cvt.rn.bf16x2.f32 %r4, %f1, %f1;
            add.f32 %f2, %f1, 0f41000000;
            cvt.rn.bf16x2.f32 %r5, %f2, %f2;
            mov.f32 %f3, 0f00000000;
            mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%f4, %f5, %f6, %f7}, {%r4, %r5, %r4, %r5}, {%r4, %r4}, {%f3, %f3, %f3, %f3};
            and.b32 %r6, %r1, 3;
            mad.lo.u32 %r7, %r2, 4, %r6;
            ld.param.u64 %rd1, [out];
            mad.wide.u32 %rd2, %r7, 8, %rd1;
            st.global.v2.f32 [%rd2], {%f4, %f5};
            st.global.v2.f32 [%rd2+256], {%f6, %f7};
            ret;
            """);
        device.Launch(module, "k", 1, 32, 0, result).EnsureClean();
        var expected = Enumerable.Range(0, 128).Select(i => 16f * (1 + (i / 8)) * (1 + (i % 8)));
        Assert.Equal(expected, result.Read<float>());
    }

    [AssemblerFact]
    public void The_assembler_refuses_what_it_should() => Assert.ThrowsAny<Exception>(() => Ptx.Assemble("nonsense", "sm_80"));
}
