using System;
using System.Linq;
using System.Text;
using Xunit;

namespace Sinter.Ptx.Tests;

/// <summary>One instruction on three inputs a lane, and what it must give.</summary>
/// <param name="Text">Reads %r1 to %r3 (or %rd, %f, %fd) and writes register 10 of the result's kind.</param>
/// <param name="Expected">The bits of the result from the bits of the inputs.</param>
internal sealed record LaneCase(string Text, Func<ulong, ulong, ulong, ulong> Expected);

/// <summary>Runs instructions over 32 lanes of inputs and compares every lane's bits.</summary>
internal static class LaneTable
{
    public static void Check32(uint[] a, uint[] b, uint[] c, params LaneCase[] cases)
    {
        var body = new StringBuilder(Head(4) + """
            ld.global.u32 %r1, [%rd3];
            ld.global.u32 %r2, [%rd3+128];
            ld.global.u32 %r3, [%rd3+256];
            mov.b32 %f1, %r1;
            mov.b32 %f2, %r2;
            mov.b32 %f3, %r3;
            setp.ne.u32 %p1, %r3, 0;

            """);
        for (var i = 0; i < cases.Length; i++)
        {
            body.AppendLine(cases[i].Text);
            if (cases[i].Text.Contains("%f10,", StringComparison.Ordinal))
            {
                body.AppendLine("mov.b32 %r10, %f10;");
            }

            body.AppendLine(FormattableString.Invariant($"st.global.u32 [%rd4+{i * 128}], %r10;"));
        }

        var results = Run<uint>(body.ToString(), [.. a, .. b, .. c], cases.Length);
        for (var i = 0; i < cases.Length * 32; i++)
        {
            var lane = i % 32;
            var expected = (uint)cases[i / 32].Expected(a[lane], b[lane], c[lane]);
            Assert.True(expected == results[i], $"{cases[i / 32].Text} of {a[lane]:x}, {b[lane]:x}, {c[lane]:x}: {results[i]:x}, not {expected:x}");
        }
    }

    public static void Check64(ulong[] a, ulong[] b, ulong[] c, params LaneCase[] cases)
    {
        var body = new StringBuilder(Head(8) + """
            ld.global.u64 %rd11, [%rd3];
            ld.global.u64 %rd12, [%rd3+256];
            ld.global.u64 %rd13, [%rd3+512];
            mov.b64 %fd1, %rd11;
            mov.b64 %fd2, %rd12;
            mov.b64 %fd3, %rd13;
            cvt.u32.u64 %r3, %rd13;

            """);
        for (var i = 0; i < cases.Length; i++)
        {
            body.AppendLine(cases[i].Text);
            if (cases[i].Text.Contains("%fd10,", StringComparison.Ordinal))
            {
                body.AppendLine("mov.b64 %rd10, %fd10;");
            }

            body.AppendLine(FormattableString.Invariant($"st.global.u64 [%rd4+{i * 256}], %rd10;"));
        }

        var results = Run<ulong>(body.ToString(), [.. a, .. b, .. c], cases.Length);
        for (var i = 0; i < cases.Length * 32; i++)
        {
            var lane = i % 32;
            var expected = cases[i / 32].Expected(a[lane], b[lane], c[lane]);
            Assert.True(expected == results[i], $"{cases[i / 32].Text} of {a[lane]:x}, {b[lane]:x}, {c[lane]:x}: {results[i]:x}, not {expected:x}");
        }
    }

    /// <summary>Words of every magnitude, with the edges among them; the same ones every time.</summary>
    public static uint[] Words(int seed)
    {
        var random = new Random(seed);
        uint[] edges = [0, 1, 0x7FFF_FFFF, 0x8000_0000, 0xFFFF_FFFF, 31, 32, 33];
        return [.. edges.Concat(Enumerable.Range(0, 24).Select(_ => (uint)random.NextInt64(1L << 32) >> random.Next(32))).OrderBy(_ => random.Next())];
    }

    public static ulong[] LongWords(int seed)
    {
        var random = new Random(seed);
        return [.. Enumerable.Range(0, 32).Select(i => i switch { 0 => 0UL, 1 => ulong.MaxValue, 2 => 1UL << 63, 3 => (1UL << 63) - 1, _ => (ulong)random.NextInt64() << 1 >> random.Next(63) }).OrderBy(_ => random.Next())];
    }

    /// <summary>Finite floats of both signs over forty binades.</summary>
    public static uint[] Floats(int seed)
    {
        var random = new Random(seed);
        return [.. Enumerable.Range(0, 32).Select(_ => BitConverter.SingleToUInt32Bits((float)((random.NextDouble() - 0.5) * Math.ScaleB(1, random.Next(-20, 20)))))];
    }

    public static ulong[] Doubles(int seed)
    {
        var random = new Random(seed);
        return [.. Enumerable.Range(0, 32).Select(_ => BitConverter.DoubleToUInt64Bits((random.NextDouble() - 0.5) * Math.ScaleB(1, random.Next(-20, 20))))];
    }

    private static string Head(int size) => FormattableString.Invariant($"""
        mov.u32 %r0, %tid.x;
        ld.param.u64 %rd1, [in];
        ld.param.u64 %rd2, [out];
        mul.wide.u32 %rd5, %r0, {size};
        add.u64 %rd3, %rd1, %rd5;
        add.u64 %rd4, %rd2, %rd5;

        """);

    private static T[] Run<T>(string body, T[] inputs, int cases)
        where T : unmanaged
    {
        var device = new PtxDevice();
        var result = device.Allocate(cases * 32 * System.Runtime.CompilerServices.Unsafe.SizeOf<T>());
        var module = Ptx.Kernel(".param .u64 in, .param .u64 out", body + "ret;", "sm_90");
        device.Launch(module, "k", 1, 32, 0, device.Allocate(inputs), result).EnsureClean();
        return result.Read<T>();
    }
}
