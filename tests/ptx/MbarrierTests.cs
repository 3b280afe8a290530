using System;
using System.Linq;
using Xunit;

namespace Sinter.Ptx.Tests;

/// <summary>mbarrier, bulk copies and tensor copies: what they bring, the order they make, and each way to use them wrongly.</summary>
public sealed class MbarrierTests
{
    /// <summary>Thread 0 fetches four pieces of 512 bytes into a ring of two; all add up what comes.</summary>
    private const string Ring = """
        mov.u32 %r1, %tid.x;
        mov.u32 %r2, tile;
        mov.u32 %r3, bars;
        ld.param.u64 %rd1, [in];
        setp.ne.u32 %p1, %r1, 0;
        @%p1 bra INITIALISED;
        mbarrier.init.shared::cta.b64 [%r3], 1;
        mbarrier.init.shared::cta.b64 [%r3+8], 1;
        mbarrier.init.shared::cta.b64 [%r3+16], 64;
        mbarrier.init.shared::cta.b64 [%r3+24], 64;
        INITIALISED:
        bar.sync 0;
        mov.u32 %r4, 0;
        mov.u32 %r20, 0;
        NEXT:
        and.b32 %r5, %r4, 1;
        shr.u32 %r6, %r4, 1;
        mad.lo.u32 %r7, %r5, 8, %r3;
        mad.lo.u32 %r8, %r5, 512, %r2;
        @%p1 bra FETCHED;
        xor.b32 %r9, %r6, 1;
        EMPTY:
        mbarrier.try_wait.parity.shared::cta.b64 %p2, [%r7+16], %r9;
        @!%p2 bra EMPTY;
        mbarrier.arrive.expect_tx.shared::cta.b64 _, [%r7], 512;
        cp.async.bulk.shared::cluster.global.mbarrier::complete_tx::bytes [%r8], [%rd1], 512, [%r7];
        add.u64 %rd1, %rd1, 512;
        FETCHED:
        and.b32 %r10, %r6, 1;
        FULL:
        mbarrier.try_wait.parity.shared::cta.b64 %p2, [%r7], %r10;
        @!%p2 bra FULL;
        mad.lo.u32 %r11, %r1, 4, %r8;
        ld.shared.u32 %r12, [%r11];
        ld.shared.u32 %r13, [%r11+256];
        add.u32 %r20, %r20, %r12;
        add.u32 %r20, %r20, %r13;
        mbarrier.arrive.shared::cta.b64 _, [%r7+16];
        add.u32 %r4, %r4, 1;
        setp.lt.u32 %p3, %r4, 4;
        @%p3 bra NEXT;
        ld.param.u64 %rd2, [out];
        mad.wide.u32 %rd2, %r1, 4, %rd2;
        st.global.u32 [%rd2], %r20;
        ret;
        """;

    [Fact]
    public void A_ring_of_bulk_copies_brings_every_piece_once()
    {
        var (report, result) = RunRing(Ring);
        report.EnsureClean();
        Assert.Equal(Enumerable.Range(0, 64).Select(thread => Enumerable.Range(0, 8).Sum(part => Value((part * 64) + thread))), result);
    }

    [Theory]
    [InlineData("expect_tx.shared::cta.b64 _, [%r7], 512", "expect_tx.shared::cta.b64 _, [%r7], 528", FindingKind.TransactionMismatch)]
    [InlineData("expect_tx.shared::cta.b64 _, [%r7], 512", "expect_tx.shared::cta.b64 _, [%r7], 496", FindingKind.TransactionMismatch)]
    [InlineData("@!%p2 bra FULL;", "", null)]
    [InlineData("mbarrier.try_wait.parity.shared::cta.b64 %p2, [%r7], %r10;", "mbarrier.test_wait.parity.shared::cta.b64 %p2, [%r7], %r10;", null)]
    [InlineData("EMPTY:\nmbarrier.try_wait.parity.shared::cta.b64 %p2, [%r7+16], %r9;\n@!%p2 bra EMPTY;", "", FindingKind.SharedMemoryRace)]
    [InlineData("mbarrier.arrive.shared::cta.b64 _, [%r7+16];", "", FindingKind.Deadlock)]
    [InlineData("xor.b32 %r9, %r6, 1;", "mov.u32 %r9, %r6;", FindingKind.Deadlock)]
    [InlineData("mbarrier.arrive.shared::cta.b64 _, [%r7+16];", "mbarrier.arrive.shared::cta.b64 _, [%r7+16], 65;", FindingKind.MbarrierMisuse)]
    [InlineData("[%r3+8], 1;", "[%r3], 1;", FindingKind.MbarrierMisuse)]
    [InlineData("bar.sync 0;", "", FindingKind.SharedMemoryRace)]
    [InlineData("[%rd1], 512, [%r7]", "[%rd1+8], 512, [%r7]", FindingKind.Misaligned)]
    [InlineData("[%rd1], 512, [%r7]", "[%rd1+2000], 512, [%r7]", FindingKind.OutOfBounds)]
    public void A_ring_with_a_fault_is_found(string part, string replacement, FindingKind? kind)
    {
        var broken = Ring.Replace(part, replacement, StringComparison.Ordinal);
        Assert.NotEqual(Ring, broken);
        var report = RunRing(broken).Report;
        if (kind is null)
        {
            // try_wait here stops until the phase is over, and test_wait is asked again: both are right.
            report.EnsureClean();
        }
        else
        {
            Assert.Contains(report.Findings, finding => finding.Kind == kind);
        }
    }

    /// <summary>A box of 6 rows of 64 bytes at (x, y) of 10 by 20 numbers, fetched, and put at the same place of another tensor.</summary>
    [Theory]
    [InlineData(0, 0, 0, 4)]
    [InlineData(4, 3, 2, 4)]
    [InlineData(0, 0, 3, 4)]
    [InlineData(-2, -3, 1, 2)]
    [InlineData(9, 5, 2, 2)]
    public void A_box_of_a_tensor_is_fetched_and_put(int x, int y, int swizzle, int bytes)
    {
        var (width, height, perLine) = (20, 10, (swizzle == 1 ? 32 : 64) / bytes);
        var values = Enumerable.Range(1, width * height).Select(i => i * 3).ToArray();
        var tensor = bytes == 4 ? values.SelectMany(BitConverter.GetBytes).ToArray() : [.. values.SelectMany(value => BitConverter.GetBytes((ushort)value))];
        var stride = 16 * ((width * bytes + 15) / 16);
        var padded = new byte[stride * height];
        for (var row = 0; row < height; row++)
        {
            tensor.AsSpan(row * width * bytes, width * bytes).CopyTo(padded.AsSpan(row * stride));
        }

        var device = new PtxDevice();
        var (source, target, seen) = (device.Allocate(padded), device.Allocate(new byte[padded.Length]), device.Allocate(1024));
        var map = new TensorMap(source.Address, bytes, [width, height], [stride], [perLine, 6], (TensorSwizzle)swizzle);
        var module = Box(6 * perLine * bytes);
        device.Launch(module, "k", 1, 32, 0, map, map with { Address = target.Address }, seen, x, y).EnsureClean();

        var (got, put) = (seen.Read<byte>(), target.Read<byte>());
        var mask = swizzle switch { 3 => 7, 2 => 3, 1 => 1, _ => 0 };
        for (var i = 0; i < 6 * perLine; i++)
        {
            var (row, column) = (i / perLine, i % perLine);
            var (there, at) = (y + row is >= 0 and < 10 && x + column is >= 0 and < 20, i * bytes);
            // Bits 4 to 6 of an address are exchanged with 7 to 9.
            at ^= (at / 128 & mask) * 16;
            var expected = there ? values[((y + row) * width) + x + column] : 0;
            Assert.Equal(expected, bytes == 4 ? BitConverter.ToInt32(got, at) : BitConverter.ToUInt16(got, at));
        }

        for (var i = 0; i < width * height; i++)
        {
            var (row, column) = (i / width, i % width);
            var inside = row >= y && row < y + 6 && column >= x && column < x + perLine;
            Assert.Equal(
                inside ? values[i] : 0,
                bytes == 4 ? BitConverter.ToInt32(put, (row * stride) + (column * 4)) : BitConverter.ToUInt16(put, (row * stride) + (column * 2)));
        }
    }

    [Theory]
    [InlineData("cp.async.bulk.wait_group.read 0;", FindingKind.AsyncAtExit)]
    [InlineData("FULL:\nmbarrier.try_wait.parity.shared::cta.b64 %p2, [%r3], 0;\n@!%p2 bra FULL;", FindingKind.AsyncNotWaited)]
    public void Copies_must_be_waited_for(string wait, FindingKind kind)
    {
        var device = new PtxDevice();
        var map = new TensorMap(device.Allocate(new byte[640]).Address, 4, [16, 10], [64], [16, 6]);
        Assert.Contains(device.Launch(Box(384, wait), "k", 1, 32, 0, map, map, device.Allocate(1024), 0, 0).Findings, finding => finding.Kind == kind);
    }

    [Theory]
    [InlineData(8, new[] { 16, 6 }, 0)]
    [InlineData(0, new[] { 32, 6 }, 2)]
    [InlineData(0, new[] { 16, 300 }, 0)]
    [InlineData(0, new[] { 3, 6 }, 0)]
    [InlineData(0, new[] { 16 }, 0)]
    public void A_tensor_map_keeps_to_the_drivers_rules(int address, int[] box, int swizzle)
        => Assert.Throws<ArgumentException>(() => new TensorMap((ulong)address, 4, [16, 10], [64], box, (TensorSwizzle)swizzle).Encode());

    private static PtxModule Box(int size, string without = "nothing") => Ptx.Kernel(".param .align 64 .b8 map[128], .param .align 64 .b8 target[128], .param .u64 out, .param .u32 x, .param .u32 y", $$"""
        mov.u32 %r1, %tid.x;
        mov.u32 %r2, tile;
        mov.u32 %r3, bars;
        setp.ne.u32 %p1, %r1, 0;
        @%p1 bra WAIT;
        mbarrier.init.shared::cta.b64 [%r3], 1;
        ld.param.u32 %r4, [x];
        ld.param.u32 %r5, [y];
        mov.u64 %rd1, map;
        mov.u64 %rd2, target;
        cvta.param.u64 %rd1, %rd1;
        cvta.param.u64 %rd2, %rd2;
        mbarrier.expect_tx.relaxed.cta.shared::cta.b64 [%r3], {{size}};
        mbarrier.arrive.shared::cta.b64 _, [%r3];
        cp.async.bulk.tensor.2d.shared::cluster.global.mbarrier::complete_tx::bytes [%r2], [%rd1, {%r4, %r5}], [%r3];
        WAIT:
        bar.sync 0;
        FULL:
        mbarrier.try_wait.parity.shared::cta.b64 %p2, [%r3], 0;
        @!%p2 bra FULL;
        mad.lo.u32 %r7, %r1, 4, %r2;
        ld.param.u64 %rd3, [out];
        mad.wide.u32 %rd3, %r1, 4, %rd3;
        mul.lo.u32 %r8, %r1, 4;
        COPY:
        ld.shared.u32 %r9, [%r7];
        st.global.u32 [%rd3], %r9;
        add.u32 %r7, %r7, 128;
        add.u64 %rd3, %rd3, 128;
        add.u32 %r8, %r8, 128;
        setp.lt.u32 %p3, %r8, {{size}};
        @%p3 bra COPY;
        @%p1 bra DONE;
        cp.async.bulk.tensor.2d.global.shared::cta.bulk_group [%rd2, {%r4, %r5}], [%r2];
        cp.async.bulk.commit_group;
        cp.async.bulk.wait_group.read 0;
        DONE:
        ret;
        """.Replace(without, "", StringComparison.Ordinal), "sm_90a", ".shared .align 1024 .b8 tile[1024];\n.shared .align 8 .b64 bars[1];");

    private static int Value(int i) => (i * 17) + 5;

    private static (LaunchReport Report, int[] Result) RunRing(string text)
    {
        var device = new PtxDevice();
        var module = Ptx.Kernel(".param .u64 in, .param .u64 out", text, "sm_90a", ".shared .align 16 .b8 tile[1024];\n.shared .align 8 .b64 bars[4];");
        var result = device.Allocate(256);
        var report = device.Launch(module, "k", 1, 64, 0, device.Allocate(Enumerable.Range(0, 512).Select(Value).ToArray()), result);
        return (report, result.Read<int>());
    }
}
