using System;
using System.Linq;
using System.Runtime.InteropServices;
using Sinter.Cuda.Kernels;
using Sinter.Devices.Cuda.Instructions;
using Sinter.Ptx;
using Sinter.Tests.Data;

namespace Sinter.Cuda.Tests;

/// <summary>Random queries and pages of latents, attention in double precision, and the kernels' in the interpreter.</summary>
internal sealed class LatentQueries
{
    private const int Width = LatentAttention.Width;
    private const double Scale = 0.0625;
    private readonly int _heads;
    private readonly int[] _lengths;
    private readonly byte[] _queries;
    private readonly byte[] _cache;
    private readonly int[] _pages;

    public LatentQueries(int heads, int[] lengths)
    {
        (_heads, _lengths) = (heads, lengths);
        var random = new Random(17);
        PagesOfSequence = lengths.Max(length => (length + LatentAttention.Page - 1) / LatentAttention.Page);
        _queries = Numbers(random, lengths.Length * heads * Width, 0.7f);
        // Pages lie in an order of their own. Those of no sequence, and what lies past a sequence's end, must not count.
        var count = (lengths.Length * PagesOfSequence) + 1;
        _cache = Numbers(random, count * LatentAttention.Page * Width, 1f);
        _pages = [.. Enumerable.Range(0, count).OrderBy(_ => random.Next()).Take(lengths.Length * PagesOfSequence)];
    }

    private int PagesOfSequence { get; }

    /// <summary>Runs both kernels; the text of the first may have a fault planted in it.</summary>
    public (LaunchReport Report, float[] Result) Run(string attention, int parts)
    {
        var (kernel, merge) = (CudaKernel.Named("latent_attention"), CudaKernel.Named("merge_attention"));
        var device = new PtxDevice();
        var (rows, tiles) = (_lengths.Length * parts * _heads, (_lengths.Max() + LatentAttention.Heads - 1) / LatentAttention.Heads);
        var (sums, weights) = (device.Allocate(rows * LatentAttention.Values * 4, "sums"), device.Allocate(rows * 8, "weights"));
        var report = device.Launch(
            PtxModule.Parse(attention), kernel.Name, new Dimensions((_heads + LatentAttention.Heads - 1) / LatentAttention.Heads, parts, _lengths.Length), kernel.Threads, kernel.SharedBytes,
            Printed.View(device.Allocate(_queries, "queries"), _queries.Length), Printed.View(device.Allocate(_cache, "cache"), _cache.Length),
            Printed.View(device.Allocate(_pages, "pages"), _pages.Length), Printed.View(device.Allocate(_lengths, "lengths"), _lengths.Length),
            Printed.View(sums, rows * LatentAttention.Values), Printed.View(weights, rows * 2),
            _heads, PagesOfSequence, (tiles + parts - 1) / parts, (float)(Scale * Math.Log2(Math.E)));
        if (report.Findings.Count > 0)
        {
            return (report, []);
        }

        var count = _lengths.Length * _heads * LatentAttention.Values;
        var result = device.Allocate(count * 4, "result");
        report = device.Launch(
            PtxModule.Parse(Printed.Text(merge)), merge.Name, new Dimensions(_heads, _lengths.Length), merge.Threads, 0,
            Printed.View(sums, rows * LatentAttention.Values), Printed.View(weights, rows * 2), Printed.View(result, count), parts);
        return (report, result.Read<float>());
    }

    /// <summary>The largest error as a part of the weighted sum of the values' magnitudes.</summary>
    public double Error(float[] result)
    {
        var worst = 0.0;
        for (var sequence = 0; sequence < _lengths.Length; sequence++)
        {
            var latents = Enumerable.Range(0, _lengths[sequence]).Select(position => Latent(sequence, position)).ToArray();
            for (var head = 0; head < _heads; head++)
            {
                var row = (sequence * _heads) + head;
                var query = Row(_queries, row);
                var scores = latents.Select(latent => latent.Zip(query, (x, y) => x * y).Sum() * Scale).ToArray();
                var powers = scores.Select(score => Math.Exp(score - scores.Max())).ToArray();
                var total = powers.Sum();
                for (var i = 0; i < LatentAttention.Values; i++)
                {
                    double value = 0, magnitude = 0;
                    for (var position = 0; position < latents.Length; position++)
                    {
                        var part = powers[position] / total * latents[position][i];
                        (value, magnitude) = (value + part, magnitude + Math.Abs(part));
                    }

                    var error = Math.Abs(result[(row * LatentAttention.Values) + i] - value) / magnitude;
                    worst = error <= worst ? worst : double.IsNaN(error) ? double.PositiveInfinity : error;
                }
            }
        }

        return worst;
    }

    private double[] Latent(int sequence, int position)
        => Row(_cache, (_pages[(sequence * PagesOfSequence) + (position / LatentAttention.Page)] * LatentAttention.Page) + (position % LatentAttention.Page));

    private static double[] Row(byte[] numbers, int row)
        => [.. Enumerable.Range(0, Width).Select(i => StoredNumbers.Decode("BF16", numbers.AsSpan(((row * Width) + i) * 2, 2)))];

    private static byte[] Numbers(Random random, int count, float size)
    {
        var values = Enumerable.Range(0, count).Select(_ => (ushort)NarrowFloats.ToBF16((random.NextSingle() - 0.5f) * 2 * size)).ToArray();
        return MemoryMarshal.AsBytes<ushort>(values).ToArray();
    }
}
