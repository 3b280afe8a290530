using System;
using System.Linq;
using Sinter.Runtime.Execution;
using Sinter.Runtime.Numerics;
using Sinter.Runtime.Training.Kernels;
using Sinter.Tests.Data;
using Xunit;

namespace Sinter.Runtime.Tests.Training;

/// <summary>The casts of training against PyTorch's, bit for bit.</summary>
public sealed unsafe class CastsTests
{
    private readonly TensorFile _golden = new(Repository.Data("casts", "casts.safetensors"));

    [Fact]
    public void Activations_are_cast_in_tiles_as_the_official_kernel_does()
    {
        StoredTensor x = _golden["act.x"];
        Assert.Equal(Floats(_golden["act.f32.dequant"]), Run(x, (in Worker worker, float* from, float* to) => Casts.Tiles(worker, from, to, x.Shape[0], x.Shape[1])));
    }

    [Fact]
    public void Scales_are_powers_of_two_where_the_official_kernel_has_them_so()
    {
        StoredTensor x = _golden["act.x"];
        float[] expected = Floats(_golden["act.ue8m0.dequant"]);
        Assert.Equal(expected, Run(x, (in Worker worker, float* from, float* to) => Casts.RoundTiles(worker, from, to, x.Shape[0], x.Shape[1])));
        Assert.NotEqual(expected, Floats(_golden["act.f32.dequant"]));
    }

    [Fact]
    public void E5M6_is_what_PyTorch_makes_of_it()
    {
        var golden = new TensorFile(Repository.Data("casts", "e5m6.safetensors"));
        float[] numbers = Floats(golden["x"]), expected = Floats(golden["rounded"]);
        for (int i = 0; i < numbers.Length; i++)
            Assert.Equal(BitConverter.SingleToUInt32Bits(expected[i]), BitConverter.SingleToUInt32Bits(Casts.RoundE5M6(System.Runtime.Intrinsics.Vector256.Create(numbers[i]))[3]));
        StoredTensor x = golden["act.x"];
        Assert.Equal(Floats(golden["act.e5m6"]), Run(x, (in Worker worker, float* from, float* to) => Casts.E5M6Tiles(worker, from, to, x.Shape[0], x.Shape[1])));
    }

    [Fact]
    public void A_panel_has_the_powers_of_two_that_its_columns_have_as_rows()
    {
        StoredTensor x = _golden["act.x"];
        const int Depth = 384, Width = 8;
        float[] numbers = Floats(x), expected = Floats(_golden["act.ue8m0.dequant"]), panel = new float[Depth * Width];
        for (int k = 0; k < Depth; k++)
            for (int j = 0; j < Width; j++) panel[k * Width + j] = numbers[j * Depth + k];
        fixed (float* place = panel) Casts.Columns(place, Depth, Width, rounds: true);
        for (int k = 0; k < Depth; k++)
            for (int j = 0; j < Width; j++) Assert.Equal(expected[j * Depth + k], panel[k * Width + j]);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(2)]
    public void Weights_are_cast_in_blocks_with_ragged_ends(int number)
    {
        StoredTensor w = _golden[$"weight.{number}.w"];
        Assert.Equal(Floats(_golden[$"weight.{number}.f32.dequant"]), Run(w, (in Worker worker, float* from, float* to) => Casts.Blocks(worker, from, to, w.Shape[0], w.Shape[1])));
    }

    [Fact]
    public void Rounding_gives_the_code_of_the_scalar_cast()
    {
        float[] numbers = [.. Floats(_golden["e4m3.encode.x"]).Where(float.IsFinite)];
        foreach (float number in numbers)
        {
            float expected = ElementCasts.DecodeE4M3(ElementCasts.EncodeE4M3(number));
            Assert.Equal(expected, Casts.Round(System.Runtime.Intrinsics.Vector256.Create(number))[3]);
        }

        Assert.True(numbers.Length > 100);
    }

    /// <summary>Or the end of a run that diverges would not be seen.</summary>
    [Fact]
    public void What_is_no_number_stays_so_with_its_tile()
    {
        float[] row = [1f, float.NaN, .. Enumerable.Repeat(2f, 254)], panel = [.. row];
        fixed (float* place = row, other = panel)
        {
            Casts.Row(place, place, row.Length);
            Casts.Columns(other, 32, 8);
        }

        Assert.All(row[..128], number => Assert.True(float.IsNaN(number)));
        Assert.All(row[128..], number => Assert.Equal(2f, number));
        for (int i = 0; i < panel.Length; i++) Assert.Equal(i % 8 == 1, float.IsNaN(panel[i]));
        Assert.True(float.IsNaN(Casts.Round(System.Runtime.Intrinsics.Vector256.Create(float.NaN))[3]));
    }

    [Fact]
    public void BF16_is_the_nearest_with_ties_to_even()
    {
        StoredTensor x = _golden["bf16.x"];
        float[] numbers = [.. Floats(x).Where(float.IsFinite)];
        float[] expected = [.. numbers.Select(number => ElementCasts.DecodeBF16(ElementCasts.EncodeBF16(number)))];
        float[] rounded = new float[numbers.Length];
        fixed (float* from = numbers, to = rounded) Casts.RoundBF16(from, to, numbers.Length);
        Assert.Equal(expected, rounded);
    }

    [Fact]
    public void A_panel_is_cast_along_its_columns()
    {
        // Columns of 130: the scale of the first 128 is that of 448, the others' of 2.
        const int Depth = 130, Width = 16;
        var panel = new float[Depth * Width];
        for (int k = 0; k < Depth; k++)
            for (int j = 0; j < Width; j++) panel[k * Width + j] = k == 5 ? 448 : k < 128 ? 17 + j : k == 128 ? 2 : 1.0625f;
        fixed (float* place = panel) Casts.Columns(place, Depth, Width);
        Assert.Equal(448, panel[5 * Width]);
        Assert.Equal([16, 18, 20, 20, 20, 22, 24, 24], panel[..8]);
        Assert.Equal(2, panel[128 * Width], 1e-6f);
        Assert.Equal(ElementCasts.DecodeE4M3(ElementCasts.EncodeE4M3(1.0625f / (2f / 448))) * (2f / 448), panel[129 * Width]);
    }

    private delegate void Cast(in Worker worker, float* from, float* to);

    /// <summary>By two workers, one after the other.</summary>
    private static float[] Run(StoredTensor tensor, Cast cast)
    {
        float[] numbers = Floats(tensor), result = new float[numbers.Length];
        fixed (float* from = numbers, to = result)
        {
            for (int i = 0; i < 2; i++) cast(new Worker(i, 2, null, 0, null!), from, to);
        }

        return result;
    }

    private static float[] Floats(StoredTensor tensor) => [.. tensor.Numbers.Select(number => (float)number)];
}
