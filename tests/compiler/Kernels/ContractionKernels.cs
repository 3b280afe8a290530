using System;
using System.Collections.Generic;
using System.Linq;
using Sinter.Compiler.Graph;
using Sinter.Compiler.Kernels;
using Sinter.Compiler.Operations;
using Sinter.Runtime.Execution;
using Sinter.Runtime.Weights;
using Sinter.Tests.Kernels;
using Xunit;

namespace Sinter.Compiler.Tests.Kernels;

public sealed unsafe class ContractionKernels
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
        Make("Gated", RowSource.Tokens, 1, 50, [new(new(68, 0, 1), 67)], [Rows(67), Rows(67)], [[(0, 0)], [(0, 1)]], [], s_gated, new(50)),
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

    private static readonly CompiledKernels s_kernels = new([.. s_operations.Select(o => KernelPrinter.Print(o, o.Name))]);

    public static TheoryData<string, WeightFormat> Cases()
    {
        var data = new TheoryData<string, WeightFormat>();
        foreach (ContractionOperation operation in s_operations)
            foreach (WeightFormat format in Enum.GetValues<WeightFormat>()) data.Add(operation.Name, format);
        return data;
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void Equals_the_sum_in_double_precision(string name, WeightFormat format)
    {
        ContractionOperation operation = s_operations.Single(o => o.Name == name);
        foreach (int tokens in operation.Rows == RowSource.Tokens ? [1, 2, 3, 8, 9, 13, 245] : new[] { 1, 7, 30 })
        {
            foreach (Type lanes in KernelTest.Lanes)
            {
                float[]? before = null;
                foreach (int workers in new[] { 1, 2, 3 })
                {
                    float[] found = new Problem(operation, format, tokens).Run(s_kernels, lanes, workers);
                    before ??= found;
                    Assert.True(found.AsSpan().SequenceEqual(before), $"{workers} workers give other numbers than one");
                }
            }
        }
    }

    [Fact]
    public void Passes_on_that_an_E4M3_code_is_not_a_number()
    {
        foreach (string name in new[] { "Plain", "Wide", "Absorbed" })
        {
            foreach (int tokens in new[] { 1, 3, 20 })
            {
                foreach (Type lanes in KernelTest.Lanes)
                {
                    foreach (byte code in new byte[] { 0x7f, 0xff })
                    {
                        ContractionOperation operation = s_operations.Single(o => o.Name == name);
                        var problem = new Problem(operation, WeightFormat.E4M3, tokens);
                        problem.Poison(code);
                        problem.Run(s_kernels, lanes, 2);
                    }
                }
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

    /// <summary>One call of a kernel, and what it must give.</summary>
    private sealed class Problem(ContractionOperation operation, WeightFormat format, int tokens)
    {
        private const int Experts = 5;
        private const int Chosen = 3;
        private byte? _poison;

        public void Poison(byte code) => _poison = code;

        public float[] Run(CompiledKernels kernels, Type lanes, int workers)
        {
            using var memory = new GuardedMemory();
            var random = new Random(7);
            TestStep step = operation.Rows == RowSource.Keys
                ? new(memory, (1, tokens, 2), (tokens, tokens + 5, 0), (2, 3, 1))
                : new(memory, (tokens, tokens, 0));
            int rows = step.Step.Tokens, inputRows = rows;
            List<nint> arguments = [];
            int[] list = [.. Enumerable.Range(0, rows).Where(t => t % 3 != 1)];
            var segments = new List<(int Expert, int From, int End)> { (0, 0, rows) };
            int[] pairs = [];
            if (operation.Rows == RowSource.Listed)
            {
                arguments.Add((nint)memory.Integers(list));
                arguments.Add(list.Length);
                rows = list.Length;
                segments = [(0, 0, rows)];
            }

            if (operation.Rows == RowSource.Experts)
            {
                rows *= Chosen;
                (segments, pairs) = Group(random, rows);
                int[] offsets = new int[Experts + 1];
                for (int e = 0; e < Experts; e++) offsets[e + 1] = segments[e].End;
                arguments.Add((nint)memory.One(new ExpertGroups
                {
                    Offsets = memory.Integers(offsets), Pairs = memory.Integers(pairs), Experts = Experts, Chosen = Chosen,
                }));
            }

            if (operation.Rows == RowSource.Keys) rows = step.Step.Keys;
            var inputs = new List<float[]>();
            int slotRows = tokens + 9;
            foreach (ContractionInput input in operation.Inputs)
            {
                int count = operation.Rows == RowSource.Keys ? 3 * slotRows : operation.Rows == RowSource.Experts && !input.Indexed ? rows : inputRows;
                float[] numbers = KernelTest.Random(random, count * input.Layout.RowStride);
                inputs.Add(numbers);
                float* data = memory.Floats(numbers);
                arguments.Add(operation.Rows == RowSource.Keys
                    ? (nint)memory.One(new CacheView { Data = data, SlotStride = (long)slotRows * input.Layout.RowStride })
                    : (nint)data);
            }

            int experts = operation.Rows == RowSource.Experts ? Experts : 1;
            var weights = new List<TestWeight[]>();
            foreach (ContractionWeight weight in operation.Weights)
            {
                int columns = weight.DepthStride == 1 ? weight.ColumnStride : weight.DepthStride;
                int last = Enumerable.Range(0, operation.Columns).Max(c => Element(weight, operation.Batch - 1, c, MostDepth() - 1));
                TestWeight[] each = [.. Enumerable.Range(0, experts).Select(_ =>
                    TestWeight.Random(memory, random, format, last / columns + 1, columns))];
                if (_poison is { } code)
                {
                    int element = Element(weight, 0, 3, 5);
                    each[0].Stored.Data[element] = code;
                    each[0].Values[element] = double.NaN;
                }

                weights.Add(each);
                arguments.Add((nint)memory.Many<StoredWeight>([.. each.Select(w => w.Stored)]));
            }

            var extras = new List<float[]>();
            foreach (ContractionExtra extra in operation.Extras)
            {
                float[] numbers = KernelTest.Random(random, Math.Max(rows, inputRows) * extra.Layout.RowStride + extra.Layout.Offset);
                extras.Add(numbers);
                arguments.Add((nint)memory.Floats(numbers));
            }

            int outputs = rows * operation.Output.RowStride;
            float* y = memory.Floats(outputs);
            arguments.Add((nint)y);
            kernels.Run(operation.Name, lanes, step.Step, workers, [.. arguments]);

            var written = new bool[outputs];
            foreach ((int expert, int from, int end) in segments)
            {
                for (int row = from; row < (operation.Rows == RowSource.Keys ? rows : end); row++)
                {
                    for (int b = 0; b < operation.Batch; b++)
                    {
                        for (int c = 0; c < operation.Columns; c++)
                        {
                            var values = new List<double>();
                            double size = 0;
                            foreach (Accumulator accumulator in operation.Accumulators)
                            {
                                double sum = 0;
                                foreach (Term term in accumulator.Terms)
                                {
                                    ContractionInput input = operation.Inputs[term.Input];
                                    int at = InputRow(input, row, list, pairs, step, slotRows) + b * input.Layout.RepeatStride + input.Layout.Offset;
                                    for (int k = 0; k < input.Depth; k++)
                                    {
                                        double product = inputs[term.Input][at + k] * weights[term.Weight][expert].Values[Element(operation.Weights[term.Weight], b, c, k)];
                                        sum += product;
                                        size += Math.Abs(product);
                                    }
                                }

                                values.Add(sum);
                            }

                            for (int i = 0; i < operation.Extras.Count; i++)
                            {
                                ContractionExtra extra = operation.Extras[i];
                                int index = !extra.Indexed ? row : operation.Rows == RowSource.Listed ? list[row] : pairs[row];
                                values.Add(extras[i][index * extra.Layout.RowStride + b * extra.Layout.RepeatStride + extra.Layout.Offset + (extra.PerRow ? 0 : c)]);
                            }

                            int place = row * operation.Output.RowStride + b * operation.Output.RepeatStride + operation.Output.Offset + c;
                            double wanted = ScalarReference.Evaluate(operation.Epilogue, values);
                            written[place] = true;
                            if (double.IsNaN(wanted)) Assert.True(float.IsNaN(y[place]), $"{operation.Name}: row {row}, column {c} should be NaN");
                            else KernelTest.Close(wanted, y[place], 3e-6 * (size + 1), $"{operation.Name} {format} {lanes.Name}, {tokens} tokens, {workers} workers: row {row}, batch {b}, column {c}");
                        }
                    }
                }
            }

            for (int i = 0; i < outputs; i++) Assert.True(written[i] || float.IsNaN(y[i]), $"{operation.Name} wrote {y[i]} to place {i}");
            return [.. new Span<float>(y, outputs).ToArray().Select(v => float.IsNaN(v) ? 0 : v)];
        }

        private int MostDepth() => operation.Inputs.Max(i => i.Depth);

        private static int Element(ContractionWeight w, int batch, int column, int depth) =>
            w.Offset + batch * w.BatchStride + column / w.Block * w.BlockStride + column % w.Block * w.ColumnStride + depth * w.DepthStride;

        private int InputRow(ContractionInput input, int row, int[] list, int[] pairs, TestStep step, int slotRows)
        {
            switch (operation.Rows)
            {
                case RowSource.Keys:
                    SequenceRange range = step.Ranges.Last(r => r.FirstKey <= row);
                    return (range.Slot * slotRows + row - range.FirstKey) * input.Layout.RowStride;
                case RowSource.Listed when input.Indexed:
                    return list[row] * input.Layout.RowStride;
                case RowSource.Experts when input.Indexed:
                    return pairs[row] / Chosen * input.Layout.RowStride;
                default:
                    return row * input.Layout.RowStride;
            }
        }

        /// <summary>No pair for expert 1, and expert 3 has most of them.</summary>
        private static (List<(int, int, int)>, int[]) Group(Random random, int pairs)
        {
            int[] expertOf = [.. Enumerable.Range(0, pairs).Select(_ => random.Next(4) == 0 ? random.Next(2) * 2 + random.Next(2) * 2 % 5 : 3)];
            int[] ordered = [.. Enumerable.Range(0, pairs).OrderBy(p => expertOf[p] == 1 ? 2 : expertOf[p])];
            var segments = new List<(int, int, int)>();
            int from = 0;
            for (int e = 0; e < Experts; e++)
            {
                int end = from + expertOf.Count(x => (x == 1 ? 2 : x) == e);
                segments.Add((e, from, end));
                from = end;
            }

            return (segments, ordered);
        }
    }
}
