using System;
using System.Threading.Tasks;
using Sinter.Compiler.Emit;
using Sinter.Compiler.Operations;
using VerifyXunit;
using Xunit;

namespace Sinter.Compiler.Tests.Kernels;

/// <summary>The text of one kernel of each kind, so that a change of a schedule or of the printer can be read.</summary>
public sealed class PrintedKernels
{
    [Theory]
    [InlineData("Row")]
    [InlineData("ContractionOfTokens")]
    [InlineData("ContractionOfExperts")]
    [InlineData("Attention")]
    [InlineData("Choose")]
    [InlineData("Group")]
    public async Task Have_this_text(string kind)
    {
        Operation operation = kind switch
        {
            "Row" => RowKernels.Operation("Norm20"),
            "ContractionOfTokens" => ContractionKernels.Operation("Gated"),
            "ContractionOfExperts" => ContractionKernels.Operation("ExpertsDown"),
            "Attention" => AttentionKernels.Operation("Absorbed"),
            "Choose" => ChoiceKernels.Operation("BestOfPairs"),
            "Group" => ChoiceKernels.Group,
            _ => throw new ArgumentOutOfRangeException(nameof(kind)),
        };
        await Verifier.Verify(KernelPrinter.Print(operation, operation.Name).Text)
            .UseDirectory("snapshots").UseFileName(kind);
    }
}
