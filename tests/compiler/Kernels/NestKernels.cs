using System;
using System.Linq;
using Sinter.Compiler.Emit.Training;
using Sinter.Compiler.Graph;
using Sinter.Compiler.Operations;
using Sinter.Compiler.Operations.Training;
using Sinter.Tests.Kernels;
using Xunit;

namespace Sinter.Compiler.Tests.Kernels;

/// <summary>Nests of training on numbers of which there is one a token: lanes run along the tokens, of which workers have any share.</summary>
public sealed unsafe class NestKernels
{
    /// <summary>Behind the last token stands what no kernel may touch.</summary>
    private const int Behind = 64;

    private static readonly Place s_dense = new(new[] { Stride.One }.ToEquatable());

    private static readonly NestOperation s_double = new(
        "Double", "y[t] = 2·x[t]", new[] { 0 }.ToEquatable(), 0, Reduction.Sum, new NestInput[] { new NumberInput(s_dense) }.ToEquatable(),
        new Binary(BinaryOperator.Multiply, new Constant(2), new Argument(0)), new Argument(0), SharesTokens: true, s_dense, Adds: false);

    [Fact]
    public void A_workers_share_ends_where_the_next_ones_begins()
    {
        var kernels = new CompiledKernels([TrainingKernelPrinter.Print(s_double, s_double.Name)]);
        foreach (Type lanes in KernelTest.Lanes)
        {
            // With 240 tokens and two workers the second begins in the middle of a vector, and ends where a vector would.
            foreach (int tokens in new[] { 1, 7, 16, 31, 48, 240 })
            {
                foreach (int workers in new[] { 1, 2, 3 })
                {
                    using var memory = new GuardedMemory();
                    float[] x = KernelTest.Random(new Random(tokens), tokens + Behind);
                    float* y = memory.Floats([.. Enumerable.Repeat(7f, tokens + Behind)]);
                    kernels.Run(s_double.Name, lanes, new TestStep(memory, (tokens, tokens, 0)).Step, workers, (nint)memory.Floats(x), (nint)y);
                    Assert.Equal([.. x.Take(tokens).Select(number => 2 * number), .. Enumerable.Repeat(7f, Behind)], new Span<float>(y, tokens + Behind).ToArray());
                }
            }
        }
    }
}
