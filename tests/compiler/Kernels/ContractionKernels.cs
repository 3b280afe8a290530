using System;
using System.Collections.Generic;
using System.Linq;
using Sinter.Compiler.Emit;
using Sinter.Compiler.Graph;
using Sinter.Compiler.Operations;
using Sinter.Runtime.Weights;
using Sinter.Tests.Kernels;
using Xunit;

namespace Sinter.Compiler.Tests.Kernels;

public sealed class ContractionKernels
{
    private static readonly Scalar s_first = new Argument(0);
    private static readonly Scalar s_gated = new Binary(BinaryOperator.Multiply, new Unary(UnaryOperator.Silu, new Argument(0)), new Argument(1));
    private static readonly Scalar s_residual = new Binary(BinaryOperator.Add, new Argument(0), new Argument(1));
    private static readonly Scalar s_scaled = new Binary(BinaryOperator.Add, new Binary(BinaryOperator.Multiply, new Argument(0), new Argument(1)), new Argument(2));

    private static readonly ContractionOperation[] s_operations =
    [
        Plain("Plain", 48, 72),
        Plain("Ragged", 33, 20),
        Plain("Wide", 70, 130),
        Plain("Single", 1, 7),
        Plain("Deep", 40, 2300),
        Plain("Broad", 136, 200),
        Make("Gated", RowSource.Tokens, 1, 50, [new(new(68, 0, 1), 67)], [Rows(67), Rows(67)], [[(0, 0)], [(0, 1)]], [], s_gated, new(50)),
        Make("GatedBroad", RowSource.Tokens, 1, 70, [new(new(140, 0, 4), 136)], [Rows(136), Rows(136)], [[(0, 0)], [(0, 1)]], [], s_gated, new(70)),
        Make("Summed", RowSource.Tokens, 1, 36, [new(new(24), 24), new(new(200, 0, 3), 136)], [Rows(24), Rows(136)], [[(0, 0), (1, 1)]], [new(new(36))], s_residual, new(36)),
        Make("Halves", RowSource.Tokens, 1, 34, [new(new(112), 56), new(new(112, 0, 56), 56)], [new(0, 0, 34, 0, 112, 1), new(56, 0, 34, 0, 112, 1)], [[(0, 0), (1, 1)]], [], s_first, new(34)),
        Make("Split", RowSource.Tokens, 1, 40, [new(new(64), 64)], [new(3 * 64, 0, 8, 12 * 64, 64, 1)], [[(0, 0)]], [], s_first, new(40)),
        Make("Scaled", RowSource.Tokens, 1, 40, [new(new(64), 64)], [Rows(64)], [[(0, 0)]], [new(new(3, 0, 2), PerRow: true), new(new(45, 0, 5))], s_scaled, new(44, 0, 4)),
        Make("Heads", RowSource.Tokens, 3, 20, [new(new(3 * 24, 24), 24)], [new(0, 44 * 24, 20, 0, 24, 1)], [[(0, 0)]], [], s_first, new(60, 20)),
        Make("Absorbed", RowSource.Tokens, 3, 50, [new(new(3 * 40, 40), 24)], [new(0, 44 * 50, 50, 0, 1, 50)], [[(0, 0)]], [], s_first, new(150, 50)),
        Make("AbsorbedParts", RowSource.Tokens, 2, 30, [new(new(2 * 24, 24), 24)], [new(1, 24 * 160, 6, 25, 1, 160)], [[(0, 0)]], [], s_first, new(60, 30)),
        Make("Listed", RowSource.Listed, 1, 37, [new(new(48), 48, Indexed: true)], [Rows(48)], [[(0, 0)]], [new(new(37)), new(new(37), Indexed: true)], new Binary(BinaryOperator.Add, s_residual, new Argument(2)), new(37)),
        Make("Keys", RowSource.Keys, 2, 40, [new(new(52, 0, 2), 48)], [new(0, 44 * 48, 40, 0, 48, 1)], [[(0, 0)]], [], s_first, new(80, 40)),
        Make("ExpertsUp", RowSource.Experts, 1, 40, [new(new(48), 48, Indexed: true)], [Rows(48), Rows(48)], [[(0, 0)], [(0, 1)]], [], s_gated, new(40)),
        Make("ExpertsDown", RowSource.Experts, 1, 70, [new(new(40), 40)], [Rows(40)], [[(0, 0)]], [new(new(1), PerRow: true, Indexed: true)], new Binary(BinaryOperator.Multiply, new Argument(0), new Argument(1)), new(70)),
    ];

    /// <summary>
    /// Depths of one block of scales, of two and a part, in whole chunks of 16 codes; columns in several blocks, from rows on that are no
    /// multiples of 128: for tensor cores, which want it so. The others are problems for them as well.
    /// </summary>
    private static readonly ContractionOperation[] s_blockScaled =
    [
        Plain("Blocks", 200, 336),
        Make("GatedBlocks", RowSource.Tokens, 1, 72, [new(new(276, 0, 4), 272)], [Rows(272), Rows(272)], [[(0, 0)], [(0, 1)]], [], s_gated, new(72)),
        Make("SplitBlocks", RowSource.Tokens, 1, 72, [new(new(144), 144)], [new(120 * 144, 0, 8, 16 * 144, 144, 1)], [[(0, 0)]], [new(new(72))], s_residual, new(72)),
        Make("HeadsBlocks", RowSource.Tokens, 3, 24, [new(new(3 * 160, 160), 160)], [new(16 * 160, 56 * 160, 24, 0, 160, 1)], [[(0, 0)]], [], s_first, new(72, 24)),
        Make("ExpertsBlocks", RowSource.Experts, 1, 136, [new(new(144), 144, Indexed: true)], [Rows(144), Rows(144)], [[(0, 0)], [(0, 1)]], [], s_gated, new(136)),
        Make("ExpertsDownBlocks", RowSource.Experts, 1, 70, [new(new(160), 160)], [Rows(160)], [[(0, 0)]], [new(new(1), PerRow: true, Indexed: true)], new Binary(BinaryOperator.Multiply, new Argument(0), new Argument(1)), new(70)),
    ];

    private static readonly CompiledKernels s_kernels = new([.. s_operations.Select(o => KernelPrinter.Print(o, o.Name))]);

    public static TheoryData<string, WeightFormat> Cases()
    {
        var data = new TheoryData<string, WeightFormat>();
        foreach (ContractionOperation operation in s_operations)
            foreach (WeightFormat format in Enum.GetValues<WeightFormat>()) data.Add(operation.Name, format);
        return data;
    }

    internal static IReadOnlyList<ContractionOperation> Operations => s_operations;

    internal static IReadOnlyList<ContractionOperation> BlockScaled => s_blockScaled;

    internal static ContractionOperation Operation(string name) => s_operations.Concat(s_blockScaled).Single(o => o.Name == name);

    [Theory]
    [MemberData(nameof(Cases))]
    public void Equals_the_sum_in_double_precision(string name, WeightFormat format)
    {
        ContractionOperation operation = Operation(name);
        foreach (int tokens in operation.Rows == RowSource.Tokens ? [1, 2, 3, 8, 9, 13, operation.Columns < 40 ? 245 : 60] : new[] { 1, 7, 30 })
        {
            using var problem = new ContractionProblem(operation, format, tokens);
            foreach (Type lanes in KernelTest.Lanes)
            {
                float[] alone = problem.Run(s_kernels, lanes, 1);
                foreach (int workers in new[] { 2, 3 })
                    Assert.True(problem.Run(s_kernels, lanes, workers).AsSpan().SequenceEqual(alone), $"{workers} workers give other numbers than one");
            }
        }
    }

    [Theory]
    [InlineData("Plain")]
    [InlineData("Wide")]
    [InlineData("Absorbed")]
    public void Passes_on_that_an_E4M3_code_is_not_a_number(string name)
    {
        foreach (int tokens in new[] { 1, 3, 20 })
        {
            foreach (byte code in new byte[] { 0x7f, 0xff })
            {
                using var problem = new ContractionProblem(Operation(name), WeightFormat.E4M3, tokens, code);
                foreach (Type lanes in KernelTest.Lanes) problem.Run(s_kernels, lanes, 2);
            }
        }
    }

    private static ContractionOperation Plain(string name, int columns, int depth) =>
        Make(name, RowSource.Tokens, 1, columns, [new(new(depth), depth)], [Rows(depth)], [[(0, 0)]], [], s_first, new(columns));

    private static ContractionWeight Rows(int depth) => new(0, 0, int.MaxValue, 0, depth, 1);

    private static ContractionOperation Make(
        string name, RowSource rows, int batch, int columns, ContractionInput[] inputs, ContractionWeight[] weights,
        (int Input, int Weight)[][] accumulators, ContractionExtra[] extras, Scalar epilogue, Layout output) => new(
        name, "y[t,o] = x[t,i] * w[o,i]", rows, batch, columns, inputs.ToEquatable(), weights.ToEquatable(),
        accumulators.Select(a => new Accumulator(a.Select(t => new Term(t.Input, t.Weight)).ToEquatable())).ToEquatable(),
        extras.ToEquatable(), epilogue, output);
}
