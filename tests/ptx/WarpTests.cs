using System;
using System.Linq;
using Xunit;

namespace Sinter.Ptx.Tests;

/// <summary>What lanes and threads do together: divergence, exchange, barriers and atomics.</summary>
public sealed class WarpTests
{
    [Fact]
    public void Lanes_diverge_and_meet_again()
    {
        // Lane i loops i times, odd lanes add 100; then all of them vote together.
        var result = Run("""
            mov.u32 %r2, 0;
            mov.u32 %r3, 0;
            LOOP:
            setp.ge.u32 %p1, %r2, %r1;
            @%p1 bra DONE;
            add.u32 %r3, %r3, %r2;
            add.u32 %r2, %r2, 1;
            bra LOOP;
            DONE:
            and.b32 %r4, %r1, 1;
            setp.eq.u32 %p2, %r4, 0;
            @%p2 bra EVEN;
            add.u32 %r3, %r3, 100;
            bra JOIN;
            EVEN:
            add.u32 %r3, %r3, 1000;
            JOIN:
            setp.ne.u32 %p3, %r4, 0;
            vote.sync.ballot.b32 %r5, %p3, 0xffffffff;
            xor.b32 %r10, %r3, %r5;
            """);
        Assert.Equal(Enumerable.Range(0, 32).Select(i => (uint)((i * (i - 1) / 2) + (i % 2 == 1 ? 100 : 1000)) ^ 0xAAAA_AAAA), result);
    }

    [Theory]
    [InlineData("bfly", 5, 31)]
    [InlineData("up", 3, 0)]
    [InlineData("down", 3, 31)]
    [InlineData("idx", 7, 31)]
    public void Shuffles_read_the_lane_that_the_ISA_names(string mode, int amount, int clamp)
    {
        var result = Run($"mul.lo.u32 %r2, %r1, 11; shfl.sync.{mode}.b32 %r10|%p1, %r2, {amount}, {clamp}, 0xffffffff; @!%p1 add.u32 %r10, %r10, 1000;");
        for (var lane = 0; lane < 32; lane++)
        {
            var source = mode switch { "bfly" => lane ^ amount, "up" => lane - amount, "down" => lane + amount, _ => amount };
            var expected = source is >= 0 and < 32 ? source * 11 : (lane * 11) + 1000;
            Assert.Equal((uint)expected, result[lane]);
        }
    }

    [Fact]
    public void Shuffles_stay_in_segments()
    {
        // Width 8: c = (32 - 8) << 8 | 7.
        var result = Run("shfl.sync.down.b32 %r10, %r1, 4, 0x1807, 0xffffffff;");
        Assert.Equal(Enumerable.Range(0, 32).Select(i => (uint)(i % 8 < 4 ? i + 4 : i)), result);
    }

    [Theory]
    [InlineData("all", 32, 1)]
    [InlineData("all", 31, 0)]
    [InlineData("any", 1, 1)]
    [InlineData("any", 0, 0)]
    [InlineData("uni", 0, 1)]
    [InlineData("uni", 5, 0)]
    public void Votes_count_all_lanes(string mode, int bound, int expected)
    {
        var result = Run($"setp.lt.u32 %p1, %r1, {bound}; vote.sync.{mode}.pred %p2, %p1, 0xffffffff; selp.u32 %r10, 1, 0, %p2;");
        Assert.All(result, value => Assert.Equal((uint)expected, value));
    }

    [Theory]
    [InlineData("add.s32", 496)]
    [InlineData("max.u32", 31)]
    [InlineData("min.s32", 0)]
    [InlineData("or.b32", 31)]
    public void Redux_reduces_the_warp(string operation, int expected)
        => Assert.All(Run($"redux.sync.{operation} %r10, %r1, 0xffffffff;"), value => Assert.Equal((uint)expected, value));

    [Fact]
    public void Activemask_and_lane_numbers_are_those_of_the_warp()
        => Assert.Equal(Enumerable.Range(0, 32).Select(i => 0xFFFF_FFFF - (uint)i), Run("activemask.b32 %r2; mov.u32 %r3, %laneid; sub.u32 %r10, %r2, %r3;"));

    [Theory]
    [InlineData("add.u32", 64 * 63 / 2 + 5)]
    [InlineData("max.u32", 63)]
    [InlineData("min.u32", 0)]
    [InlineData("or.b32", 63)]
    [InlineData("xor.b32", 5)]
    public void Atomics_join_all_threads_of_all_blocks(string operation, int expected)
    {
        var device = new PtxDevice();
        var cell = device.Allocate<int>([5]);
        var module = Ptx.Kernel(".param .u64 cell", $"""
            mov.u32 %r1, %tid.x;
            mov.u32 %r2, %ctaid.x;
            mad.lo.u32 %r1, %r2, 32, %r1;
            ld.param.u64 %rd1, [cell];
            atom.global.{operation} %r3, [%rd1], %r1;
            ret;
            """);
        device.Launch(module, "k", 2, 32, 0, cell).EnsureClean();
        Assert.Equal(expected, cell.Read<int>()[0]);
    }

    [Fact]
    public void Tickets_from_an_atomic_are_all_different_and_compare_and_swap_has_one_winner()
    {
        var device = new PtxDevice();
        var cells = device.Allocate<int>([0, -1, 0]);
        var result = device.Allocate(256);
        var module = Ptx.Kernel(".param .u64 cells, .param .u64 out", """
            mov.u32 %r1, %tid.x;
            ld.param.u64 %rd1, [cells];
            ld.param.u64 %rd2, [out];
            atom.global.add.u32 %r2, [%rd1], 1;
            mad.wide.u32 %rd3, %r1, 4, %rd2;
            st.global.u32 [%rd3], %r2;
            atom.global.cas.b32 %r3, [%rd1+4], -1, %r1;
            setp.eq.s32 %p1, %r3, -1;
            mov.f32 %f1, 0f3F800000;
            @%p1 red.global.add.f32 [%rd1+8], %f1;
            ret;
            """);
        device.Launch(module, "k", 1, 64, 0, cells, result).EnsureClean();
        Assert.Equal(Enumerable.Range(0, 64), result.Read<int>().Order());
        Assert.Equal(0x3F80_0000, cells.Read<int>()[2]);
    }

    private static uint[] Run(string body)
    {
        var device = new PtxDevice();
        var result = device.Allocate(128);
        var module = Ptx.Kernel(".param .u64 out", $$"""
            mov.u32 %r1, %tid.x;
            {{body}}
            ld.param.u64 %rd1, [out];
            mad.wide.u32 %rd2, %r1, 4, %rd1;
            st.global.u32 [%rd2], %r10;
            ret;
            """);
        device.Launch(module, "k", 1, 32, 0, result).EnsureClean();
        return result.Read<uint>();
    }
}
