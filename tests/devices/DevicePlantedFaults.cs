using System;
using Sinter.Compiler.Operations;
using Sinter.Compiler.Tests.Kernels;
using Sinter.Runtime.Weights;
using Xunit;
using Xunit.Sdk;

namespace Sinter.Devices.Tests;

/// <summary>Whether the comparisons see a fault on a device: kernels with one planted into their text must not pass them.</summary>
/// <remarks>
/// PoCL runs a group's threads one after the other between barriers, so that most barriers left out show. Some do not: those of
/// tiled contractions, the last of a sum over few rows, and the one after attention's scores.
/// </remarks>
public sealed class DevicePlantedFaults
{
    private const string Barrier = "Group.Barrier();";

    [OpenCLTheory]
    [InlineData("Ragged", 18, "start0 + d < Depth", "start0 + d < Depth + 1")]
    [InlineData("Ragged", 18, "column0 + tileColumn) * 20", "column0) * 20")]
    [InlineData("Ragged", 18, "sum00 += ", "sum00 = ")]
    [InlineData("Gated", 1, "DeviceMath.Silu(sum1) * sum2", "DeviceMath.Silu(sum2) * sum1")]
    public void In_contractions(string name, int tokens, string text, string fault) => CheckContraction(name, tokens, kernels => Plant(kernels, text, fault));

    [OpenCLTheory]
    [InlineData("Gated", 1, 0)]
    [InlineData("Deep", 1, 0)]
    public void A_barrier_left_out_of_contractions_of_few_rows(string name, int tokens, int barrier) =>
        CheckContraction(name, tokens, kernels => WithoutBarrier(kernels, $"void {name}Few<W>", barrier));

    [OpenCLTheory]
    [InlineData("factors[thread] = XMath.Exp(largest[thread] - now)", "factors[thread] = 1f")]
    [InlineData("total[thread] * factors[thread]", "total[thread]")]
    [InlineData("step.Positions[token] + 1", "range.Length")]
    [InlineData("step.Positions[token] + 1", "Math.Max(1, step.Positions[token])")]
    [InlineData("bounds[thread] - firstKey)", "bounds[thread] - firstKey - 1)")]
    public void In_attention(string text, string fault) => CheckAttention(kernels => Plant(kernels, text, fault));

    [OpenCLTheory]
    [InlineData(0)]
    [InlineData(1)]
    public void A_barrier_left_out_of_attention(int barrier) => CheckAttention(kernels => WithoutBarrier(kernels, "void Absorbed(", barrier));

    [OpenCLTheory]
    [InlineData("Norm20", 0)]
    [InlineData("Norm20", 2)]
    public void A_barrier_left_out_of_rows(string name, int barrier)
    {
        RowOperation operation = RowKernels.Operation(name);
        CheckThatItShows(operation, kernels => WithoutBarrier(kernels, $"void {name}<W>", barrier), kernels =>
        {
            using var problem = new RowProblem(operation, WeightFormat.F32, [(5, 5, 0), (1, 12, 2), (4, 6, 1)]);
            problem.Run(kernels, typeof(Device), 1);
        });
    }

    private static void CheckContraction(string name, int tokens, Func<string, string> plant)
    {
        ContractionOperation operation = ContractionKernels.Operation(name);
        CheckThatItShows(operation, plant, kernels =>
        {
            using var problem = new ContractionProblem(operation, WeightFormat.F32, tokens);
            problem.Run(kernels, typeof(Device), 1);
        });
    }

    private static void CheckAttention(Func<string, string> plant)
    {
        AttentionOperation operation = AttentionKernels.Operation("Absorbed");
        CheckThatItShows(operation, plant, kernels => AttentionKernels.Compare(kernels, operation, [(70, 130, 1), (1, 65, 0), (3, 3, 2)], 40f, [typeof(Device)]));
    }

    private static void CheckThatItShows(Operation operation, Func<string, string> plant, Action<DeviceKernelRunner> compare)
    {
        Device device = TestDevices.Open(DeviceKind.OpenCL);
        var faulty = new DeviceKernelRunner(device, [operation], plant);
        compare(new DeviceKernelRunner(device, [operation]));
        Assert.ThrowsAny<XunitException>(() => compare(faulty));
    }

    private static string Plant(string kernels, string text, string fault)
    {
        string faulty = kernels.Replace(text, fault, StringComparison.Ordinal);
        Assert.True(faulty != kernels, $"«{text}» is not in the kernels:\n{kernels}");
        return faulty;
    }

    private static string WithoutBarrier(string kernels, string kernel, int number)
    {
        int at = kernels.IndexOf(kernel, StringComparison.Ordinal);
        Assert.True(at >= 0, $"«{kernel}» is not among the kernels:\n{kernels}");
        for (int i = 0; i <= number; i++) at = kernels.IndexOf(Barrier, at + 1, StringComparison.Ordinal);
        Assert.True(at >= 0, $"{kernel} has fewer barriers:\n{kernels}");
        return kernels.Remove(at, Barrier.Length);
    }
}
