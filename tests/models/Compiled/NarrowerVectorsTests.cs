using System.Threading.Tasks;
using Sinter.Tests.Machines;
using Xunit;

namespace Sinter.Models.Tests.Compiled;

/// <summary>What a program computes on processors with narrower vectors, where it also chooses other instructions and lanes by itself.</summary>
public sealed class NarrowerVectorsTests
{
    private const string Goldens = "FullyQualifiedName~" + nameof(CompiledGoldenTests);

    private const string Decoding = Goldens + "." + nameof(CompiledGoldenTests.Decoding_through_the_cache_gives_the_golden_logits);

    public static TheoryData<string, int> Settings
    {
        get
        {
            var data = new TheoryData<string, int>();
            foreach ((string setting, int bits) in NarrowerVectors.Settings) data.Add(setting, bits);
            return data;
        }
    }

    /// <summary>Without the processors that have no vectors, and seem to be none: slow.</summary>
    public static TheoryData<string, int> Widths
    {
        get
        {
            var data = new TheoryData<string, int>();
            foreach ((string setting, int bits) in NarrowerVectors.Settings)
            {
                if (bits > 0 || NarrowerVectors.Bits <= 128) data.Add(setting, bits);
            }

            return data;
        }
    }

    [Theory]
    [MemberData(nameof(Widths))]
    public async Task Decoding_gives_the_golden_logits(string setting, int bits)
    {
        (int passed, int failed, string output) = await NarrowerVectors.Run(typeof(CompiledGoldenTests), Decoding, setting, bits);
        Assert.True(passed == CompiledGoldenTests.Orders.Count && failed == 0, output);
    }

    [Theory]
    [Trait("Category", "Slow")]
    [MemberData(nameof(Settings))]
    public async Task Every_golden_value_comes_out(string setting, int bits)
    {
        (int passed, int failed, string output) = await NarrowerVectors.Run(typeof(CompiledGoldenTests), Goldens, setting, bits);
        Assert.True(passed > CompiledGoldenTests.Prefills.Count && failed == 0, output);
    }

    [Fact]
    public async Task Tests_that_run_with_other_vectors_than_they_were_started_for_fail()
    {
        (int passed, int failed, string output) = await NarrowerVectors.Run(typeof(CompiledGoldenTests), Decoding, "SINTER_NO_SUCH_SETTING", 64);
        Assert.True(passed == 0 && failed == CompiledGoldenTests.Orders.Count, output);
        Assert.Contains("should have vectors of 64 bits", output);
    }
}
