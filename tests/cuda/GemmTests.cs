using System;
using System.Linq;
using System.Text.RegularExpressions;
using Sinter.Ptx;
using Xunit;

namespace Sinter.Cuda.Tests;

/// <summary>The products' PTX, run by the interpreter with all its detectors, against sums in double precision.</summary>
public sealed class GemmTests
{
    /// <summary>Of the sum of the products' magnitudes.</summary>
    private const double Tolerance = 1e-6;

    public static TheoryData<string, int[], int, int> Shapes
    {
        get
        {
            var data = new TheoryData<string, int[], int, int>();
            foreach (var kernel in CudaKernel.All.Where(kernel => kernel.IsProduct))
            {
                var (rows, columns) = (kernel.TileRows, kernel.TileColumns);
                data.Add(kernel.Name, [1], 2, 16);
                data.Add(kernel.Name, [rows], columns, 128);
                data.Add(kernel.Name, [rows + 1], columns + 2, 144);
                data.Add(kernel.Name, [rows - 1], columns - 2, 112);
                // An expert without rows first, in between and last; more pieces than stages.
                data.Add(kernel.Name, [0, 3, 0, 0, rows + 6, 1, 0], 40, 656);
                // All rows to one expert.
                data.Add(kernel.Name, [0, 0, (2 * rows) + 5], 6, 272);
            }

            return data;
        }
    }

    [Theory]
    [MemberData(nameof(Shapes))]
    public void Products_are_those_of_double_precision(string name, int[] rows, int columns, int depth)
    {
        var kernel = CudaKernel.Named(name);
        var product = new GroupedProduct(name.Contains("e4m3", StringComparison.Ordinal), rows, columns, depth);
        var (report, result) = product.Run(kernel, Printed.Text(kernel));
        report.EnsureClean();
        Assert.InRange(product.Error(result), 0, Tolerance);
    }

    /// <summary>Each change makes a kernel that looks almost right. Either a detector or the numbers must tell.</summary>
    [Theory]
    [InlineData("barrier removed", @"\tbar\.sync.*\n|\tbarrier\.sync.*\n", "", 0)]
    [InlineData("copies not waited for", @"\tcp\.async\.wait_group.*\n", "", 0)]
    [InlineData("one group too few waited for", @"wait_group 1", "wait_group 2", 0)]
    [InlineData("mask of the edges dropped", @"(cp\.async\.cg.*), 16, %r\d+;", "$1, 16;", 0)]
    [InlineData("copies made by nobody", @"\tcp\.async\.cg.*\n", "", 0)]
    [InlineData("swizzle differs", @"xor\.b32", "or.b32", 1)]
    [InlineData("products not summed", @"(mma\.sync[^{]*\{[^}]*\}, \{[^}]*\}, \{[^}]*\}, )\{(%f\d+), (%f\d+), (%f\d+), (%f\d+)\}", "$1{$2, $2, $4, $5}", 0)]
    [InlineData("halves of a row's depth exchanged", @"(mma\.sync[^{]*\{[^}]*\}, )\{(%r\d+), (%r\d+), (%r\d+), (%r\d+)\}", "$1{$4, $3, $2, $5}", 1)]
    public void A_planted_fault_is_caught(string fault, string pattern, string replacement, int count)
    {
        foreach (var name in new[] { "gemm_bf16_64x128", "gemm_e4m3_64x128" })
        {
            Assert.True(IsCaught(name, new Regex(pattern), replacement, count), $"{name}: {fault}");
        }
    }

    [Theory]
    [InlineData("a scale added instead of multiplied", @"mul\.f32", "add.f32")]
    [InlineData("a scale of the activations for the weights'", @"mul\.f32\s+(%f\d+), (%f\d+), (%f\d+);", "mul.f32 $1, $2, $2;")]
    [InlineData("a piece not added to the ones before", @"add\.f32\s+(%f\d+), (%f\d+), (%f\d+);", "mov.f32 $1, $3;")]
    public void A_fault_of_scales_is_caught(string fault, string pattern, string replacement)
    {
        Assert.True(IsCaught("gemm_e4m3_64x128", new Regex(pattern), replacement, 1), fault);
        Assert.True(IsCaught("gemm_e4m3_64x128_hopper", new Regex(pattern), replacement, 1), $"{fault} on Hopper");
    }

    /// <summary>The same for what only Hopper's kernels do: barriers that count bytes, copies by tensor maps, products that run by themselves.</summary>
    [Theory]
    [InlineData("products not waited for", @"\twgmma\.wait_group.*\n", "", 0)]
    [InlineData("registers not fenced", @"\twgmma\.fence.*\n", "", 0)]
    [InlineData("products not committed", @"\twgmma\.commit_group.*\n", "", 0)]
    [InlineData("bytes not waited for", @"\tAGAIN:\n.*\n.*\n", "", 1)]
    [InlineData("free stages not waited for", @"\tAGAIN:\n.*\n.*\n(?![\s\S]*AGAIN)", "", 1)]
    [InlineData("nothing waited for", @"\tAGAIN:\n.*\n.*\n", "", 0)]
    [InlineData("stages never given back", @"\t(@%p\d+ )?mbarrier\.arrive\.shared.*\n", "", 0)]
    [InlineData("one factor's bytes not expected", @"(expect_tx.*), (%r\d+);", "$1, 16384;", 0)]
    [InlineData("barriers not seen by other threads", @"\tbar\.sync.*\n|\tbarrier\.sync.*\n", "", 0)]
    [InlineData("another swizzle", "0x4000004000010000", "0x8000004000010000", 0)]
    [InlineData("rows of eight nearer", "0x4000004000010000", "0x4000002000010000", 0)]
    [InlineData("a step of 32 bytes left out", @"add\.s64 %w2, %w0, 4;", "add.s64 %w2, %w0, 2;", 0)]
    [InlineData("a piece fetched twice", @"(cp\.async\.bulk\.tensor.*\n)", "$1\t$1", 1)]
    public void A_fault_of_Hoppers_instructions_is_caught(string fault, string pattern, string replacement, int count)
        => Assert.True(IsCaught("gemm_e4m3_64x128_hopper", new Regex(pattern), replacement, count), fault);

    private static bool IsCaught(string name, Regex pattern, string replacement, int count)
    {
        var kernel = CudaKernel.Named(name);
        var text = Printed.Text(kernel);
        var broken = pattern.Replace(text, replacement, count == 0 ? int.MaxValue : count);
        Assert.NotEqual(text, broken);
        var product = new GroupedProduct(name.Contains("e4m3", StringComparison.Ordinal), [3, 66], 130, 656);
        var (report, result) = product.Run(kernel, broken);
        return report.Findings.Count > 0 || product.Error(result) > Tolerance;
    }
}
