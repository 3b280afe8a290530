using System;
using System.Linq;
using System.Text.RegularExpressions;
using Sinter.Ptx;
using Sinter.Tests.Data;
using Xunit;

namespace Sinter.Cuda.Tests;

/// <summary>The cast's PTX in the interpreter, bit for bit against the nearest code of the format's definition.</summary>
public sealed class CastTests
{
    [Theory]
    [InlineData(1, 4, 0)]
    [InlineData(5, 128, 0)]
    [InlineData(5, 132, 1)]
    [InlineData(3, 260, 0)]
    [InlineData(3, 260, 1)]
    public void Codes_and_scales_are_the_definitions(int rows, int depth, int powers)
    {
        var (x, pieces) = (Values(rows * depth), (depth + 127) / 128);
        var (report, codes, scales) = Run(CudaKernel.Named("cast_e4m3").Print(), x, rows, depth, powers);
        report.EnsureClean();
        for (var row = 0; row < rows; row++)
        {
            for (var piece = 0; piece < pieces; piece++)
            {
                var part = x.AsSpan((row * depth) + (piece * 128), Math.Min(128, depth - (piece * 128)));
                var scale = Math.Max(part.ToArray().Max(Math.Abs), 1e-4f) / 448f;
                scale = powers == 1 ? (float)Math.Pow(2, Math.Ceiling(Math.Log2(scale))) : scale;
                Assert.Equal(scale, scales[(row * pieces) + piece]);
                for (var i = 0; i < part.Length; i++)
                {
                    Assert.Equal(Nearest(part[i] / scale), codes[(row * depth) + (piece * 128) + i]);
                }
            }
        }
    }

    [Theory]
    [InlineData(@"shfl\.sync\.bfly\.b32\s+([^,]+), ([^,]+), 4,", "shfl.sync.bfly.b32 $1, $2, 8,")]
    [InlineData(@"max\.f32", "min.f32")]
    [InlineData(@"cvt\.rn\.satfinite\.e4m3x2\.f32\s+([^,]+), ([^,]+), ([^,]+);", "cvt.rn.satfinite.e4m3x2.f32 $1, $3, $2;")]
    public void A_planted_fault_is_caught(string pattern, string replacement)
    {
        var text = CudaKernel.Named("cast_e4m3").Print();
        var broken = Regex.Replace(text, pattern, replacement);
        Assert.NotEqual(text, broken);
        var x = Values(512);
        var (report, codes, scales) = Run(broken, x, 4, 128, 0);
        var same = Enumerable.Range(0, 512).All(i =>
        {
            var scale = x.AsSpan(i / 128 * 128, 128).ToArray().Max(Math.Abs) / 448f;
            return scales[i / 128] == scale && codes[i] == Nearest(x[i] / scale);
        });
        Assert.True(report.Findings.Count > 0 || !same);
    }

    /// <summary>The nearest finite code; of two, the even one.</summary>
    private static byte Nearest(float value)
        => (byte)Enumerable.Range(0, 256)
            .Where(code => (code & 0x7F) != 0x7F && (code >> 7 == 1) == (float.IsNegative(value)))
            .OrderBy(code => Math.Abs(StoredNumbers.E4M3((byte)code) - value))
            .ThenBy(code => code & 1)
            .First();

    private static float[] Values(int count)
    {
        var random = new Random(3);
        // Magnitudes over a wide range, and 128 zeroes where there are as many.
        var x = Enumerable.Range(0, count).Select(_ => (random.NextSingle() - 0.5f) * MathF.Pow(2, random.Next(-12, 6))).ToArray();
        x.AsSpan(Math.Max(0, count - 128)).Fill(count >= 640 ? 0 : 0.3f);
        return x;
    }

    private static (LaunchReport Report, byte[] Codes, float[] Scales) Run(string text, float[] x, int rows, int depth, int powers)
    {
        var device = new PtxDevice();
        var pieces = (depth + 127) / 128;
        var (codes, scales) = (device.Allocate(rows * depth), device.Allocate(rows * pieces * 4));
        var report = device.Launch(
            PtxModule.Parse(text), "cast_e4m3", new Dimensions(pieces, (rows + 3) / 4, 1), 128, 0,
            Printed.View(device.Allocate(x), x.Length), Printed.View(codes, rows * depth / 2), Printed.View(scales, rows * pieces), rows, depth, powers);
        return (report, codes.Read<byte>(), scales.Read<float>());
    }
}
