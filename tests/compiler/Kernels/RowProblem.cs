using System;
using System.Collections.Generic;
using System.Linq;
using Sinter.Compiler.Graph;
using Sinter.Compiler.Operations;
using Sinter.Runtime.Execution;
using Sinter.Runtime.Weights;
using Sinter.Tests.Kernels;
using Sinter.Tests.Reference;
using Xunit;

namespace Sinter.Compiler.Tests.Kernels;

/// <summary>Random arguments, and what a loop in double precision makes of them.</summary>
internal sealed unsafe class RowProblem : IDisposable
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

    public void Run(IKernels kernels, Type lanes, int workers)
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
