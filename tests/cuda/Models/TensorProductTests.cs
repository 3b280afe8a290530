using System;
using System.Collections.Generic;
using System.Linq;
using Sinter.Compiler.Kernels.Device;
using Sinter.Compiler.Operations;
using Sinter.Compiler.Tests.Kernels;
using Sinter.Devices;
using Sinter.Devices.Cuda;
using Sinter.Devices.Cuda.Kernels;
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
    private static readonly ContractionOperation[] s_operations = [.. ContractionKernels.Operations.Where(operation => Tiles(operation) is not null)];

    private static readonly ContractionOperation[] s_scaled =
        [.. ContractionKernels.Operations.Concat(ContractionKernels.BlockScaled).Where(operation => Tiles(operation) is { ScaledColumns: > 0 })];

    /// <summary>Every operation with every main loop that takes its weights.</summary>
    public static TheoryData<string, string> Cases()
    {
        var data = new TheoryData<string, string>();
        foreach (TensorLoop loop in TensorLoop.All)
            foreach (ContractionOperation operation in loop.Format == WeightFormat.E4M3 ? s_scaled : s_operations) data.Add(operation.Name, loop.Suffix);
        return data;
    }

    [Fact]
    public void All_that_is_stored_in_whole_pieces_of_16_bytes_is_among_them() => Assert.Equal(
        ["Plain", "Broad", "GatedBroad", "Split", "Scaled", "Heads", "Listed", "ExpertsUp", "ExpertsDown"], s_operations.Select(operation => operation.Name));

    /// <summary>Depths in pieces of 16 codes from a block's beginning, and eight columns in one block of scales.</summary>
    [Fact]
    public void With_E4M3_all_whose_scales_are_found_by_blocks_are() => Assert.Equal(
        ["Scaled", "Listed", "ExpertsUp", .. ContractionKernels.BlockScaled.Select(operation => operation.Name)],
        s_scaled.Select(operation => operation.Name));

    [Fact]
    public void What_experts_are_chosen_by_is_not() =>
        Assert.DoesNotContain(DeviceSchedule.Make(ContractionKernels.Operation("Blocks"), keepsActivations: true).Kernels, kernel => kernel.Tensor is not null);

    [Theory]
    [MemberData(nameof(Cases))]
    public void Equals_the_sum_in_double_precision(string name, string suffix)
    {
        ContractionOperation operation = ContractionKernels.Operation(name);
        TensorLoop loop = Loop(suffix);
        // Of experts, with a row a pair: less and more than a tile, and most rows to one. Of a list, two thirds.
        int[] tokens = operation.Rows == RowSource.Tokens ? [16, loop.Rows, loop.Rows + 1] : operation.Rows == RowSource.Listed ? [30] : [16, 45];
        // With warpgroups the same edges at the end of a block; the rest is for them as for the others.
        if (loop.Target != KernelPrinter.OldestTarget) tokens = tokens[^1..];
        Check(operation, loop, tokens, text => text, text => text);
    }

    /// <summary>Hopper's where it is a Hopper, and each multiprocessor gets a block of two: 129 rows by 136 columns, or by twice 70.</summary>
    [Theory]
    [InlineData(80, 2, "_BF16")]
    [InlineData(89, 2, "_BF16")]
    [InlineData(90, 2, "_BF16_Hopper")]
    [InlineData(90, 3, "_BF16")]
    [InlineData(100, 2, "_BF16")]
    public void A_launch_takes_the_loop_that_the_GPU_has(int architecture, int multiprocessors, string suffix)
    {
        foreach (string name in (string[])["Broad", "GatedBroad"])
        {
            var driver = new StandInDriver { Architecture = architecture, Multiprocessors = multiprocessors, SkipsLaunches = true };
            using Device device = Device.Open(new CudaContext(driver.Export));
            ContractionOperation operation = ContractionKernels.Operation(name);
            using var problem = new ContractionProblem(operation, WeightFormat.BF16, 129);
            Assert.ThrowsAny<XunitException>(() => problem.Run(new DeviceKernelRunner(device, [operation]), s_none, 1));
            TensorLoop loop = Loop(suffix);
            string launch = Assert.Single(driver.Calls, call => call.StartsWith("launch", StringComparison.Ordinal));
            Assert.StartsWith($"launch {name}Tensor{suffix} grid {(loop.Columns > 136 ? 1 : 2)},{(129 + loop.Rows - 1) / loop.Rows},1 block {loop.Threads},1,1 shared {loop.SharedBytes} ", launch, StringComparison.Ordinal);
        }
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
        Run(ContractionKernels.Operation(name), format, [tokens], driver, text => text, rounds: false);
        Assert.DoesNotContain(driver.Calls, call => call.Contains("Tensor", StringComparison.Ordinal));
    }

    /// <summary>Kernels on tensor cores know no such code; portable ones pass it on.</summary>
    [Theory]
    [InlineData(0x7f)]
    [InlineData(0xff)]
    public void With_an_E4M3_code_that_is_no_number_too(byte code)
    {
        var driver = new StandInDriver();
        Run(ContractionKernels.Operation("Scaled"), WeightFormat.E4M3, [16], driver, text => text, rounds: false, code);
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
    public void A_fault_in_what_is_printed_is_seen(string name, string text, string fault) => Sees(name, "_BF16", kernels => PlantedText.Plant(kernels, text, fault), ptx => ptx);

    [Theory]
    [Trait("Category", "Slow")]
    [InlineData("Blocks", "Depth => 336", "Depth => 320")]
    [InlineData("SplitBlocks", "17280 + (", "17264 + (")]
    [InlineData("GatedBlocks", "GatedBlocksStore(y, row, row, column, sum, second)", "GatedBlocksStore(y, row, row, column, second, sum)")]
    [InlineData("HeadsBlocks", "batch * 8960", "batch * 8192")]
    [InlineData("ExpertsDownBlocks", "default(L).Run(new ExpertsDownBlocksProduct { groups = groups, extra = extra, y = y }, x, weightHere, weightHere, first, end", "default(L).Run(new ExpertsDownBlocksProduct { groups = groups, extra = extra, y = y }, x, weight, weight, first, end")]
    [InlineData("ExpertsBlocks", "x, weightHere, weight2Here, first, end", "x, weightHere, weightHere, first, end")]
    public void With_E4M3_too(string name, string text, string fault) => Sees(name, "_E4M3", kernels => PlantedText.Plant(kernels, text, fault), ptx => ptx);

    /// <summary>A fault in the machine's text: what is not waited for, or lies elsewhere.</summary>
    [Theory]
    [Trait("Category", "Slow")]
    [InlineData("\tbar.sync\t0;", "")]
    [InlineData("cp.async.wait_group 0;", "cp.async.wait_group 1;")]
    [InlineData("xor.b32", "or.b32")]
    [InlineData("st.shared.v4.b32", "// st.shared.v4.b32")]
    public void A_fault_in_the_machines_text_is_seen(string text, string fault) => Sees("Broad", "_BF16", kernels => kernels, ptx => PlantedText.Plant(ptx, text, fault));

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
    public void With_E4M3_too_in_the_machines_text(string text, string fault) => Sees("Blocks", "_E4M3", kernels => kernels, ptx => PlantedText.Plant(ptx, text, fault));

    private static ProductTiling? Tiles(ContractionOperation operation) => DeviceSchedule.Make(operation).Kernels.Select(kernel => kernel.Tensor?.Tiles).SingleOrDefault(tiles => tiles is not null);

    private static TensorLoop Loop(string suffix) => TensorLoop.All.Single(loop => loop.Suffix == suffix);

    private static void Sees(string name, string suffix, Func<string, string> plant, Func<string, string> plantInText) =>
        Assert.ThrowsAny<XunitException>(() => Check(ContractionKernels.Operation(name), Loop(suffix), [45], plant, plantInText));

    private static void Check(ContractionOperation operation, TensorLoop loop, int[] tokens, Func<string, string> change, Func<string, string> changeText)
    {
        var driver = new StandInDriver
        {
            Architecture = loop.Target == KernelPrinter.OldestTarget ? 80 : 90,
            Multiprocessors = 1,
            Change = text => text.Contains($"Tensor{loop.Suffix}(", StringComparison.Ordinal) ? changeText(text) : text,
        };
        Run(operation, loop.Format, tokens, driver, change, rounds: true);
        Assert.Empty(driver.Findings);
        List<string> launches = [.. driver.Calls.Where(call => call.StartsWith("launch", StringComparison.Ordinal))];
        Assert.Equal(tokens.Length, launches.Count);
        Assert.All(launches, launch => Assert.StartsWith($"launch {operation.Name}Tensor{loop.Suffix} ", launch, StringComparison.Ordinal));
    }

    /// <summary>Beside these: what the asynchronous proxy must be shown, products that are waited for, and where they lie.</summary>
    [Theory]
    [Trait("Category", "Slow")]
    [InlineData("_BF16_Hopper", "Broad", "\tbar.sync\t0;", "")]
    [InlineData("_BF16_Hopper", "Broad", "cp.async.wait_group 2;", "cp.async.wait_group 3;")]
    [InlineData("_BF16_Hopper", "Broad", "xor.b32", "or.b32")]
    [InlineData("_BF16_Hopper", "Broad", "st.shared.v4.b32", "// st.shared.v4.b32")]
    [InlineData("_BF16_Hopper", "Broad", "fence.proxy.async", "// fence.proxy.async")]
    [InlineData("_BF16_Hopper", "Broad", "wgmma.wait_group.sync.aligned 0;", "")]
    [InlineData("_BF16_Hopper", "Broad", "wgmma.fence.sync.aligned;", "")]
    [InlineData("_E4M3_Hopper", "Blocks", "\tbar.sync\t0;", "")]
    [InlineData("_E4M3_Hopper", "Blocks", "cp.async.wait_group 2;", "cp.async.wait_group 3;")]
    [InlineData("_E4M3_Hopper", "Blocks", "fence.proxy.async", "// fence.proxy.async")]
    [InlineData("_E4M3_Hopper", "Blocks", "wgmma.wait_group.sync.aligned 0;", "")]
    [InlineData("_E4M3_Hopper", "Blocks", "2147516416", "32768")]
    [InlineData("_E4M3_Hopper", "Blocks", "div.rn.f32", "max.f32")]
    public void With_warpgroups_too(string suffix, string name, string text, string fault) => Sees(name, suffix, kernels => kernels, ptx => PlantedText.Plant(ptx, text, fault));

    private static void Run(ContractionOperation operation, WeightFormat format, int[] tokens, StandInDriver driver, Func<string, string> change, bool rounds, byte? poison = null)
    {
        using Device device = Device.Open(new CudaContext(driver.Export));
        var kernels = new DeviceKernelRunner(device, [operation], change);
        foreach (int count in tokens)
        {
            using var problem = new ContractionProblem(operation, format, count, poison, roundsInputs: rounds);
            problem.Run(kernels, s_none, 1);
        }
    }
}
