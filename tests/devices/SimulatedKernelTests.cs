using System;
using Sinter.Compiler.Operations;
using Sinter.Compiler.Tests.Kernels;
using Sinter.Runtime.Weights;
using Xunit;

namespace Sinter.Devices.Tests;

/// <summary>
/// The same kernels on ILGPU's simulation, which every machine has: a thread of the system for each of a group's, so that a
/// barrier that some threads miss shows, and an index outside a view is a fault. Few problems, since it is slow.
/// </summary>
public sealed class SimulatedKernelTests
{
    private static readonly Type s_none = typeof(Device);
    private static readonly DeviceKernels s_kernels = new(DeviceKind.Simulated);

    [Theory]
    [InlineData("Plain", WeightFormat.F32)]
    [InlineData("Gated", WeightFormat.BF16)]
    [InlineData("ExpertsUp", WeightFormat.E4M3)]
    [InlineData("Absorbed", WeightFormat.E4M3)]
    public void A_contraction_equals_the_sum_in_double_precision(string name, WeightFormat format)
    {
        // A kernel for few rows, and one in tiles of which the last is not full.
        foreach (int tokens in new[] { 2, 18 })
        {
            using var problem = new ContractionProblem(ContractionKernels.Operation(name), format, tokens);
            problem.Run(s_kernels.Contractions, s_none, 1);
        }
    }

    [Theory]
    [MemberData(nameof(DeviceKernelTests.Rows), MemberType = typeof(DeviceKernelTests))]
    public void A_row_operation_equals_the_row_in_double_precision(string name)
    {
        using var problem = new RowProblem(RowKernels.Operation(name), WeightFormat.F32, [(2, 9, 1)]);
        problem.Run(s_kernels.Rows, s_none, 1);
    }

    [Theory]
    [MemberData(nameof(DeviceKernelTests.Attentions), MemberType = typeof(DeviceKernelTests))]
    public void Attention_equals_the_softmax_in_double_precision(string name) =>
        AttentionKernels.Compare(s_kernels.Attentions, AttentionKernels.Operation(name), [(2, 35, 1), (1, 1, 0)], 40, [s_none]);

    [Fact]
    public void Pairs_are_ordered_by_expert_and_keep_their_order_within_one() => ChoiceKernels.CompareOrder(s_kernels.Choices, 9, allToOne: false);
}
