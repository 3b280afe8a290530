using System;
using System.Collections.Generic;
using System.Linq;
using Sinter.Compiler.Kernels.Device;
using Sinter.Compiler.Operations;
using Sinter.Compiler.Tests.Kernels;
using Sinter.Devices;
using Sinter.Devices.Cuda;
using Sinter.Devices.Tests;
using Sinter.Runtime.Weights;
using Xunit;
using Xunit.Sdk;

namespace Sinter.Cuda.Tests.Models;

/// <summary>
/// A model's products on tensor cores: printed by the compiler, as PTX by ILGPU, and run by the interpreter, against sums in double
/// precision of activations rounded to BF16. No detector may find anything.
/// </summary>
public sealed class TensorProductTests
{
    private static readonly Type s_none = typeof(Device);

    /// <summary>Those of the kernel tests that the schedule gives to tensor cores.</summary>
    private static readonly ContractionOperation[] s_operations = [.. ContractionKernels.Operations.Where(operation => Has(operation, TensorWeights.BF16))];

    public static TheoryData<string, WeightFormat> Cases()
    {
        var data = new TheoryData<string, WeightFormat>();
        foreach (ContractionOperation operation in s_operations) data.Add(operation.Name, WeightFormat.BF16);
        foreach (ContractionOperation operation in ContractionKernels.Operations.Concat(ContractionKernels.BlockScaled).Where(operation => Has(operation, TensorWeights.E4M3)))
            data.Add(operation.Name, WeightFormat.E4M3);
        return data;
    }

    [Fact]
    public void All_that_is_stored_in_whole_pieces_of_16_bytes_is_among_them() => Assert.Equal(
        ["Plain", "Broad", "GatedBroad", "Split", "Scaled", "Heads", "Listed", "ExpertsUp", "ExpertsDown"], s_operations.Select(operation => operation.Name));

    /// <summary>Depths in pieces of 16 codes from a block's beginning, and eight columns in one block of scales.</summary>
    [Fact]
    public void With_E4M3_all_whose_scales_are_found_by_blocks_are() => Assert.Equal(
        ["Scaled", "Listed", "ExpertsUp", .. ContractionKernels.BlockScaled.Select(operation => operation.Name)],
        ContractionKernels.Operations.Concat(ContractionKernels.BlockScaled).Where(operation => Has(operation, TensorWeights.E4M3)).Select(operation => operation.Name));

    [Fact]
    public void What_experts_are_chosen_by_is_not() =>
        Assert.DoesNotContain(DeviceSchedule.Make(ContractionKernels.Operation("Blocks"), keepsActivations: true).Kernels, kernel => kernel.Tensor is not null);

    [Theory]
    [MemberData(nameof(Cases))]
    public void Equals_the_sum_in_double_precision(string name, WeightFormat format)
    {
        ContractionOperation operation = ContractionKernels.Operation(name);
        // Of experts, with a row a pair: less and more than a tile, and most rows to one. Of a list, two thirds.
        int[] tokens = operation.Rows == RowSource.Tokens ? [16, 64, 65] : operation.Rows == RowSource.Listed ? [30] : [16, 45];
        Check(operation, format, tokens, text => text, text => text);
    }

    /// <summary>Fewer rows keep their activations in float32, and so do weights of other types.</summary>
    [Theory]
    [InlineData("Plain", WeightFormat.BF16, 15)]
    [InlineData("ExpertsUp", WeightFormat.BF16, 15)]
    [InlineData("ExpertsUp", WeightFormat.E4M3, 15)]
    [InlineData("Plain", WeightFormat.E4M3, 16)]
    [InlineData("Plain", WeightFormat.F16, 16)]
    [InlineData("Plain", WeightFormat.F32, 16)]
    public void Others_keep_their_activations(string name, WeightFormat format, int tokens)
    {
        var driver = new StandInDriver();
        Run(ContractionKernels.Operation(name), format, tokens, driver, text => text, rounds: false);
        Assert.DoesNotContain(driver.Calls, call => call.Contains("Tensor", StringComparison.Ordinal));
    }

    /// <summary>Kernels on tensor cores know no such code; portable ones pass it on.</summary>
    [Theory]
    [InlineData(0x7f)]
    [InlineData(0xff)]
    public void With_an_E4M3_code_that_is_no_number_too(byte code)
    {
        var driver = new StandInDriver();
        Run(ContractionKernels.Operation("Scaled"), WeightFormat.E4M3, 16, driver, text => text, rounds: false, code);
        Assert.DoesNotContain(driver.Calls, call => call.Contains("Tensor", StringComparison.Ordinal));
    }

    /// <summary>Where units of sums can be exchanged and no code is a NaN; published scales are between.</summary>
    [Theory]
    [InlineData(0x7e, 1e-4f, true)]
    [InlineData(0xfe, 1e7f, true)]
    [InlineData(0x7f, 1e-4f, false)]
    [InlineData(0xff, 1e-4f, false)]
    [InlineData(0, 0f, false)]
    [InlineData(0, -1e-4f, false)]
    [InlineData(0, 1e-13f, false)]
    [InlineData(0, 1e8f, false)]
    [InlineData(0, float.PositiveInfinity, false)]
    [InlineData(0, float.NaN, false)]
    public void Codes_and_scales_that_products_take_are_told_apart(byte code, float scale, bool isOrdinary) =>
        Assert.Equal(isOrdinary, DeviceWeight.AreOrdinary([0x38, code, 0xb8], [1e-4f, scale, 1e-4f]));

    /// <summary>A fault in what the compiler prints: sizes, places, and what becomes of the sums.</summary>
    [Theory]
    [Trait("Category", "Slow")]
    [InlineData("Broad", "Depth => 200", "Depth => 192")]
    [InlineData("Broad", "column * 200", "column * 200 + 8")]
    [InlineData("Broad", "(long)row * 200", "(long)row * 200 + 4")]
    [InlineData("Broad", "Columns => 136", "Columns => 135")]
    [InlineData("Broad", "(int row, int column, float sum, float second) => BroadStore(y, row, row, column, sum)", "(int row, int column, float sum, float second) => BroadStore(y, row, row, column ^ 1, sum)")]
    [InlineData("GatedBroad", "GatedBroadStore(y, row, row, column, sum, second)", "GatedBroadStore(y, row, row, column, second, sum)")]
    [InlineData("Heads", "batch * 1056", "batch * 1024")]
    [InlineData("Split", "column / 8 * 768", "column / 8 * 512")]
    [InlineData("ExpertsDown", "weightHere, weightHere, first, end", "weight, weight, first, end")]
    [InlineData("ExpertsUp", "groups.Pairs[row] / groups.Chosen", "row / groups.Chosen")]
    public void A_fault_in_what_is_printed_is_seen(string name, string text, string fault) => Sees(name, WeightFormat.BF16, kernels => PlantedText.Plant(kernels, text, fault), ptx => ptx);

    [Theory]
    [Trait("Category", "Slow")]
    [InlineData("Blocks", "Depth => 336", "Depth => 320")]
    [InlineData("SplitBlocks", "17280 + (", "17264 + (")]
    [InlineData("GatedBlocks", "GatedBlocksStore(y, row, row, column, sum, second)", "GatedBlocksStore(y, row, row, column, second, sum)")]
    [InlineData("HeadsBlocks", "batch * 8960", "batch * 8192")]
    [InlineData("ExpertsDownBlocks", "BlockScaledProduct.Run(new ExpertsDownBlocksProduct { groups = groups, extra = extra, y = y }, x, weightHere, weightHere, first, end", "BlockScaledProduct.Run(new ExpertsDownBlocksProduct { groups = groups, extra = extra, y = y }, x, weight, weight, first, end")]
    [InlineData("ExpertsBlocks", "x, weightHere, weight2Here, first, end", "x, weightHere, weightHere, first, end")]
    public void With_E4M3_too(string name, string text, string fault) => Sees(name, WeightFormat.E4M3, kernels => PlantedText.Plant(kernels, text, fault), ptx => ptx);

    /// <summary>A fault in the machine's text: what is not waited for, or lies elsewhere.</summary>
    [Theory]
    [Trait("Category", "Slow")]
    [InlineData("\tbar.sync\t0;", "")]
    [InlineData("cp.async.wait_group 0;", "cp.async.wait_group 1;")]
    [InlineData("xor.b32", "or.b32")]
    [InlineData("st.shared.v4.b32", "// st.shared.v4.b32")]
    public void A_fault_in_the_machines_text_is_seen(string text, string fault) => Sees("Broad", WeightFormat.BF16, kernels => kernels, ptx => PlantedText.Plant(ptx, text, fault));

    /// <summary>Beside these: a code's sign, the units of sums, and which codes a register has.</summary>
    [Theory]
    [Trait("Category", "Slow")]
    [InlineData("\tbar.sync\t0;", "")]
    [InlineData("cp.async.wait_group 0;", "cp.async.wait_group 1;")]
    [InlineData("xor.b32", "or.b32")]
    [InlineData("st.shared.v4.b32", "// st.shared.v4.b32")]
    [InlineData("fma.rn.bf16x2", "// fma.rn.bf16x2")]
    [InlineData("2147516416", "32768")]
    [InlineData("div.rn.f32", "max.f32")]
    public void With_E4M3_too_in_the_machines_text(string text, string fault) => Sees("Blocks", WeightFormat.E4M3, kernels => kernels, ptx => PlantedText.Plant(ptx, text, fault));

    private static bool Has(ContractionOperation operation, TensorWeights format) =>
        DeviceSchedule.Make(operation).Kernels.Any(kernel => kernel.Tensor?.Format == format);

    private static void Sees(string name, WeightFormat format, Func<string, string> plant, Func<string, string> plantInText) =>
        Assert.ThrowsAny<XunitException>(() => Check(ContractionKernels.Operation(name), format, [45], plant, plantInText));

    private static void Check(ContractionOperation operation, WeightFormat format, int[] tokens, Func<string, string> change, Func<string, string> changeText)
    {
        var driver = new StandInDriver { Change = text => text.Contains($"Tensor_{format}(", StringComparison.Ordinal) ? changeText(text) : text };
        foreach (int count in tokens) Run(operation, format, count, driver, change, rounds: true);
        Assert.Empty(driver.Findings);
        List<string> launches = [.. driver.Calls.Where(call => call.StartsWith("launch", StringComparison.Ordinal))];
        Assert.Equal(tokens.Length, launches.Count);
        Assert.All(launches, launch => Assert.StartsWith($"launch {operation.Name}Tensor_{format} ", launch, StringComparison.Ordinal));
    }

    private static void Run(ContractionOperation operation, WeightFormat format, int tokens, StandInDriver driver, Func<string, string> change, bool rounds, byte? poison = null)
    {
        using Device device = Device.Open(new CudaContext(driver.Export));
        var kernels = new DeviceKernelRunner(device, [operation], change);
        using var problem = new ContractionProblem(operation, format, tokens, poison, roundsInputs: rounds);
        problem.Run(kernels, s_none, 1);
    }
}
