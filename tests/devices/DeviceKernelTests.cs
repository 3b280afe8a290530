using System;
using System.Collections.Generic;
using System.Linq;
using Sinter.Compiler.Operations;
using Sinter.Compiler.Tests.Kernels;
using Sinter.Runtime.Execution;
using Sinter.Runtime.Weights;
using Sinter.Tests.Kernels;
using Xunit;

namespace Sinter.Devices.Tests;

/// <summary>
/// Every kind of kernel on an OpenCL device against loops in double precision: the same problems, of adversarial shapes,
/// that the kernels for CPUs are held to.
/// </summary>
public sealed unsafe class DeviceKernelTests
{
    private static readonly Type s_none = typeof(Device);

    /// <summary>What kernels of devices read; a session refuses the others.</summary>
    private static readonly WeightFormat[] s_formats = [WeightFormat.F32, WeightFormat.BF16, WeightFormat.F16, WeightFormat.E4M3];
    private static readonly DeviceKernels s_kernels = new(DeviceKind.OpenCL);

    public static TheoryData<string> Contractions() => [.. ContractionKernels.Operations.Select(o => o.Name)];

    public static TheoryData<string> Rows() => [.. RowKernels.Operations.Select(o => o.Name)];

    public static TheoryData<string> Attentions() => [.. AttentionKernels.Operations.Select(o => o.Name)];

    public static TheoryData<string> Choices() => [.. ChoiceKernels.Operations.Select(o => o.Name)];

    [OpenCLTheory]
    [MemberData(nameof(Contractions))]
    public void A_contraction_equals_the_sum_in_double_precision(string name)
    {
        ContractionOperation operation = ContractionKernels.Operation(name);
        foreach (WeightFormat format in s_formats)
        {
            foreach (int tokens in operation.Rows == RowSource.Tokens ? [1, 4, 5, 63, 64, 65] : new[] { 1, 2, 7, 30 })
            {
                using var problem = new ContractionProblem(operation, format, tokens);
                problem.Run(s_kernels.Contractions, s_none, 1);
            }
        }
    }

    [OpenCLTheory]
    [InlineData("Plain")]
    [InlineData("Absorbed")]
    public void A_code_that_is_no_number_is_passed_on(string name)
    {
        foreach (int tokens in new[] { 1, 20 })
        {
            using var problem = new ContractionProblem(ContractionKernels.Operation(name), WeightFormat.E4M3, tokens, 0xff);
            problem.Run(s_kernels.Contractions, s_none, 1);
        }
    }

    [OpenCLTheory]
    [MemberData(nameof(Rows))]
    public void A_row_operation_equals_the_row_in_double_precision(string name)
    {
        RowOperation operation = RowKernels.Operation(name);
        bool hasWeight = operation.Inputs.Any(i => i.Kind is RowInputKind.Vector or RowInputKind.TableRow);
        foreach (WeightFormat format in hasWeight ? s_formats : [WeightFormat.F32])
        {
            foreach ((int, int, int)[] sequences in new (int, int, int)[][] { [(1, 9, 1)], [(5, 5, 0), (1, 12, 2), (4, 6, 1)] })
            {
                using var problem = new RowProblem(operation, format, sequences);
                problem.Run(s_kernels.Rows, s_none, 1);
            }
        }
    }

    [OpenCLTheory]
    [MemberData(nameof(Attentions))]
    public void Attention_equals_the_softmax_in_double_precision(string name)
    {
        (int, int, int)[][] steps = [[(1, 1, 0)], [(1, 70, 1)], [(1, 32, 0), (1, 33, 2)], [(9, 9, 0)], [(70, 130, 1), (1, 65, 0), (3, 3, 2)]];
        foreach ((int, int, int)[] sequences in steps)
        {
            foreach (float spread in new[] { 1f, 40f }) AttentionKernels.Compare(s_kernels.Attentions, AttentionKernels.Operation(name), sequences, spread, [s_none]);
        }
    }

    [OpenCLTheory]
    [MemberData(nameof(Choices))]
    public void A_choice_is_what_sorting_chooses(string name) => ChoiceKernels.Compare(s_kernels.Choices, ChoiceKernels.Operation(name));

    [OpenCLTheory]
    [InlineData(1, false)]
    [InlineData(33, false)]
    [InlineData(12, true)]
    public void Pairs_are_ordered_by_expert_and_keep_their_order_within_one(int tokens, bool allToOne) => ChoiceKernels.CompareOrder(s_kernels.Choices, tokens, allToOne);
}
