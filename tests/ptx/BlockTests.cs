using System.Linq;
using Xunit;

namespace Sinter.Ptx.Tests;

/// <summary>Barriers with roles or reductions, spaces of memory, functions and the other atomics.</summary>
public sealed class BlockTests
{
    [Theory]
    [InlineData("popc.u32 %r10, 0, %p1;", 40)]
    [InlineData("and.pred %p2, 0, %p1; selp.u32 %r10, 1, 0, %p2;", 0)]
    [InlineData("or.pred %p2, 0, %p1; selp.u32 %r10, 1, 0, %p2;", 1)]
    public void A_barrier_reduces_over_the_block(string operation, int expected)
        => Assert.All(Run("setp.lt.u32 %p1, %r1, 40; bar.red." + operation), value => Assert.Equal(expected, value));

    [Fact]
    public void Producers_arrive_and_consumers_wait()
    {
        // The second warp writes and arrives; the first waits and reads.
        var result = Run("""
            mov.u32 %r2, tile;
            and.b32 %r3, %r1, 31;
            mad.lo.u32 %r3, %r3, 4, %r2;
            mov.u32 %r10, 0;
            setp.lt.u32 %p1, %r1, 32;
            @%p1 bra READ;
            st.shared.u32 [%r3], %r1;
            bar.arrive 1, 64;
            bra END;
            READ:
            bar.sync 1, 64;
            ld.shared.u32 %r10, [%r3];
            END:
            """);
        Assert.Equal(Enumerable.Range(0, 64).Select(i => i < 32 ? i + 32 : 0), result);
    }

    [Fact]
    public void Warps_exchange_through_shared_memory_after_bar_warp_sync()
    {
        var result = Run("""
            mov.u32 %r2, tile;
            mad.lo.u32 %r3, %r1, 4, %r2;
            st.shared.u32 [%r3], %r1;
            bar.warp.sync 0xffffffff;
            xor.b32 %r4, %r1, 1;
            mad.lo.u32 %r3, %r4, 4, %r2;
            ld.shared.u32 %r10, [%r3];
            """);
        Assert.Equal(Enumerable.Range(0, 64).Select(i => i ^ 1), result);
    }

    [Fact]
    public void Local_memory_is_each_threads_own_and_generic_addresses_reach_it()
    {
        var result = Run("""
            .local .align 8 .b8 stack[16];
            st.local.u32 [stack+4], %r1;
            mov.u64 %rd5, stack;
            cvta.local.u64 %rd6, %rd5;
            ld.u32 %r10, [%rd6+4];
            """);
        Assert.Equal(Enumerable.Range(0, 64), result);
    }

    [Fact]
    public void Constants_of_the_module_are_read()
        => Assert.Equal(Enumerable.Range(0, 64).Select(i => (i % 4 * 11) + 5), Run("and.b32 %r2, %r1, 3; mov.u64 %rd5, table; mad.wide.u32 %rd5, %r2, 4, %rd5; ld.const.u32 %r10, [%rd5];"));

    [Fact]
    public void Functions_take_parameters_and_return_values()
    {
        const string Twice = """
            .func (.param .b32 result) twice(.param .b32 x)
            {
            .reg .b32 %a<3>;
            ld.param.u32 %a1, [x];
            add.u32 %a2, %a1, %a1;
            st.param.u32 [result], %a2;
            ret;
            }
            """;
        Assert.Equal(Enumerable.Range(0, 64).Select(i => 2 * i), Run("{ .param .b32 argument; .param .b32 answer; st.param.u32 [argument], %r1; call.uni (answer), twice, (argument); ld.param.u32 %r10, [answer]; }", Twice));
    }

    [Theory]
    [InlineData("exch.b32 %r3, [%rd1], %r1;", 63)]
    [InlineData("and.b32 %r3, [%rd1], -3;", 5)]
    [InlineData("inc.u32 %r3, [%rd1], 9;", 9)]
    [InlineData("dec.u32 %r3, [%rd1], 9;", 1)]
    [InlineData("min.s32 %r3, [%rd1], -7;", -7)]
    public void Atomics_keep_their_rules(string operation, int expected)
    {
        var device = new PtxDevice();
        var cell = device.Allocate<int>([5]);
        var module = Ptx.Kernel(".param .u64 cell", "mov.u32 %r1, %tid.x; ld.param.u64 %rd1, [cell]; atom.global." + operation + " ret;");
        device.Launch(module, "k", 1, 64, 0, cell).EnsureClean();
        Assert.Equal(expected, cell.Read<int>()[0]);
    }

    [Fact]
    public void Atomics_on_shared_memory_order_nothing_but_race_with_nothing()
    {
        var result = Run("""
            mov.u32 %r2, tile;
            setp.eq.u32 %p1, %r1, 0;
            mov.u32 %r4, 0;
            @%p1 st.shared.u32 [%r2], %r4;
            bar.sync 0;
            atom.shared.add.u32 %r3, [%r2], %r1;
            bar.sync 0;
            ld.shared.u32 %r10, [%r2];
            """);
        Assert.All(result, value => Assert.Equal(2016, value));
    }

    private static int[] Run(string body, string outside = "")
    {
        var device = new PtxDevice();
        var result = device.Allocate(256);
        var module = Ptx.Kernel(
            ".param .u64 out",
            "mov.u32 %r1, %tid.x;\n" + body + "\nld.param.u64 %rd1, [out]; mad.wide.u32 %rd2, %r1, 4, %rd1; st.global.u32 [%rd2], %r10; ret;",
            outside: ".shared .align 16 .b8 tile[256];\n.const .align 4 .b32 table[4] = {5, 16, 27, 38};\n" + outside);
        device.Launch(module, "k", 1, 64, 0, result).EnsureClean();
        return result.Read<int>();
    }
}
