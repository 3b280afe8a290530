using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using System.Threading.Tasks;
using Sinter.Runtime.Checkpoints;
using Sinter.Runtime.Execution;
using Sinter.Runtime.Generation;
using Sinter.Runtime.Numerics;
using Sinter.Runtime.Weights;
using Sinter.Tests.Data;
using Xunit;
using Xunit.Abstractions;

namespace Sinter.Models.Tests.Compiled;

/// <summary>Weights that are converted while they are loaded.</summary>
public sealed class ConvertedWeightsTests(ITestOutputHelper output)
{
    [Fact]
    public unsafe void Converting_the_trained_model_gives_the_codes_and_scales_that_another_program_made_of_it()
    {
        var program = new TinyTrainedProgram();
        using WeightTable converted = WeightTable.Bind(program.Description, Checkpoint.Open(Repository.TinyTrained), storage: WeightStorage.E4M3);
        using WeightTable published = WeightTable.Bind(program.Description, Checkpoint.Open(Repository.Checkpoint("tiny-trained-fp8")));
        int matrices = 0;
        foreach (WeightDeclaration declaration in program.Description.Weights)
        {
            int count = declaration.Layers * Math.Max(1, declaration.Experts), numbers = declaration.Shape.Aggregate(1, (product, side) => product * side);
            for (int slot = declaration.Slot; slot < declaration.Slot + count; slot++)
            {
                StoredWeight here = converted.Weights[slot], there = published.Weights[slot];
                Assert.True(here.Format == there.Format, declaration.Name);
                if (here.Format != WeightFormat.E4M3) continue;
                matrices++;
                int scales = (declaration.Shape[0] + 127) / 128 * here.ScaleColumns;
                Assert.Equal(new ReadOnlySpan<float>(there.Scales, scales).ToArray(), new ReadOnlySpan<float>(here.Scales, scales).ToArray());
                Assert.True(new ReadOnlySpan<byte>(there.Data, numbers).SequenceEqual(new ReadOnlySpan<byte>(here.Data, numbers)), declaration.Name);
            }
        }

        Assert.True(matrices > 100);
    }

    [Theory]
    [InlineData("tiny-v3", WeightStorage.BF16)]
    [InlineData("tiny-v3", WeightStorage.E4M3)]
    [InlineData("tiny-v3", WeightStorage.Int8)]
    [InlineData("tiny-trained-fp8", WeightStorage.BF16)]
    [InlineData("tiny-trained-fp8", WeightStorage.Int8)]
    public unsafe void Each_number_becomes_the_nearest_that_the_format_has(string name, WeightStorage storage)
    {
        ModelDescription description = CompiledPrograms.Of(name).Description;
        using WeightTable converted = WeightTable.Bind(description, Checkpoint.Open(Repository.Checkpoint(name)), WeightPlacement.Copied, storage);
        var original = new CheckpointFolder(Repository.Checkpoint(name));
        double[] codes = [.. Enumerable.Range(0, 256).Where(code => (code & 127) != 127).Select(code => (double)ElementCasts.DecodeE4M3((byte)code)).Distinct().Order()];
        int checkedNumbers = 0;
        foreach (WeightDeclaration declaration in description.Weights.Where(d => d.Shape.Count == 2 && d.Experts == 0 && d.Layers == 1 && d.Name.Contains("_proj.weight", StringComparison.Ordinal)))
        {
            StoredWeight weight = converted.Weights[declaration.Slot];
            if (declaration.Name.Contains("eh_proj", StringComparison.Ordinal)) continue;
            bool isReadAcross = storage == WeightStorage.Int8 && declaration.Name.EndsWith("kv_b_proj.weight", StringComparison.Ordinal);
            if (isReadAcross != (storage == WeightStorage.Int8 && weight.Format != WeightFormat.Int8)) Assert.Fail($"{declaration.Name} is {weight.Format}");
            if (isReadAcross) continue;
            Assert.Equal(storage.ToString(), weight.Format.ToString());
            double[] numbers = original.Find(declaration.Name.Replace("{layer}", declaration.FirstLayer.ToString(CultureInfo.InvariantCulture)))!.Numbers;
            int columns = declaration.Shape[1];
            for (int i = 0; i < numbers.Length; i++, checkedNumbers++)
            {
                int row = i / columns, column = i % columns;
                if (weight.Format == WeightFormat.BF16)
                {
                    float got = ElementCasts.DecodeBF16(((ushort*)weight.Data)[i]);
                    // Half of the last of eight bits.
                    Assert.InRange(Math.Abs(got - numbers[i]), 0, Math.Abs(numbers[i]) / 256 + 1e-40);
                    continue;
                }

                if (weight.Format == WeightFormat.Int8)
                {
                    int group = column / 64, first = i - column % 64;
                    float size = weight.Scales[row * weight.ScaleColumns + group];
                    if (i == first)
                    {
                        double largest = numbers.Skip(first).Take(Math.Min(64, columns - group * 64)).Max(Math.Abs);
                        Assert.Equal(largest / 127, size, largest * 1e-7);
                    }

                    Assert.InRange(Math.Abs((sbyte)weight.Data[i] * (double)size - numbers[i]), 0, size * 0.50001);
                    continue;
                }

                double scale = weight.Scales[row / 128 * weight.ScaleColumns + column / 128];
                double value = ElementCasts.DecodeE4M3(weight.Data[i]), wanted = numbers[i] / scale;
                int place = Array.BinarySearch(codes, wanted);
                if (place < 0) place = ~place;
                double nearest = Enumerable.Range(Math.Max(0, place - 1), 2).Where(k => k < codes.Length).Min(k => Math.Abs(codes[k] - wanted));
                Assert.InRange(Math.Abs(value - wanted), nearest - 1e-12, nearest + 1e-5 * Math.Abs(wanted));
            }
        }

        Assert.True(checkedNumbers > 1000);
    }

    /// <summary>
    /// A uniform step of a 127th of the largest of 64 numbers is finer than the three bits that E4M3 keeps of each, about four times
    /// for numbers that are spread like the normal distribution's.
    /// </summary>
    [Fact]
    public void Int8_moves_the_logits_less_than_half_as_far_from_the_references_as_fp8_does()
    {
        double exact = Distance(WeightStorage.AsStored), int8 = Distance(WeightStorage.Int8), fp8 = Distance(WeightStorage.E4M3);
        output.WriteLine(FormattableString.Invariant($"root mean square over that of the logits: bf16 {exact:0.0e0}, int8 {int8:0.0e0}, fp8 {fp8:0.0e0}"));
        Assert.InRange(exact, 0, 1e-5);
        Assert.InRange(int8, 1e-4, fp8 / 2);
    }

    [Fact]
    public async Task The_trained_model_in_fp8_says_what_the_reference_says_with_those_weights()
    {
        var golden = new GoldenValues("tiny-trained-fp8");
        int[] expected = golden.Tensors["dequant.greedy.tokens"].Integers;
        using TinyTrained model = TinyTrained.Load(Repository.TinyTrained, new() { Storage = WeightStorage.E4M3 });
        List<int> tokens = [];
        await foreach (GeneratedToken token in model.GenerateTokensAsync(golden.Tensors["dequant.greedy.prompt"].Integers, new() { MaxTokens = expected.Length, StopsAtEndOfSequence = false }))
            tokens.Add(token.Token);
        Assert.Equal(expected, tokens);
    }

    /// <summary>Root mean square of the distance from transformers' logits, over theirs, on the prompts that have them and what follows.</summary>
    private static double Distance(WeightStorage storage)
    {
        var text = new TensorFile(Repository.Data("tiny-trained", "text_golden.safetensors"));
        using TinyTrained model = TinyTrained.Load(Repository.TinyTrained, new() { Storage = storage });
        double distance = 0, size = 0;
        for (int prompt = 0; text.Has($"prompt.{prompt}.ids"); prompt++)
        {
            if (!text.Has($"prompt.{prompt}.logits")) continue;
            double[] wanted = text[$"prompt.{prompt}.logits"].Numbers;
            int[] tokens = [.. text[$"prompt.{prompt}.ids"].Integers, .. text[$"prompt.{prompt}.greedy"].Integers];
            using ModelSession session = model.OpenSession();
            int vocabulary = model.Description.VocabularySize;
            var logits = new float[tokens.Length * vocabulary];
            session.Forward([new SequenceTokens(session.AddSequence(), tokens)], logits, LogitRows.All);
            for (int i = 0; i < Math.Min(wanted.Length, logits.Length); i++)
            {
                distance += (logits[i] - wanted[i]) * (logits[i] - wanted[i]);
                size += wanted[i] * wanted[i];
            }
        }

        Assert.True(size > 0);
        return Math.Sqrt(distance / size);
    }
}
