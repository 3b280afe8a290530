using System;
using System.Collections.Generic;
using System.Linq;
using Sinter.Compiler.Operations;
using Sinter.Runtime.Execution;
using Sinter.Runtime.Weights;
using Sinter.Tests.Kernels;
using Sinter.Tests.Reference;
using Xunit;

namespace Sinter.Compiler.Tests.Kernels;

/// <summary>Random arguments for a contraction, and what a loop in double precision makes of them.</summary>
internal sealed unsafe class ContractionProblem : IDisposable
{
    private const int Experts = 5;
    private const int Chosen = 3;

    private readonly ContractionOperation _operation;
    private readonly string _name;
    private readonly GuardedMemory _memory = new();
    private readonly TestStep _step;
    private readonly List<nint> _arguments = [];
    private readonly int _outputs;
    private readonly float* _y;
    private readonly List<(int Place, double Value, double Tolerance)> _wanted = [];

    private readonly int _slotRows;
    private int[] _list = [];
    private int[] _pairs = [];

    /// <param name="roundsInputs">Whether what is expected comes of inputs rounded to BF16, as on tensor cores.</param>
    /// <param name="poison">A code that the first weight gets in its fourth column.</param>
    public ContractionProblem(ContractionOperation operation, WeightFormat format, int tokens, byte? poison = null, bool roundsInputs = false)
    {
        _operation = operation;
        _name = $"{operation.Name} {format}, {tokens} tokens";
        _slotRows = tokens + 9;
        var random = new Random(7);
        _step = operation.Rows == RowSource.Keys
            ? new(_memory, (1, tokens, 2), (tokens, tokens + 5, 0), (2, 3, 1))
            : new(_memory, (tokens, tokens, 0));
        List<(int Expert, int From, int End)> segments = Rows(random);
        int rows = segments[^1].End, most = Math.Max(rows, _step.Step.Tokens);
        var inputs = new List<float[]>();
        foreach (ContractionInput input in operation.Inputs)
        {
            bool isCache = operation.Rows == RowSource.Keys;
            float[] numbers = KernelTest.Random(random, (isCache ? 3 * _slotRows : most) * input.Layout.RowStride);
            inputs.Add(roundsInputs ? [.. numbers.Select(number => KernelTest.BF16(number))] : numbers);
            float* data = _memory.Floats(numbers);
            _arguments.Add(isCache ? (nint)_memory.One(new CacheView { Data = data, SlotStride = (long)_slotRows * input.Layout.RowStride }) : (nint)data);
        }

        List<TestWeight[]> weights = [.. operation.Weights.Select(w => Weight(w, format, random))];
        if (poison is { } code)
        {
            int element = Element(operation.Weights[0], 0, 3, 5);
            weights[0][0].Stored.Data[element] = code;
            weights[0][0].Values[element] = double.NaN;
        }

        var extras = new List<float[]>();
        foreach (ContractionExtra extra in operation.Extras)
        {
            float[] numbers = KernelTest.Random(random, most * extra.Layout.RowStride + extra.Layout.Offset);
            extras.Add(numbers);
            _arguments.Add((nint)_memory.Floats(numbers));
        }

        _outputs = rows * operation.Output.RowStride;
        _y = _memory.Floats(_outputs);
        _arguments.Add((nint)_y);
        foreach ((int expert, int from, int end) in segments)
            for (int row = from; row < end; row++) Expect(row, inputs, [.. weights.Select(w => w[expert])], extras);
    }

    /// <summary>Runs the kernel, compares, and gives the outputs, zero where it wrote none.</summary>
    public float[] Run(IKernels kernels, Type lanes, int workers)
    {
        var outputs = new Span<float>(_y, _outputs);
        outputs.Fill(float.NegativeInfinity);
        kernels.Run(_operation.Name, lanes, _step.Step, workers, [.. _arguments]);
        float[] found = outputs.ToArray();
        foreach ((int place, double value, double tolerance) in _wanted)
        {
            if (double.IsNaN(value)) Assert.True(float.IsNaN(found[place]), $"{_name}: place {place} should be NaN");
            else KernelTest.Close(value, found[place], tolerance, $"{_name}, {lanes.Name}, {workers} workers: place {place}");
            found[place] = 0;
        }

        Assert.True(found.All(v => v is 0 or float.NegativeInfinity), $"{_name} wrote outside its outputs");
        return outputs.ToArray().Select(v => float.IsNaN(v) ? 0 : v).ToArray();
    }

    public void Dispose() => _memory.Dispose();

    private List<(int Expert, int From, int End)> Rows(Random random)
    {
        int tokens = _step.Step.Tokens;
        switch (_operation.Rows)
        {
            case RowSource.Keys:
                return [(0, 0, _step.Step.Keys)];
            case RowSource.Listed:
                _list = [.. Enumerable.Range(0, tokens).Where(t => t % 3 != 1)];
                _arguments.AddRange([(nint)_memory.Integers(_list), _list.Length]);
                return [(0, 0, _list.Length)];
            case RowSource.Experts:
                // No pair for expert 1, and most of them for expert 3.
                int[] expertOf = [.. Enumerable.Range(0, tokens * Chosen).Select(_ => random.Next(4) == 0 ? new[] { 0, 2, 4 }[random.Next(3)] : 3)];
                _pairs = [.. Enumerable.Range(0, expertOf.Length).OrderBy(p => expertOf[p])];
                int[] offsets = [.. Enumerable.Range(0, Experts + 1).Select(e => expertOf.Count(x => x < e))];
                _arguments.Add((nint)_memory.One(new ExpertGroups
                {
                    Offsets = _memory.Integers(offsets),
                    Pairs = _memory.Integers(_pairs),
                    Experts = Experts,
                    Chosen = Chosen,
                }));
                return [.. Enumerable.Range(0, Experts).Select(e => (e, offsets[e], offsets[e + 1]))];
            default:
                return [(0, 0, tokens)];
        }
    }

    private TestWeight[] Weight(ContractionWeight weight, WeightFormat format, Random random)
    {
        int columns = weight.DepthStride == 1 ? weight.ColumnStride : weight.DepthStride;
        int depth = _operation.Accumulators.SelectMany(a => a.Terms).Where(t => _operation.Weights[t.Weight] == weight).Max(t => _operation.Inputs[t.Input].Depth);
        int last = Enumerable.Range(0, _operation.Columns).Max(c => Element(weight, _operation.Batch - 1, c, depth - 1));
        int count = _operation.Rows == RowSource.Experts ? Experts : 1;
        TestWeight[] each = [.. Enumerable.Range(0, count).Select(_ => TestWeight.Random(_memory, random, format, last / columns + 1, columns))];
        _arguments.Add((nint)_memory.Many<StoredWeight>([.. each.Select(w => w.Stored)]));
        return each;
    }

    private void Expect(int row, List<float[]> inputs, TestWeight[] weights, List<float[]> extras)
    {
        for (int b = 0; b < _operation.Batch; b++)
        {
            for (int c = 0; c < _operation.Columns; c++)
            {
                var values = new List<double>();
                double size = 0;
                foreach (Accumulator accumulator in _operation.Accumulators)
                {
                    double sum = 0;
                    foreach (Term term in accumulator.Terms)
                    {
                        ContractionInput input = _operation.Inputs[term.Input];
                        ContractionWeight view = _operation.Weights[term.Weight];
                        int at = InputRow(input, row) * input.Layout.RowStride + b * input.Layout.RepeatStride + input.Layout.Offset;
                        for (int k = 0; k < input.Depth; k++)
                        {
                            double product = inputs[term.Input][at + k] * weights[term.Weight].Values[Element(view, b, c, k)];
                            sum += product;
                            size += Math.Abs(product);
                        }
                    }

                    values.Add(sum);
                }

                for (int i = 0; i < extras.Count; i++)
                {
                    ContractionExtra extra = _operation.Extras[i];
                    int index = !extra.Indexed ? row : _operation.Rows == RowSource.Listed ? _list[row] : _pairs[row];
                    values.Add(extras[i][index * extra.Layout.RowStride + b * extra.Layout.RepeatStride + extra.Layout.Offset + (extra.PerRow ? 0 : c)]);
                }

                int place = row * _operation.Output.RowStride + b * _operation.Output.RepeatStride + _operation.Output.Offset + c;
                // Sums of up to some thousand products in lanes: their rounding errors grow far slower than this.
                _wanted.Add((place, ScalarReference.Evaluate(_operation.Epilogue, values), 3e-6 * (size + 0.1)));
            }
        }
    }

    private static int Element(ContractionWeight w, int batch, int column, int depth) =>
        w.Offset + batch * w.BatchStride + column / w.Block * w.BlockStride + column % w.Block * w.ColumnStride + depth * w.DepthStride;

    private int InputRow(ContractionInput input, int row)
    {
        switch (_operation.Rows)
        {
            case RowSource.Keys:
                SequenceRange range = _step.Ranges.Last(r => r.FirstKey <= row);
                return range.Slot * _slotRows + row - range.FirstKey;
            case RowSource.Listed when input.Indexed:
                return _list[row];
            case RowSource.Experts when input.Indexed:
                return _pairs[row] / Chosen;
            default:
                return row;
        }
    }
}
