using System;
using System.Collections.Generic;
using System.Linq;
using Sinter.Compiler.Emit;
using Sinter.Compiler.Operations;
using Sinter.Runtime.Weights;

namespace Sinter.Command.Measuring;

/// <summary>What a step's kernels must read and write, and how much they calculate, told from their operations.</summary>
/// <param name="bytesPerNumber">Of a stored tensor, scales left out.</param>
/// <param name="sequences">Sequences of the step.</param>
/// <param name="ofSequence">Tokens of each.</param>
/// <param name="ofEach">Positions that each has after it.</param>
/// <param name="activationBytes">Bytes of a number that is not stored.</param>
internal sealed class KernelWork(
    CompiledProgram program, Func<WeightArgument, LoweredRegion, double> bytesPerNumber, int sequences, int ofSequence, int ofEach, int activationBytes = sizeof(float))
{
    private readonly double _pairs = (double)sequences * ofSequence * (ofEach - (ofSequence - 1) / 2.0);
    private readonly double _tokens = (double)sequences * ofSequence;
    private readonly double _positions = (double)sequences * ofEach;

    /// <summary>Of a step of one sequence with weights as they are kept.</summary>
    public static KernelWork OfSequence(CompiledProgram program, WeightTable weights, int tokens, int positions) => new(
        program,
        (argument, region) => WeightTraffic.BytesPerNumber(WeightTraffic.Format(weights, program.Slots.Find(argument.Tensor, region).Slot)),
        1,
        tokens,
        positions);

    /// <summary>Bytes and FLOPs (a multiplication and an addition are two) of each kernel in a pass of the main model, by its number.</summary>
    public (double Bytes, double Flops)[] Count(OrderedRegions order)
    {
        var numbers = program.Kernels.Kernels.Select((kernel, i) => (kernel, i)).ToDictionary(pair => pair.kernel.Method, pair => pair.i);
        var work = new (double Bytes, double Flops)[numbers.Count];
        foreach (LoweredRegion region in order.Main)
        {
            foreach (Call call in region.Calls)
            {
                (double bytes, double flops) = Of(call, region);
                int layers = Math.Max(1, region.EndLayer - Math.Max(0, region.FirstLayer));
                ref (double Bytes, double Flops) sum = ref work[numbers[program.Kernels[call.Operation].Method]];
                sum = (sum.Bytes + layers * bytes, sum.Flops + layers * flops);
            }
        }

        return work;
    }

    /// <summary>Bytes and FLOPs of one call.</summary>
    public (double Bytes, double Flops) Of(Call call, LoweredRegion region) => call.Operation switch
    {
        ContractionOperation contraction => Contraction(contraction, call, region),
        AttentionOperation attention => Attention(attention),
        RowOperation row => Rows(row, call, region),
        _ => (Activations(call, region), 0),
    };

    /// <summary>Rows of a product, and how many matrices they are expected to go through: the experts that any token chooses, or one.</summary>
    public (double Rows, double Matrices) Rows(ContractionOperation contraction, Call call, LoweredRegion region)
    {
        GroupSpecification? groups = call.Arguments.OfType<GroupsArgument>().Select(argument => region.Groups[argument.Groups]).FirstOrDefault();
        double rows = contraction.Rows switch
        {
            RowSource.Listed => sequences,
            RowSource.Keys => _positions,
            RowSource.Experts => _tokens * groups!.Chosen,
            _ => _tokens,
        };
        return (rows, groups is null ? 1 : Distinct(groups.Experts, groups.Chosen));
    }

    private (double Bytes, double Flops) Contraction(ContractionOperation contraction, Call call, LoweredRegion region)
    {
        (double rows, double matrices) = Rows(contraction, call, region);
        Term[] terms = [.. contraction.Accumulators.SelectMany(accumulator => accumulator.Terms)];
        WeightArgument[] arguments = [.. call.Arguments.OfType<WeightArgument>()];
        double bytes = 0, depth = 0;
        foreach (Term term in terms)
        {
            double numbers = (double)contraction.Inputs[term.Input].Depth * contraction.Columns * contraction.Batch;
            depth += contraction.Inputs[term.Input].Depth;
            bytes += matrices * numbers * bytesPerNumber(arguments[Math.Min(term.Weight, arguments.Length - 1)], region);
        }

        double inputs = contraction.Inputs.Sum(input => input.Depth);
        bytes += rows * contraction.Batch * (inputs + contraction.Columns * (1.0 + contraction.Extras.Count(extra => !extra.PerRow))) * activationBytes;
        return (bytes, 2 * rows * contraction.Batch * contraction.Columns * depth);
    }

    private (double Bytes, double Flops) Attention(AttentionOperation attention)
    {
        double depth = attention.Terms.Sum(term => term.Key.Depth), width = attention.Value.Depth;
        bool isShared = attention.Value.Layout.RepeatStride == 0;
        double keys = _positions * (isShared ? 1 : attention.Heads) * (isShared ? Math.Max(depth, width) : depth + width);
        double queries = _tokens * attention.Heads * (depth + width);
        return ((keys + queries) * activationBytes, 2 * _pairs * attention.Heads * (depth + width));
    }

    private (double Bytes, double Flops) Rows(RowOperation row, Call call, LoweredRegion region)
    {
        double numbers = _tokens * row.Repeats * row.Width;
        double tables = row.Inputs.Count(input => input.Kind == RowInputKind.TableRow);
        double stored = tables > 0 ? tables * numbers * bytesPerNumber(call.Arguments.OfType<WeightArgument>().First(), region) : 0;
        double values = (row.Inputs.Count(input => input.Kind is RowInputKind.Elements or RowInputKind.Taken) + row.Outputs.Count) * numbers * activationBytes;
        return (stored + values, numbers * (row.Reductions.Count * 2 + row.Outputs.Count * 2));
    }

    private double Activations(Call call, LoweredRegion region) =>
        call.Reads.Concat(call.Writes).Sum(buffer => (double)region.Buffers[buffer].Width * _tokens * activationBytes);

    /// <summary>Experts that any of the tokens is expected to choose.</summary>
    private double Distinct(int experts, int chosen) => experts * (1 - Math.Pow(1 - (double)chosen / experts, _tokens));
}
