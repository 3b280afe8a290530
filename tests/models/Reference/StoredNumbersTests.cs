using System;
using System.Linq;
using Sinter.Tests.Data;
using Xunit;

namespace Sinter.Models.Tests.Reference;

/// <summary>The tests' own reader, against numbers that PyTorch and DeepSeek's code gave.</summary>
public sealed class StoredNumbersTests
{
    private static readonly TensorFile s_casts = new(Repository.Data("casts", "casts.safetensors"));

    [Fact]
    public void E4M3_codes_stand_for_what_PyTorch_says()
    {
        double[] expected = s_casts["e4m3.decode"].Numbers;
        Assert.Equal(expected, Enumerable.Range(0, 256).Select(code => StoredNumbers.E4M3((byte)code)));
    }

    [Theory]
    [InlineData("bf16", "BF16", 8)]
    [InlineData("f16", "F16", 11)]
    public void Sixteen_bits_stand_for_the_number_that_was_rounded_to_them(string tensor, string type, int digits)
    {
        double[] exact = s_casts[$"{tensor}.x"].Numbers;
        int[] bits = s_casts[$"{tensor}.bits"].Integers;
        for (int i = 0; i < exact.Length; i++)
        {
            double decoded = StoredNumbers.Decode(type, BitConverter.GetBytes((short)bits[i]));
            if (double.IsNaN(exact[i]))
            {
                Assert.True(double.IsNaN(decoded));
                continue;
            }

            if (double.IsInfinity(decoded)) continue;

            // Half a unit in the last of so many binary digits, or of the smallest subnormal.
            double unit = Math.Max(Math.Abs(exact[i]) * Math.Pow(2, -digits), type == "F16" ? Math.Pow(2, -25) : Math.Pow(2, -134));
            Assert.True(Math.Abs(decoded - exact[i]) <= unit, $"{tensor} {i}: {bits[i]:x} gave {decoded} for {exact[i]}");
        }
    }

    [Fact]
    public void Infinities_and_signs_of_F16_survive()
    {
        Assert.Equal(double.PositiveInfinity, StoredNumbers.Decode("F16", [0x00, 0x7c]));
        Assert.Equal(double.NegativeInfinity, StoredNumbers.Decode("BF16", [0x80, 0xff]));
        Assert.Equal(-2.0, StoredNumbers.Decode("F16", [0x00, 0xc0]));
        Assert.Equal(1.0, StoredNumbers.Decode("BF16", [0x80, 0x3f]));
    }

    [Fact]
    public void Block_scales_reach_ragged_edges()
    {
        string[] names = [.. s_casts.Names.Where(name => name.EndsWith(".f32.scale_inv", StringComparison.Ordinal))];
        Assert.NotEmpty(names);
        foreach (string name in names)
        {
            string prefix = name[..^"scale_inv".Length];
            StoredTensor codes = s_casts[prefix + "codes"];
            StoredTensor numbers = codes with { Numbers = [.. codes.Integers.Select(code => StoredNumbers.E4M3((byte)code))] };
            double[] scaled = CheckpointFolder.Scale(numbers, s_casts[name]).Numbers;
            Assert.Equal(s_casts[prefix + "dequant"].Numbers, scaled.Select(number => (double)(float)number));
        }
    }

    [Fact]
    public void Shards_are_found_through_their_index()
    {
        var checkpoint = new CheckpointFolder(Repository.Checkpoint("tiny-v3-noqlora-sharded"));
        Assert.Equal([48], checkpoint.Find("model.norm.weight")!.Shape);
        Assert.Equal([259, 48], checkpoint.Find("model.embed_tokens.weight")!.Shape);
        Assert.Null(checkpoint.Find("model.no_such.weight"));
    }
}
