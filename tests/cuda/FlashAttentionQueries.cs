using System;
using System.Linq;
using System.Runtime.InteropServices;
using Sinter.Cuda.Kernels;
using Sinter.Devices.Cuda.Instructions;
using Sinter.Ptx;
using Sinter.Tests.Data;

namespace Sinter.Cuda.Tests;

/// <summary>Random queries of some sequences behind their caches, attention in double precision, and the kernel's in the interpreter.</summary>
internal sealed class FlashAttentionQueries
{
    private const double Scale = 0.0625;
    private readonly CudaKernel _kernel;
    private readonly IAttentionShape _shape;
    private readonly int _heads;
    private readonly (int Before, int Count)[] _sequences;
    private readonly byte[] _queries;
    private readonly byte[] _expanded;
    private readonly byte[] _rotated;

    /// <param name="kernel">One of the flash kernels.</param>
    /// <param name="heads">How many.</param>
    /// <param name="sequences">For each: positions in the cache before the step, and the step's queries.</param>
    public FlashAttentionQueries(CudaKernel kernel, int heads, (int Before, int Count)[] sequences)
    {
        (_kernel, _heads, _sequences) = (kernel, heads, sequences);
        _shape = (IAttentionShape)Activator.CreateInstance(kernel.Method.GetGenericArguments()[0])!;
        var random = new Random(23);
        var rows = sequences.Sum(sequence => sequence.Before + sequence.Count);
        _queries = Numbers(random, sequences.Sum(sequence => sequence.Count) * heads * (_shape.NoRope + _shape.Rope), 1.5f);
        _expanded = Numbers(random, rows * heads * (_shape.NoRope + _shape.Values), 1f);
        _rotated = Numbers(random, rows * _shape.Rope, 1f);
    }

    private bool IsE4M3 => _kernel.Name.EndsWith("e4m3", StringComparison.Ordinal);

    private int Results => _sequences.Sum(sequence => sequence.Count) * _heads * _shape.Values;

    /// <summary>Runs a text, which may have a fault planted in it; results are multiplied by their scales.</summary>
    public (LaunchReport Report, double[] Result, float[] Scales) Run(string text, int powers = 0)
    {
        var device = new PtxDevice();
        var tiles = Tiles();
        var (result, scales) = (device.Allocate(Results * (IsE4M3 ? 1 : 2), "result"), device.Allocate(IsE4M3 ? Results / 128 * 4 : 4, "scales"));
        var report = device.Launch(
            PtxModule.Parse(text), _kernel.Name, new Dimensions(tiles.Length / FlashAttention.Entry, _heads, 1), _kernel.Threads, _kernel.SharedBytes,
            Printed.View(device.Allocate(_queries, "queries"), _queries.Length), Printed.View(device.Allocate(_expanded, "expanded"), _expanded.Length),
            Printed.View(device.Allocate(_rotated, "rotated"), _rotated.Length), Printed.View(device.Allocate(tiles, "tiles"), tiles.Length),
            Printed.View(result, result.Length / 2), Printed.View(scales, scales.Length / 4), (float)(Scale * Math.Log2(Math.E)), powers);
        if (report.Findings.Count > 0)
        {
            return (report, [], []);
        }

        var bytes = result.Read<byte>();
        var blocks = IsE4M3 ? scales.Read<float>() : [];
        var width = IsE4M3 ? 1 : 2;
        return (report, [.. Enumerable.Range(0, Results).Select(i => StoredNumbers.Decode(IsE4M3 ? "F8_E4M3" : "BF16", bytes.AsSpan(i * width, width)) * (IsE4M3 ? blocks[i / 128] : 1))], blocks);
    }

    /// <summary>The largest error as a part of the weighted sum of the values' magnitudes; of E4M3, of the greatest such sum of a head's.</summary>
    public double Error(double[] result)
    {
        var (worst, token, start) = (0.0, 0, 0);
        foreach (var (before, count) in _sequences)
        {
            for (var query = 0; query < count; query++, token++)
            {
                for (var head = 0; head < _heads; head++)
                {
                    var (values, magnitudes) = Attend(token, head, start, before + query + 1);
                    for (var i = 0; i < values.Length; i++)
                    {
                        var error = Math.Abs(result[(((token * _heads) + head) * values.Length) + i] - values[i]) / (IsE4M3 ? magnitudes.Max() : magnitudes[i]);
                        worst = error <= worst ? worst : double.IsNaN(error) ? double.PositiveInfinity : error;
                    }
                }
            }

            start += before + count;
        }

        return worst;
    }

    private (double[] Values, double[] Magnitudes) Attend(int token, int head, int firstRow, int positions)
    {
        var (noRope, rope, width) = (_shape.NoRope, _shape.Rope, _shape.NoRope + _shape.Values);
        var scores = new double[positions];
        for (var position = 0; position < positions; position++)
        {
            var (query, key) = (((token * _heads) + head) * (noRope + rope), (((firstRow + position) * _heads) + head) * width);
            for (var i = 0; i < noRope + rope; i++)
            {
                scores[position] += Scale * Number(_queries, query + i) * (i < noRope ? Number(_expanded, key + i) : Number(_rotated, ((firstRow + position) * rope) + i - noRope));
            }
        }

        var most = scores.Max();
        var powers = scores.Select(score => Math.Exp(score - most)).ToArray();
        var total = powers.Sum();
        var (values, magnitudes) = (new double[_shape.Values], new double[_shape.Values]);
        for (var position = 0; position < positions; position++)
        {
            for (var i = 0; i < values.Length; i++)
            {
                var part = powers[position] / total * Number(_expanded, ((((firstRow + position) * _heads) + head) * width) + noRope + i);
                values[i] += part;
                magnitudes[i] += Math.Abs(part);
            }
        }

        return (values, magnitudes);
    }

    /// <summary>128 queries of a sequence at a time; the last tile is without any, as where a grid is larger than needed.</summary>
    private int[] Tiles()
    {
        var (tiles, token, row) = (new System.Collections.Generic.List<int>(), 0, 0);
        foreach (var (before, count) in _sequences)
        {
            for (var done = 0; done < count; done += FlashAttention.Queries)
            {
                tiles.AddRange([token + done, Math.Min(FlashAttention.Queries, count - done), row, before + done]);
            }

            token += count;
            row += before + count;
        }

        return [.. tiles, 0, 0, 0, 0];
    }

    private static double Number(byte[] numbers, int index) => StoredNumbers.Decode("BF16", numbers.AsSpan(index * 2, 2));

    private static byte[] Numbers(Random random, int count, float size)
    {
        var values = Enumerable.Range(0, count).Select(_ => (ushort)NarrowFloats.ToBF16((random.NextSingle() - 0.5f) * 2 * size)).ToArray();
        return MemoryMarshal.AsBytes<ushort>(values).ToArray();
    }
}
