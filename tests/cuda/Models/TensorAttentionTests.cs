using System;
using System.Collections.Generic;
using System.Linq;
using System.Text.RegularExpressions;
using Sinter.Compiler.Kernels.Device;
using Sinter.Compiler.Operations;
using Sinter.Compiler.Tests.Kernels;
using Sinter.Devices;
using Sinter.Devices.Cuda;
using Sinter.Devices.Tests;
using Xunit;
using Xunit.Sdk;

namespace Sinter.Cuda.Tests.Models;

/// <summary>
/// A model's attention on tensor cores: printed by the compiler, as PTX by ILGPU, and run by the interpreter, against a softmax in
/// double precision of queries, keys and values rounded to BF16. No detector may find anything.
/// </summary>
public sealed class TensorAttentionTests
{
    private static readonly Type s_none = typeof(Device);

    // Tokens of the step, positions with those before it, slot of the caches.
    private static readonly (int, int, int)[] s_fewest = [(16, 16, 0)];
    private static readonly (int, int, int)[] s_oneMore = [(17, 17, 1)];
    private static readonly (int, int, int)[] s_several = [(9, 41, 2), (1, 33, 0), (7, 7, 1)];
    private static readonly (int, int, int)[] s_tiles = [(65, 98, 1), (3, 64, 0)];

    public static TheoryData<string> Names => [.. AttentionKernels.OnTensorCores.Select(operation => operation.Name)];

    [Fact]
    public void All_whose_parts_are_whole_pieces_of_16_bytes_are_among_them()
    {
        Assert.All(AttentionKernels.OnTensorCores, operation => Assert.True(IsOnTensorCores(operation), operation.Name));
        Assert.All(AttentionKernels.Operations, operation => Assert.False(IsOnTensorCores(operation), operation.Name));
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void Equals_the_softmax_in_double_precision(string name)
    {
        Check(name, text => text, text => text, s_fewest, s_oneMore, s_several);
    }

    [Theory]
    [Trait("Category", "Slow")]
    [MemberData(nameof(Names))]
    public void With_more_rows_than_a_tile_too(string name) => Check(name, text => text, text => text, s_tiles);

    [Fact]
    public void Fewer_tokens_keep_float32()
    {
        var driver = new StandInDriver();
        Run(AttentionKernels.Operation("Heads"), [(15, 15, 0)], driver, text => text, rounds: false);
        Assert.DoesNotContain(driver.Calls, call => call.Contains("Tensor", StringComparison.Ordinal));
    }

    /// <summary>A fault in what the compiler prints: sizes, places, and what a row sees.</summary>
    [Theory]
    [Trait("Category", "Slow")]
    [InlineData("Heads", "Depth => 80", "Depth => 72")]
    [InlineData("Heads", "Width => 40", "Width => 32")]
    [InlineData("Heads", "Scale => 0.4328", "Scale => 0.4428")]
    [InlineData("Heads", "range.Length - range.Count + row + 1", "range.Length - range.Count + row + 2")]
    [InlineData("Heads", "range.Length - range.Count + row + 1", "range.Length")]
    [InlineData("Heads", "range.Slot * key2.SlotStride + ", "0L + ")]
    [InlineData("Heads", "range.FirstKey + position", "position")]
    [InlineData("Heads", "(number - 64)", "(number - 56)")]
    [InlineData("Heads", "groupY * 104 + 64 + number", "groupY * 104 + number")]
    [InlineData("Heads", "groupY * 44 + 4", "groupY * 44")]
    [InlineData("Latents", "row % 12 * 40 + number", "(row + 1) % 12 * 40 + number")]
    [InlineData("Latents", "row / 12 + 1", "row / 13 + 1")]
    [InlineData("Latents", "range.Count * 12", "range.Count * 12 - 1")]
    [InlineData("WideLatents", "Keys => 16", "Keys => 8")]
    [InlineData("Wide", "OwnValues => 256", "OwnValues => 0")]
    public void A_fault_in_what_is_printed_is_seen(string name, string text, string fault) => Sees(name, kernels => PlantedText.Plant(kernels, text, fault), ptx => ptx);

    /// <summary>A fault in the machine's text: what is not waited for, lies elsewhere, or is left out of the softmax.</summary>
    [Theory]
    [Trait("Category", "Slow")]
    [InlineData("Heads", "all barriers removed", @"\tbar\.sync.*\n", "", 0)]
    [InlineData("Heads", "the first barrier removed", @"\tbar\.sync.*\n", "", 1)]
    [InlineData("WideLatents", "the first barrier removed", @"\tbar\.sync.*\n", "", 1)]
    [InlineData("WideLatents", "the last barrier removed", @"([\s\S]*)\tbar\.sync.*\n", "$1", 1)]
    [InlineData("Heads", "rescale of the upper rows left out", @"ex2\.approx\.ftz\.f32 (%f\d+), %f\d+;", "mov.f32 $1, 0f3F800000;", 1)]
    [InlineData("Latents", "rescale of the lower rows left out", @"(ex2\.approx\.ftz\.f32 [\s\S]*?)ex2\.approx\.ftz\.f32 (%f\d+), %f\d+;", "$1mov.f32 $2, 0f3F800000;", 1)]
    [InlineData("Heads", "mask dropped", @"selp\.b32\s+(%f\d+), (%f\d+), 0fF149F2CA, %p\d+;", "mov.f32 $1, $2;", 0)]
    [InlineData("Heads", "mask off by one", @"(setp\.ge\.s32\s+%p\d+, %r\d+), 1;", "$1, 0;", 0)]
    [InlineData("Heads", "chunks elsewhere", @"xor\.b32", "or.b32", 0)]
    [InlineData("Heads", "zeroes after the depth left out", @"st\.shared\.v4\.b32", "// st.shared.v4.b32", 0)]
    [InlineData("Wide", "values not turned", @"\.x4\.trans", ".x4", 0)]
    [InlineData("Heads", "weights' halves exchanged", @"(mma\.sync[\s\S]*?)cvt\.rn\.bf16x2\.f32 (%r\d+), (%f\d+), (%f\d+);", "$1cvt.rn.bf16x2.f32 $2, $4, $3;", 1)]
    [InlineData("Heads", "a lane's maximum for its row's", @"shfl\.sync\.bfly\.b32\s+([^,]+), ([^,]+), 2,", "shfl.sync.bfly.b32 $1, $2, 0,", 0)]
    public void A_fault_in_the_machines_text_is_seen(string name, string what, string pattern, string replacement, int count) => Sees(name, kernels => kernels, ptx =>
    {
        string faulty = new Regex(pattern).Replace(ptx, replacement, count == 0 ? int.MaxValue : count);
        return faulty != ptx ? faulty : throw new InvalidOperationException($"{what}: there is no such text in\n{ptx}");
    });

    private static bool IsOnTensorCores(AttentionOperation operation) => DeviceSchedule.Make(operation).Kernels.Any(kernel => kernel.Tensor is not null);

    private static void Sees(string name, Func<string, string> plant, Func<string, string> plantInText) =>
        Assert.ThrowsAny<XunitException>(() => Check(name, plant, plantInText, s_several));

    private static void Check(string name, Func<string, string> change, Func<string, string> changeText, params (int, int, int)[][] steps)
    {
        AttentionOperation operation = AttentionKernels.Operation(name);
        var driver = new StandInDriver { Change = text => text.Contains("Tensor(", StringComparison.Ordinal) ? changeText(text) : text };
        foreach ((int, int, int)[] sequences in steps) Run(operation, sequences, driver, change, rounds: true);
        Assert.Empty(driver.Findings);
        List<string> launches = [.. driver.Calls.Where(call => call.StartsWith("launch", StringComparison.Ordinal))];
        Assert.Equal(2 * steps.Length, launches.Count);
        Assert.All(launches, launch => Assert.StartsWith($"launch {name}Tensor ", launch, StringComparison.Ordinal));
    }

    private static void Run(AttentionOperation operation, (int, int, int)[] sequences, StandInDriver driver, Func<string, string> change, bool rounds)
    {
        using Device device = Device.Open(new CudaContext(driver.Export));
        var kernels = new DeviceKernelRunner(device, [operation], change);
        foreach (float spread in new[] { 1f, 40f }) AttentionKernels.Compare(kernels, operation, sequences, spread, [s_none], mostWorkers: 1, rounds);
    }
}
