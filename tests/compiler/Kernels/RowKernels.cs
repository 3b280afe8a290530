using System;
using System.Collections.Generic;
using System.Linq;
using Sinter.Compiler.Emit;
using Sinter.Compiler.Graph;
using Sinter.Compiler.Operations;
using Sinter.Runtime.Execution;
using Sinter.Runtime.Weights;
using Sinter.Tests.Kernels;
using Xunit;

namespace Sinter.Compiler.Tests.Kernels;

public sealed unsafe class RowKernels
{
    private static readonly RowOperation[] s_operations = [.. Operations()];

    private static readonly CompiledKernels s_kernels = new([.. s_operations.Select(o => KernelPrinter.Print(o, o.Name))]);

    public static TheoryData<string> Names() => [.. s_operations.Select(o => o.Name)];

    [Theory]
    [MemberData(nameof(Names))]
    public void Equals_the_row_in_double_precision(string name)
    {
        RowOperation operation = s_operations.Single(o => o.Name == name);
        bool hasWeight = operation.Inputs.Any(i => i.Kind is RowInputKind.Vector or RowInputKind.TableRow);
        foreach (WeightFormat format in hasWeight ? Enum.GetValues<WeightFormat>() : [WeightFormat.F32])
        {
            foreach ((int, int, int)[] sequences in new (int, int, int)[][] { [(1, 9, 1)], [(5, 5, 0), (1, 12, 2), (4, 6, 1)] })
            {
                using var problem = new RowProblem(operation, format, sequences);
                foreach (Type lanes in KernelTest.Lanes)
                    foreach (int workers in new[] { 1, 2, 3 }) problem.Run(s_kernels, lanes, workers);
            }
        }
    }

    private static IEnumerable<RowOperation> Operations()
    {
        Scalar square = Times(A(0), A(0));
        foreach (int width in new[] { 1, 7, 16, 20, 48, 112, 200 })
        {
            Scalar rsqrt = new Unary(UnaryOperator.Rsqrt, Plus(A(2), new Constant(1e-6)));
            yield return Make($"Norm{width}", 1, width, [Elements(width), new(RowInputKind.Vector, new(0, 0, 0))], [new(Reduction.Mean, square)], [Buffer(width, Times(Times(A(0), rsqrt), A(1)))]);
            Scalar exp = new Unary(UnaryOperator.Exp, Minus(A(0), A(1)));
            yield return Make($"Softmax{width}", 2, width, [Elements(2 * width, width)], [new(Reduction.Max, A(0)), new(Reduction.Sum, exp)], [new(RowTarget.Buffer, new(2 * width, width), Divide(exp, A(2)))]);
        }

        foreach (UnaryOperator function in Enum.GetValues<UnaryOperator>())
        {
            Scalar argument = function is UnaryOperator.Log or UnaryOperator.Sqrt or UnaryOperator.Rsqrt ? Plus(Times(A(0), A(0)), new Constant(0.01)) : A(0);
            yield return Make($"{function}", 1, 40, [Elements(40)], [], [Buffer(40, new Unary(function, argument))]);
            yield return Make($"{function}One", 1, 1, [Elements(1)], [], [Buffer(1, new Unary(function, argument))]);
        }

        foreach (BinaryOperator function in Enum.GetValues<BinaryOperator>())
        {
            Scalar divisor = function == BinaryOperator.Divide ? Plus(Times(A(1), A(1)), new Constant(0.5)) : A(1);
            yield return Make($"{function}", 1, 25, [Elements(25), Elements(30, 0, 5)], [], [Buffer(25, new Binary(function, A(0), divisor))]);
        }

        yield return Make("Rotate", 3, 8, [new(RowInputKind.Rotated, new(3 * 20, 20, 12))], [], [new(RowTarget.Buffer, new(24, 8), A(0))]);
        yield return Make("RotateToCache", 1, 40, [new(RowInputKind.Rotated, new(70, 0, 30))], [], [new(RowTarget.Cache, new(48, 0, 8), A(0))]);
        yield return Make("Embed", 1, 150, [new(RowInputKind.TableRow, new(0))], [], [Buffer(150, A(0))]);
        yield return Make("EmbedPart", 1, 20, [new(RowInputKind.TableRow, new(0, 0, 118))], [], [Buffer(20, A(0))]);
        yield return Make("Weights", 1, 6, [new(RowInputKind.Taken, new(20))], [new(Reduction.Sum, A(0))], [Buffer(6, Times(Divide(A(0), A(1)), new Constant(2.5)))]);
        yield return Make("Combine", 1, 70, [new(RowInputKind.GatheredSum, new(70), 3), Elements(70), new(RowInputKind.PerRow, new(2, 0, 1))], [], [Buffer(70, Plus(Times(A(0), A(2)), A(1)))]);
        yield return Make("Several", 2, 24, [Elements(48, 24), Elements(24), new(RowInputKind.PerRow, new(2, 1))], [new(Reduction.Sum, A(0)), new(Reduction.Max, A(1)), new(Reduction.Mean, Times(A(0), A(3)))],
            [new(RowTarget.Buffer, new(48, 24), Plus(A(0), Times(A(4), A(2)))), new(RowTarget.Cache, new(60, 30, 3), Times(A(1), A(5))), new(RowTarget.PerRow, new(4, 2, 1), Plus(A(3), A(5)))]);
        yield return Make("Vectors", 3, 20, [Elements(60, 20), new(RowInputKind.Vector, new(0, 20, 7))], [], [new(RowTarget.Buffer, new(60, 20), Times(A(0), A(1)))]);
    }

    private static RowOperation Make(string name, int repeats, int width, RowInput[] inputs, RowReduction[] reductions, RowOutput[] outputs) =>
        new(name, "y[t,d] = f(x[t,d])", repeats, width, inputs.ToEquatable(), reductions.ToEquatable(), outputs.ToEquatable());

    private static RowInput Elements(int rowStride, int repeatStride = 0, int offset = 0) => new(RowInputKind.Elements, new(rowStride, repeatStride, offset));

    private static RowOutput Buffer(int rowStride, Scalar value) => new(RowTarget.Buffer, new(rowStride), value);

    private static Scalar A(int index) => new Argument(index);

    private static Scalar Plus(Scalar a, Scalar b) => new Binary(BinaryOperator.Add, a, b);

    private static Scalar Minus(Scalar a, Scalar b) => new Binary(BinaryOperator.Subtract, a, b);

    private static Scalar Times(Scalar a, Scalar b) => new Binary(BinaryOperator.Multiply, a, b);

    private static Scalar Divide(Scalar a, Scalar b) => new Binary(BinaryOperator.Divide, a, b);

    /// <summary>Random arguments, and what a loop in double precision makes of them.</summary>
    private sealed class RowProblem : IDisposable
    {
        private const int SlotRows = 16;
        private readonly RowOperation _operation;
        private readonly string _name;
        private readonly GuardedMemory _memory = new();
        private readonly TestStep _step;
        private readonly List<nint> _arguments = [];
        private readonly List<(nint Data, int Count, double[] Wanted)> _outputs = [];
        private readonly List<Func<int, int, int, double>> _read = [];

        public RowProblem(RowOperation operation, WeightFormat format, (int, int, int)[] sequences)
        {
            _operation = operation;
            _name = $"{operation.Name} {format}, {sequences.Length} sequences";
            _step = new(_memory, sequences);
            var random = new Random(9);
            foreach (RowInput input in operation.Inputs) _read.Add(Prepare(input, format, random));
            foreach (RowOutput output in operation.Outputs)
            {
                bool isCache = output.Target == RowTarget.Cache;
                int count = (isCache ? 3 * SlotRows : _step.Step.Tokens) * output.Layout.RowStride;
                float* data = _memory.Floats(count);
                _outputs.Add(((nint)data, count, [.. Enumerable.Repeat(double.NaN, count)]));
                _arguments.Add(isCache ? (nint)_memory.One(new CacheView { Data = data, SlotStride = SlotRows * output.Layout.RowStride }) : (nint)data);
            }

            for (int token = 0; token < _step.Step.Tokens; token++)
                for (int repeat = 0; repeat < operation.Repeats; repeat++) Expect(token, repeat);
        }

        public void Run(CompiledKernels kernels, Type lanes, int workers)
        {
            foreach ((nint data, int count, _) in _outputs) new Span<float>((float*)data, count).Fill(float.NaN);
            kernels.Run(_operation.Name, lanes, _step.Step, workers, [.. _arguments]);
            foreach ((nint data, int count, double[] wanted) in _outputs)
            {
                for (int i = 0; i < count; i++)
                {
                    float found = ((float*)data)[i];
                    if (double.IsNaN(wanted[i])) Assert.True(float.IsNaN(found), $"{_name} wrote {found} to place {i}");
                    else KernelTest.Close(wanted[i], found, 4e-6 * (0.05 + Math.Abs(wanted[i])), $"{_name}, {lanes.Name}, {workers} workers: place {i}");
                }
            }
        }

        public void Dispose() => _memory.Dispose();

        private Func<int, int, int, double> Prepare(RowInput input, WeightFormat format, Random random)
        {
            int tokens = _step.Step.Tokens, width = _operation.Width;
            Layout layout = input.Layout;
            float[] numbers = [];
            if (input.Kind is not (RowInputKind.Vector or RowInputKind.TableRow))
            {
                int rows = input.Kind == RowInputKind.GatheredSum ? tokens * input.Count : tokens;
                numbers = KernelTest.Random(random, rows * layout.RowStride + layout.Offset);
                _arguments.Add((nint)_memory.Floats(numbers));
            }

            switch (input.Kind)
            {
                case RowInputKind.Vector:
                    TestWeight vector = TestWeight.Random(_memory, random, format, 1, layout.Offset + layout.RepeatStride * (_operation.Repeats - 1) + width);
                    _arguments.Add((nint)_memory.One(vector.Stored));
                    return (_, repeat, column) => vector.Values[layout.Offset + repeat * layout.RepeatStride + column];
                case RowInputKind.TableRow:
                    TestWeight table = TestWeight.Random(_memory, random, format, 140, 150);
                    int[] ids = [.. Enumerable.Range(0, tokens).Select(_ => random.Next(140))];
                    _arguments.AddRange([(nint)_memory.One(table.Stored), (nint)_memory.Integers(ids)]);
                    return (token, _, column) => table.Values[ids[token] * 150 + layout.Offset + column];
                case RowInputKind.Taken:
                    int[] index = [.. Enumerable.Range(0, tokens * width).Select(_ => random.Next(layout.RowStride))];
                    _arguments.Add((nint)_memory.Integers(index));
                    for (int i = 0; i < numbers.Length; i++) ((float*)_arguments[^2])[i] = numbers[i] = Math.Abs(numbers[i]) + 0.1f;
                    return (token, repeat, column) => numbers[token * layout.RowStride + repeat * layout.RepeatStride + layout.Offset + index[token * width + column]];
                case RowInputKind.GatheredSum:
                    int[] rank = [.. Enumerable.Range(0, tokens * input.Count).OrderBy(_ => random.Next())];
                    _arguments.Add((nint)_memory.Integers(rank));
                    return (token, _, column) => Enumerable.Range(0, input.Count).Sum(i => (double)numbers[rank[token * input.Count + i] * layout.RowStride + layout.Offset + column]);
                case RowInputKind.Rotated:
                    float[] angles = KernelTest.Random(random, SlotRows * width);
                    _arguments.Add((nint)_memory.Floats(angles));
                    return (token, repeat, column) =>
                    {
                        int at = token * layout.RowStride + repeat * layout.RepeatStride + layout.Offset + column / 2 * 2, angle = _step.Positions[token] * width + column / 2 * 2;
                        double x0 = numbers[at], x1 = numbers[at + 1], c = angles[angle], s = angles[angle + 1];
                        return column % 2 == 0 ? x0 * c - x1 * s : x0 * s + x1 * c;
                    };
                case RowInputKind.PerRow:
                    return (token, repeat, _) => numbers[token * layout.RowStride + repeat * layout.RepeatStride + layout.Offset];
                default:
                    return (token, repeat, column) => numbers[token * layout.RowStride + repeat * layout.RepeatStride + layout.Offset + column];
            }
        }

        private void Expect(int token, int repeat)
        {
            List<double>[] columns = [.. Enumerable.Range(0, _operation.Width).Select(c => _read.Select(read => read(token, repeat, c)).ToList())];
            foreach (RowReduction reduction in _operation.Reductions)
            {
                double[] values = [.. columns.Select(c => ScalarReference.Evaluate(reduction.Value, c))];
                double result = reduction.Reduction switch { Reduction.Max => values.Max(), Reduction.Mean => values.Average(), _ => values.Sum() };
                foreach (List<double> column in columns) column.Add(result);
            }

            for (int i = 0; i < _outputs.Count; i++)
            {
                RowOutput output = _operation.Outputs[i];
                SequenceRange range = _step.Ranges[_step.RangeOf[token]];
                int row = output.Target == RowTarget.Cache ? range.Slot * SlotRows + _step.Positions[token] : token;
                int place = row * output.Layout.RowStride + repeat * output.Layout.RepeatStride + output.Layout.Offset;
                for (int c = 0; c < (output.Target == RowTarget.PerRow ? 1 : _operation.Width); c++)
                    _outputs[i].Wanted[place + c] = ScalarReference.Evaluate(output.Value, columns[c]);
            }
        }
    }
}
