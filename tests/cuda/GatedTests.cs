using System;
using System.Linq;
using System.Text.RegularExpressions;
using Xunit;

namespace Sinter.Cuda.Tests;

/// <summary>Gate and up with SwiGLU, run by the interpreter with all its detectors, against double precision.</summary>
public sealed class GatedTests
{
    public static TheoryData<string, int[], int, int> Shapes
    {
        get
        {
            var data = new TheoryData<string, int[], int, int>();
            foreach (var (name, ragged) in new[] { ("swiglu_bf16_64x128", true), ("swiglu_e4m3_64x128", false) })
            {
                data.Add(name, [1], ragged ? 2 : 128, 16);
                data.Add(name, [64], 128, 128);
                data.Add(name, [65], ragged ? 130 : 256, 144);
                // An expert without rows first, in between and last; more pieces than stages.
                data.Add(name, [0, 3, 0, 70, 1, 0], ragged ? 40 : 128, 400);
                // All rows to one expert.
                data.Add(name, [0, 133], ragged ? 126 : 128, 272);
            }

            return data;
        }
    }

    [Theory]
    [MemberData(nameof(Shapes))]
    public void Results_are_those_of_double_precision(string name, int[] rows, int columns, int depth)
    {
        var kernel = CudaKernel.Named(name);
        var product = new GroupedProduct(kernel.IsE4M3, rows, 2 * columns, depth);
        var (report, result, _) = product.RunGated(kernel, Printed.Text(kernel), powers: 0);
        report.EnsureClean();
        Assert.InRange(product.GatedError(result), 0, 1);
    }

    [Fact]
    public void Scales_reach_the_greatest_number_and_are_powers_of_two_where_wanted()
    {
        var kernel = CudaKernel.Named("swiglu_e4m3_64x128");
        var product = new GroupedProduct(true, [5], 512, 144);
        var (_, any, scales) = product.RunGated(kernel, Printed.Text(kernel), powers: 0);
        Assert.All(any.Chunk(128).Zip(scales), block => Assert.Equal(448, block.First.Max(Math.Abs) / block.Second, 0.01));
        var (report, powers, rounded) = product.RunGated(kernel, Printed.Text(kernel), powers: 1);
        report.EnsureClean();
        Assert.InRange(product.GatedError(powers), 0, 1);
        Assert.Equal(scales.Select(scale => (float)Math.Pow(2, Math.Ceiling(Math.Log2(scale)))), rounded);
    }

    /// <summary>Each change makes a kernel that looks almost right. Either a detector or the numbers must tell.</summary>
    [Theory]
    [InlineData("barriers removed", @"\tbar\.sync.*\n|\tbarrier\.sync.*\n", "", 0)]
    [InlineData("copies not waited for", @"\tcp\.async\.wait_group.*\n", "", 0)]
    [InlineData("mask of the edges dropped", @"(cp\.async\.cg.*), 16, %r\d+;", "$1, 16;", 0)]
    [InlineData("the gate's sign", @"ex2\.approx\.ftz\.f32\s+(%f\d+), (%f\d+);", "mov.f32 $1, 0f3F800000;", 1)]
    [InlineData("gate without its division", @"div\.rn\.f32\s+(%f\d+), (%f\d+), (%f\d+);", "mov.f32 $1, $2;", 1)]
    [InlineData("neighbours exchanged", @"cvt\.(rn\.[a-z.]*(?:bf16|e4m3)x2\.f32)\s+([^,]+), ([^,]+), ([^,]+);", "cvt.$1 $2, $4, $3;", 1)]
    public void A_planted_fault_is_caught(string fault, string pattern, string replacement, int count)
        => Assert.All(new[] { "swiglu_bf16_64x128", "swiglu_e4m3_64x128" }, name => Assert.True(IsCaught(name, new Regex(pattern), replacement, count), $"{name}: {fault}"));

    [Theory]
    [InlineData("a row's greatest of one warp alone", @"max\.f32", "min.f32", 0)]
    [InlineData("scales of a lane for those of its row", @"shfl\.sync\.bfly\.b32\s+([^,]+), ([^,]+), 2,", "shfl.sync.bfly.b32 $1, $2, 0,", 0)]
    public void A_fault_of_scales_is_caught(string fault, string pattern, string replacement, int count)
        => Assert.True(IsCaught("swiglu_e4m3_64x128", new Regex(pattern), replacement, count), fault);

    private static bool IsCaught(string name, Regex pattern, string replacement, int count)
    {
        var kernel = CudaKernel.Named(name);
        var text = Printed.Text(kernel);
        var broken = pattern.Replace(text, replacement, count == 0 ? int.MaxValue : count);
        Assert.NotEqual(text, broken);
        var product = new GroupedProduct(kernel.IsE4M3, [3, 66], kernel.IsE4M3 ? 256 : 260, 400);
        var (report, result, _) = product.RunGated(kernel, broken, powers: 0);
        return report.Findings.Count > 0 || product.GatedError(result) > 1;
    }
}
