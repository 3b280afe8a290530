using System;
using System.Collections.Generic;
using System.Linq;
using Sinter.Compiler.Emit;
using Sinter.Compiler.Graph;
using Sinter.Compiler.Operations;
using Sinter.Runtime.Execution;
using Sinter.Tests.Kernels;
using Sinter.Tests.Reference;
using Xunit;

namespace Sinter.Compiler.Tests.Kernels;

public sealed unsafe class AttentionKernels
{
    private static readonly Scalar s_scaled = new Binary(BinaryOperator.Multiply, new Argument(0), new Constant(0.3));

    private static readonly AttentionOperation[] s_operations =
    [
        Make("Absorbed", 5, [(new(5 * 24, 24), new(true, 24, new(24))), (new(5 * 10, 10), new(true, 8, new(12, 0, 2)))], true, new(true, 24, new(24)), new(5 * 24, 24)),
        Make("AbsorbedSome", 12, [(new(12 * 24, 24), new(true, 24, new(24))), (new(12 * 10, 10), new(true, 8, new(12, 0, 2)))], true, new(true, 24, new(24)), new(12 * 24, 24)),
        Make("AbsorbedWide", 40, [(new(40 * 20, 20), new(true, 20, new(20)))], true, new(true, 20, new(20)), new(40 * 20, 20)),
        Make("Expanded", 3, [(new(3 * 16, 16), new(false, 16, new(3 * 36, 36))), (new(3 * 8, 8), new(true, 8, new(8)))], true, new(false, 20, new(3 * 36, 36, 16)), new(3 * 20, 20)),
        Make("Unmasked", 2, [(new(2 * 33, 33), new(false, 33, new(66, 33)))], false, new(false, 49, new(98, 49)), new(100, 50, 1)),
    ];

    /// <summary>
    /// Those that devices with tensor cores give to them: each way in which heads, parts of keys and values lie. Of some the last piece of
    /// 64 in depth or of 32 in values is not whole.
    /// </summary>
    private static readonly AttentionOperation[] s_onTensorCores =
    [
        Make("Latents", 12, [(new(12 * 40, 40), new(true, 40, new(40))), (new(12 * 16, 16), new(true, 8, new(12, 0, 4)))], true, new(true, 40, new(40)), new(12 * 40, 40), valuesAreKeys: true),
        Make("WideLatents", 3, [(new(3 * 512, 512), new(true, 512, new(512))), (new(3 * 16, 16), new(true, 16, new(16)))], true, new(true, 512, new(512)), new(3 * 512, 512), valuesAreKeys: true),
        Make("Wide", 2, [(new(2 * 72, 72), new(true, 72, new(72)))], true, new(true, 256, new(260, 0, 4)), new(2 * 256, 256)),
        Make("Heads", 3, [(new(3 * 64, 64), new(false, 64, new(3 * 104, 104))), (new(3 * 16, 16), new(true, 16, new(16)))], true, new(false, 40, new(3 * 104, 104, 64)), new(3 * 44, 44, 4)),
        Make("BroadHeads", 2, [(new(2 * 128, 128), new(false, 128, new(2 * 128, 128))), (new(2 * 64, 64), new(true, 64, new(64)))], true, new(false, 128, new(2 * 128, 128)), new(2 * 128, 128)),
        Make("UnmaskedHeads", 2, [(new(2 * 32, 32), new(false, 32, new(64, 32)))], false, new(false, 96, new(192, 96)), new(194, 96, 1)),
    ];

    private static readonly CompiledKernels s_kernels = new([.. s_operations.Select(o => KernelPrinter.Print(o, o.Name))]);

    public static TheoryData<string> Names() => [.. s_operations.Select(o => o.Name)];

    internal static IReadOnlyList<AttentionOperation> Operations => s_operations;

    /// <inheritdoc cref="s_onTensorCores"/>
    internal static IReadOnlyList<AttentionOperation> OnTensorCores => s_onTensorCores;

    internal static AttentionOperation Operation(string name) => s_operations.Concat(s_onTensorCores).Single(o => o.Name == name);

    [Theory]
    [MemberData(nameof(Names))]
    public void Equals_the_softmax_in_double_precision(string name)
    {
        (int, int, int)[][] steps = [[(1, 1, 0)], [(1, 70, 1)], [(1, 64, 0), (1, 3, 2)], [(9, 9, 0)], [(70, 130, 1), (1, 65, 0), (3, 3, 2)], [(1, 700, 2)], [(2, 129, 1), (8, 641, 0), (5, 65, 2)]];
        foreach ((int, int, int)[] sequences in steps)
        {
            foreach (float spread in new[] { 1f, 40f }) Compare(s_kernels, Operation(name), sequences, spread, KernelTest.Lanes);
        }
    }

    /// <summary>Runs with one to three workers, and compares with a loop in double precision and among themselves.</summary>
    /// <param name="rounds">Whether queries, keys and values become BF16, and so do weights, as on tensor cores.</param>
    internal static void Compare(IKernels kernels, AttentionOperation operation, (int, int, int)[] sequences, float spread, IEnumerable<Type> lanesTypes, int mostWorkers = 3, bool rounds = false)
    {
        string name = operation.Name;
        using var memory = new GuardedMemory();
        var step = new TestStep(memory, sequences);
        (nint[] arguments, int outputs, double[] wanted, double[] magnitudes) = Prepare(operation, memory, step, spread, rounds);
        float* y = (float*)arguments[^1];
        foreach (Type lanes in lanesTypes)
        {
            float[]? alone = null;
            for (int workers = 1; workers <= mostWorkers; workers++)
            {
                new Span<float>(y, outputs).Fill(float.NaN);
                kernels.Run(name, lanes, step.Step, workers, arguments);
                float[] found = new Span<float>(y, outputs).ToArray();
                for (int i = 0; i < outputs; i++)
                {
                    // Weights are exact to some units in the last place, and scores to their own rounding.
                    if (double.IsNaN(wanted[i])) Assert.True(float.IsNaN(found[i]), $"{name} wrote to place {i}");
                    else KernelTest.Close(wanted[i], found[i], 4e-6 * (1 + spread) + (rounds ? magnitudes[i] / 256 : 0), $"{name}, {sequences.Length} sequences, {lanes.Name}, {workers} workers: place {i}");
                }

                float[] comparable = [.. found.Select(v => float.IsNaN(v) ? 0 : v)];
                alone ??= comparable;
                Assert.True(comparable.AsSpan().SequenceEqual(alone), $"{workers} workers give other numbers than one");
            }
        }
    }

    private static AttentionOperation Make(string name, int heads, (Layout Query, KeyLayout Key)[] terms, bool causal, KeyLayout value, Layout output, bool valuesAreKeys = false) =>
        new(name, "o[t,h,u] = softmax[s](q[t,h,n] * k[s,h,n]) * v[s,h,u]", heads, terms.Select(t => new ScoreTerm(t.Query, t.Key)).ToEquatable(), s_scaled, causal, value, output, valuesAreKeys);

    /// <returns>Magnitudes are weights times values without their signs.</returns>
    private static (nint[] Arguments, int Outputs, double[] Wanted, double[] Magnitudes) Prepare(AttentionOperation operation, GuardedMemory memory, TestStep step, float spread, bool rounds)
    {
        const int slotRows = 720;
        var random = new Random(5);
        List<nint> arguments = [];
        float[] Rows(bool isCache, Layout layout, float scale)
        {
            int rows = isCache ? 3 * slotRows : step.Step.Keys;
            float[] numbers = [.. KernelTest.Random(random, rows * layout.RowStride).Select(v => v * scale)];
            float* data = memory.Floats(numbers);
            arguments.Add(isCache ? (nint)memory.One(new CacheView { Data = data, SlotStride = slotRows * layout.RowStride }) : (nint)data);
            return AsRead(numbers);
        }

        float[] AsRead(float[] numbers) => rounds ? [.. numbers.Select(KernelTest.BF16)] : numbers;
        List<float[]> queries = [], keys = [];
        foreach (ScoreTerm term in operation.Terms)
        {
            float[] query = [.. KernelTest.Random(random, step.Step.Tokens * term.Query.RowStride).Select(v => v * spread)];
            queries.Add(AsRead(query));
            arguments.Add((nint)memory.Floats(query));
            keys.Add(Rows(term.Key.IsCache, term.Key.Layout, 1));
        }

        float[] values = operation.ValuesAreKeys ? keys[0] : Rows(operation.Value.IsCache, operation.Value.Layout, 1);
        if (operation.ValuesAreKeys) arguments.Add(arguments[1]);
        int outputs = step.Step.Tokens * operation.Output.RowStride;
        arguments.Add((nint)memory.Floats(outputs));
        double[] wanted = [.. Enumerable.Repeat(double.NaN, outputs)], magnitudes = new double[outputs];
        int Place(KeyLayout layout, SequenceRange range, int key, int head) =>
            (layout.IsCache ? range.Slot * slotRows + key : range.FirstKey + key) * layout.Layout.RowStride + head * layout.Layout.RepeatStride + layout.Layout.Offset;
        for (int token = 0; token < step.Step.Tokens; token++)
        {
            SequenceRange range = step.Ranges[step.RangeOf[token]];
            for (int head = 0; head < operation.Heads; head++)
            {
                var scores = new List<double>();
                for (int key = 0; key < (operation.Causal ? step.Positions[token] + 1 : range.Length); key++)
                {
                    double score = 0;
                    for (int term = 0; term < operation.Terms.Count; term++)
                    {
                        (Layout query, KeyLayout layout) = operation.Terms[term];
                        int from = token * query.RowStride + head * query.RepeatStride + query.Offset, at = Place(layout, range, key, head);
                        for (int d = 0; d < layout.Depth; d++) score += (double)queries[term][from + d] * keys[term][at + d];
                    }

                    scores.Add(ScalarReference.Evaluate(operation.Map, [score]));
                }

                double most = scores.Max(), total = scores.Sum(s => Math.Exp(s - most));
                for (int u = 0; u < operation.Value.Depth; u++)
                {
                    double sum = 0, magnitude = 0;
                    for (int key = 0; key < scores.Count; key++)
                    {
                        double weight = Math.Exp(scores[key] - most) / total, value = values[Place(operation.Value, range, key, head) + u];
                        sum += weight * value;
                        magnitude += weight * Math.Abs(value);
                    }

                    int at = token * operation.Output.RowStride + head * operation.Output.RepeatStride + operation.Output.Offset + u;
                    (wanted[at], magnitudes[at]) = (sum, magnitude);
                }
            }
        }

        return ([.. arguments], outputs, wanted, magnitudes);
    }
}
