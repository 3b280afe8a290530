using System.Text.RegularExpressions;
using Xunit;

namespace Sinter.Cuda.Tests;

/// <summary>Latent attention's PTX, run by the interpreter with all its detectors, against softmax in double precision.</summary>
public sealed class AttentionTests
{
    /// <summary>Weights are rounded to BF16 before they multiply values: at most 2⁻⁸ of each, and a little for the rest.</summary>
    private const double Tolerance = 1.1 / 256;

    [Theory]
    [InlineData(1, new[] { 1 }, 1)]
    [InlineData(16, new[] { 31, 33 }, 1)]
    [InlineData(32, new[] { 32 }, 1)]
    [InlineData(33, new[] { 65 }, 2)]
    // Parts that end in a page, a part without positions, and a sequence far shorter than another.
    [InlineData(4, new[] { 150, 2 }, 3)]
    [InlineData(5, new[] { 64, 97 }, 4)]
    public void Results_are_those_of_double_precision(int heads, int[] lengths, int parts)
    {
        var queries = new LatentQueries(heads, lengths);
        var (report, result) = queries.Run(Printed.Text(CudaKernel.Named("latent_attention")), parts);
        report.EnsureClean();
        Assert.InRange(queries.Error(result), 0, Tolerance);
    }

    /// <summary>Each change makes a kernel that looks almost right. Either a detector or the numbers must tell.</summary>
    [Theory]
    [InlineData("rescale of results left out", @"(st\.shared\.f32\s+\[%rd\d+\]), %f\d+;\n\tbra", "$1, 0f3F800000;\n\tbra", 0)]
    [InlineData("rescale of results and sums left out", @"ex2\.approx\.ftz\.f32 (%f\d+), %f\d+;", "mov.f32 $1, 0f3F800000;", 1)]
    [InlineData("mask of the tail dropped", @"mov\.f32\s+(%f\d+), 0fF149F2CA;\n\tbra", "mov.f32 $1, 0f00000000;\n\tbra", 0)]
    [InlineData("barrier removed", @"\tbar\.sync.*\n|\tbarrier\.sync.*\n", "", 1)]
    [InlineData("all barriers removed", @"\tbar\.sync.*\n|\tbarrier\.sync.*\n", "", 0)]
    [InlineData("copies not waited for", @"\tcp\.async\.wait_group.*\n", "", 1)]
    [InlineData("values not turned", @"\.x4\.trans", ".x4", 0)]
    [InlineData("mask of the heads dropped", @"(cp\.async\.cg.*), 16, %r\d+;", "$1, 16;", 0)]
    [InlineData("half of the depth left out", @"(mma\.sync[^{]*\{[^}]*\}, \{[^}]*\}, )\{(%r\d+), (%r\d+)\}", "$1{$2, $2}", 1)]
    public void A_planted_fault_is_caught(string fault, string pattern, string replacement, int count)
    {
        var text = Printed.Text(CudaKernel.Named("latent_attention"));
        var broken = new Regex(pattern).Replace(text, replacement, count == 0 ? int.MaxValue : count);
        Assert.True(text != broken, $"{fault}: the text has no such place");
        var queries = new LatentQueries(5, [97]);
        var (report, result) = queries.Run(broken, 1);
        Assert.True(report.Findings.Count > 0 || queries.Error(result) > Tolerance, fault);
    }
}
