using System;
using System.Linq;
using System.Text.RegularExpressions;
using Xunit;

namespace Sinter.Cuda.Tests;

/// <summary>Attention over expanded keys and values, run by the interpreter with all its detectors, against softmax in double precision.</summary>
public sealed class FlashAttentionTests
{
    private const string Main = "flash_attention_192x128_bf16";

    /// <summary>Weights are rounded to BF16 before they multiply values, and so are the results: at most 2⁻⁸ of each, and a little for the rest.</summary>
    private const double Tolerance = 2.1 / 256;

    public static TheoryData<string, int, int[]> Shapes
    {
        get
        {
            var data = new TheoryData<string, int, int[]>();
            foreach (var kernel in CudaKernel.All.Where(kernel => kernel.Name.StartsWith("flash_attention", StringComparison.Ordinal)))
            {
                // Pairs: positions in the cache, and queries behind them. One token; a warp's and a step's edges.
                data.Add(kernel.Name, 1, [0, 1]);
                data.Add(kernel.Name, 1, [0, 33]);
                data.Add(kernel.Name, 2, [31, 1, 32, 1, 33, 17]);
                // Sequences of different lengths, one without queries, more than a tile, and one less than a tile behind a cache.
                data.Add(kernel.Name, 1, [0, 129, 5, 0, 70, 15, 3, 127]);
            }

            return data;
        }
    }

    [Theory]
    [MemberData(nameof(Shapes))]
    public void Results_are_those_of_double_precision(string name, int heads, int[] sequences)
    {
        var kernel = CudaKernel.Named(name);
        var queries = new FlashAttentionQueries(kernel, heads, Pairs(sequences));
        var (report, result, _) = queries.Run(Printed.Text(kernel));
        report.EnsureClean();
        // E4M3 has three bits after the first: half of the last is 2⁻⁴ of a number, and no number is more than the greatest.
        Assert.InRange(queries.Error(result), 0, name.EndsWith("e4m3", StringComparison.Ordinal) ? (1.0 / 16) + Tolerance : Tolerance);
    }

    [Fact]
    public void Scales_are_powers_of_two_where_wanted_and_reach_the_greatest_number()
    {
        var kernel = CudaKernel.Named("flash_attention_192x128_e4m3");
        var queries = new FlashAttentionQueries(kernel, 2, [(3, 20)]);
        var (report, result, scales) = queries.Run(Printed.Text(kernel), powers: 1);
        report.EnsureClean();
        Assert.All(scales, scale => Assert.Equal(0, BitConverter.SingleToInt32Bits(scale) & 0x7FFFFF));
        // The greatest of a head's numbers is more than half of what the scale reaches: else the next lower one would do.
        Assert.All(result.Chunk(128).Zip(scales), head => Assert.InRange(head.First.Max(Math.Abs) / head.Second, 224 * 0.94, 448));
        Assert.InRange(queries.Error(result), 0, (1.0 / 16) + Tolerance);
        var (_, any, others) = queries.Run(Printed.Text(kernel), powers: 0);
        Assert.All(any.Chunk(128).Zip(others), head => Assert.Equal(448, head.First.Max(Math.Abs) / head.Second, 0.01));
    }

    /// <summary>Each change makes a kernel that looks almost right. Either a detector or the numbers must tell.</summary>
    [Theory]
    [InlineData("rescale of results left out", @"ex2\.approx\.ftz\.f32 (%f\d+), %f\d+;", "mov.f32 $1, 0f3F800000;", 1)]
    [InlineData("rescale of the lower rows left out", @"(ex2\.approx\.ftz\.f32 [\s\S]*?)ex2\.approx\.ftz\.f32 (%f\d+), %f\d+;", "$1mov.f32 $2, 0f3F800000;", 1)]
    [InlineData("mask of later positions dropped", @"selp\.b32\s+(%f\d+), (%f\d+), 0fF149F2CA, %p\d+;", "mov.f32 $1, $2;", 0)]
    [InlineData("mask off by one", @"(setp\.ge\.s32\s+%p\d+, %r\d+), 1;", "$1, 0;", 0)]
    [InlineData("all barriers removed", @"\tbar\.sync.*\n|\tbarrier\.sync.*\n", "", 0)]
    [InlineData("copies not waited for", @"\tcp\.async\.wait_group.*\n", "", 0)]
    [InlineData("values not turned", @"\.x4\.trans", ".x4", 0)]
    [InlineData("mask of the edges dropped", @"(cp\.async\.cg.*), 16, %r\d+;", "$1, 16;", 0)]
    [InlineData("half of the depth left out", @"(mma\.sync[^{]*\{[^}]*\}, \{[^}]*\}, )\{(%r\d+), (%r\d+)\}", "$1{$2, $2}", 1)]
    [InlineData("weights' halves exchanged", @"cvt\.rn\.bf16x2\.f32 (%r\d+), (%f\d+), (%f\d+);", "cvt.rn.bf16x2.f32 $1, $3, $2;", 1)]
    [InlineData("a lane's maximum for its row's", @"shfl\.sync\.bfly\.b32\s+([^,]+), ([^,]+), 2,", "shfl.sync.bfly.b32 $1, $2, 0,", 0)]
    public void A_planted_fault_is_caught(string fault, string pattern, string replacement, int count)
    {
        var kernel = CudaKernel.Named(Main);
        var text = Printed.Text(kernel);
        var broken = new Regex(pattern).Replace(text, replacement, count == 0 ? int.MaxValue : count);
        Assert.True(text != broken, $"{fault}: the text has no such place");
        var queries = new FlashAttentionQueries(kernel, 1, [(40, 57), (3, 2)]);
        var (report, result, _) = queries.Run(broken);
        Assert.True(report.Findings.Count > 0 || queries.Error(result) > Tolerance, fault);
    }

    private static (int Before, int Count)[] Pairs(int[] numbers) => [.. numbers.Chunk(2).Select(pair => (pair[0], pair[1]))];
}
