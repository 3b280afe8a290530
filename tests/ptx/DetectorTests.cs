using System;
using System.Linq;
using Xunit;

namespace Sinter.Ptx.Tests;

/// <summary>Each fault planted in a kernel is found, at its kind; the kernel without it is silent.</summary>
public sealed class DetectorTests
{
    private const string Pipeline = """
        mov.u32 %r1, %tid.x;
        mov.u32 %r2, tile;
        mad.lo.u32 %r3, %r1, 16, %r2;
        ld.param.u64 %rd1, [in];
        mad.wide.u32 %rd2, %r1, 16, %rd1;
        cp.async.cg.shared.global [%r3], [%rd2], 16;
        cp.async.commit_group;
        cp.async.cg.shared.global [%r3+512], [%rd2+512], 16;
        cp.async.commit_group;
        WAIT
        BARRIER
        xor.b32 %r4, %r1, 31;
        mad.lo.u32 %r5, %r4, 16, %r2;
        ld.shared.v4.u32 {%r6, %r7, %r8, %r9}, [%r5+OFFSET];
        ld.param.u64 %rd3, [out];
        mad.wide.u32 %rd4, %r1, 16, %rd3;
        st.global.v4.u32 [%rd4], {%r6, %r7, %r8, %r9};
        cp.async.wait_all;
        ret;
        """;

    [Theory]
    [InlineData("cp.async.wait_group 1;", 0, true)]
    [InlineData("cp.async.wait_group 1;", 512, false)]
    [InlineData("cp.async.wait_group 0;", 512, true)]
    [InlineData("cp.async.wait_all;", 512, true)]
    [InlineData("", 0, false)]
    [InlineData("cp.async.wait_group 2;", 0, false)]
    public void Cp_async_is_read_only_after_its_group_was_waited_for(string wait, int offset, bool clean)
    {
        var x = Enumerable.Range(0, 256).ToArray();
        var (report, result) = RunPipeline(wait, "bar.sync 0;", offset, x);
        if (clean)
        {
            report.EnsureClean();
            Assert.Equal(Enumerable.Range(0, 128).Select(i => (offset / 4) + ((31 - (i / 4)) * 4) + (i % 4)), result);
        }
        else
        {
            Assert.Contains(report.Findings, finding => finding.Kind == FindingKind.AsyncNotWaited && finding.Instruction.StartsWith("ld.shared", StringComparison.Ordinal));
        }
    }

    [Fact]
    public void Waiting_for_its_own_copies_does_not_show_a_thread_those_of_others()
        => Assert.NotEmpty(RunPipeline("cp.async.wait_group 0;", "", 0, new int[256]).Report.Findings);

    [Fact]
    public void Copies_of_memory_that_nothing_wrote_are_found()
    {
        var device = new PtxDevice();
        var module = PipelineModule("cp.async.wait_all;", "bar.sync 0;", 0);
        Assert.Contains(device.Launch(module, "k", 1, 32, 0, device.Allocate(1024), device.Allocate(512)).Findings, finding => finding.Kind == FindingKind.UninitialisedMemory);
    }

    [Theory]
    [InlineData("mov.u32 %r5, 7;", null)]
    [InlineData("", FindingKind.UninitialisedRegister)]
    [InlineData("setp.lt.u32 %p1, %r1, 31; @%p1 mov.u32 %r5, 7;", FindingKind.UninitialisedRegister)]
    public void A_register_read_before_it_was_written_is_found(string first, FindingKind? kind)
        => Check(kind, first + "add.u32 %r6, %r5, 1; st.global.u32 [%rd2], %r6;");

    [Theory]
    [InlineData("st.shared.u32 [%r3], %r1;", null)]
    [InlineData("", FindingKind.UninitialisedMemory)]
    public void Shared_memory_read_before_it_was_written_is_found(string first, FindingKind? kind)
        => Check(kind, first + "ld.shared.u32 %r6, [%r3]; st.global.u32 [%rd2], %r6;");

    [Theory]
    [InlineData("ld.global.u32 %r6, [%rd2+4096];", null)]
    [InlineData("ld.global.u32 %r6, [%rd2];", FindingKind.UninitialisedMemory)]
    [InlineData("ld.global.u32 %r6, [%rd2+4098];", FindingKind.Misaligned)]
    [InlineData("ld.global.v2.u32 {%r6, %r7}, [%rd2+4096];", FindingKind.Misaligned)]
    [InlineData("ld.global.u32 %r6, [%rd2+8192];", FindingKind.OutOfBounds)]
    [InlineData("ld.global.u32 %r6, [%rd2+-4];", FindingKind.OutOfBounds)]
    [InlineData("ld.shared.u32 %r6, [%r3+512];", FindingKind.OutOfBounds)]
    public void Accesses_of_memory_are_checked(string access, FindingKind? kind) => Check(kind, access);

    [Theory]
    [InlineData("bar.sync 0;", null)]
    [InlineData("setp.lt.u32 %p1, %r1, 16; @%p1 bar.sync 0;", FindingKind.DivergentBarrier)]
    [InlineData("setp.lt.u32 %p1, %r1, 16; @%p1 bra A; bar.sync 0; bra B; A: bar.sync 0; B:", FindingKind.DivergentBarrier)]
    public void A_barrier_that_a_warp_does_not_reach_together_is_found(string barrier, FindingKind? kind) => Check(kind, barrier);

    [Theory]
    [InlineData("0xffffffff", null)]
    [InlineData("0x0000ffff", FindingKind.MissingLanes)]
    public void A_shuffle_by_a_lane_that_its_mask_leaves_out_is_found(string mask, FindingKind? kind)
        => Check(kind, $"shfl.sync.bfly.b32 %r6, %r1, 1, 31, {mask};");

    [Theory]
    [InlineData("bar.sync 1, 64;", null)]
    [InlineData("setp.lt.u32 %p1, %r1, 32; @%p1 bar.sync 1, 64;", FindingKind.Deadlock)]
    public void A_barrier_whose_threads_never_come_is_a_deadlock(string barrier, FindingKind? kind)
        => Check(kind, barrier + (kind is null ? "" : " bar.sync 2, 96;"));

    [Theory]
    [InlineData("wgmma.mma_async.sync.aligned.m64n8k16.f32.f16.f16 {%f0,%f1,%f2,%f3}, %rd1, %rd1, 1, 1, 1, 0, 0;", "wgmma")]
    [InlineData("wgmma.mma_async.sync.aligned.m64n8k16.f32.bf16.bf16 {%f0,%f1,%f2,%f3}, {%r1,%r1,%r1,%r1}, %rd1, 1, 1, 1, 0;", "wgmma")]
    [InlineData("wgmma.mma_async.sync.aligned.m64n8k16.f32.bf16.bf16 {%f0,%f1,%f2,%f3}, %rd1, %rd1, 1, 1, 1, 0, 1;", "wgmma")]
    [InlineData("mbarrier.pending_count.b64 %r1, %rd1;", "mbarrier")]
    [InlineData("fence.proxy.alias;", "fence.proxy")]
    [InlineData("stmatrix.sync.aligned.m8n8.x1.shared.b16 [%r3], {%r1};", "stmatrix")]
    [InlineData("cp.async.mbarrier.arrive.shared.b64 [%r1];", "cp.async.mbarrier")]
    [InlineData("mma.sync.aligned.m16n8k8.row.col.f32.f16.f16.f32 {%f0,%f1,%f2,%f3}, {%r1,%r1}, {%r1}, {%f0,%f1,%f2,%f3};", "mma")]
    [InlineData("barrier.cluster.arrive.aligned;", "barrier.cluster")]
    public void What_no_test_proves_is_refused(string instruction, string name)
    {
        var module = PtxModule.Parse(".version 8.4\n.target sm_90a\n.address_size 64\n.visible .entry k() {\n.reg .b32 %r<9>;\n.reg .b64 %rd<9>;\n.reg .f32 %f<9>;\n" + instruction + "\nret;\n}");
        var error = Assert.Throws<Text.PtxException>(() => new PtxDevice().Load(module));
        Assert.Contains("is not supported yet", error.Message, StringComparison.Ordinal);
        Assert.Contains(name, error.Message, StringComparison.Ordinal);
    }

    private static void Check(FindingKind? kind, string body)
    {
        var device = new PtxDevice();
        var buffer = device.Allocate(8192);
        var module = Ptx.Kernel(".param .u64 in, .param .u64 out", """
            mov.u32 %r1, %tid.x;
            mov.u32 %r2, tile;
            mad.lo.u32 %r3, %r1, 4, %r2;
            ld.param.u64 %rd1, [out];
            mad.wide.u32 %rd2, %r1, 4, %rd1;
            st.global.u32 [%rd2+4096], %r1;

            """ + body + "\nret;", outside: ".shared .align 16 .b8 tile[512];");
        var report = device.Launch(module, "k", 1, 64, 0, buffer, buffer);
        if (kind is null)
        {
            report.EnsureClean();
        }
        else
        {
            Assert.Contains(report.Findings, finding => finding.Kind == kind);
        }
    }

    private static PtxModule PipelineModule(string wait, string barrier, int offset) => Ptx.Kernel(
        ".param .u64 in, .param .u64 out",
        Pipeline.Replace("WAIT", wait, StringComparison.Ordinal).Replace("BARRIER", barrier, StringComparison.Ordinal).Replace("OFFSET", FormattableString.Invariant($"{offset}"), StringComparison.Ordinal),
        outside: ".shared .align 16 .b8 tile[1024];");

    private static (LaunchReport Report, int[] Result) RunPipeline(string wait, string barrier, int offset, int[] x)
    {
        var device = new PtxDevice();
        var result = device.Allocate(512);
        var report = device.Launch(PipelineModule(wait, barrier, offset), "k", 1, 32, 0, device.Allocate(x), result);
        return (report, result.Read<int>());
    }
}
