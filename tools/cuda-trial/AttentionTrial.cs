using System;
using System.Linq;
using Sinter.Cuda;
using Sinter.Cuda.Driver;
using Sinter.Cuda.Kernels;

namespace Sinter.CudaTrial;

/// <summary>Latent attention of a token of each sequence, both kernels. Errors are parts of the weighted sum of the values' magnitudes.</summary>
public sealed class AttentionTrial(int heads, int[] lengths) : ITrial
{
    private const int Width = LatentAttention.Width;
    private const double Scale = 0.0625;
    private readonly Random _random = new(17);
    private byte[] _queries = [];
    private byte[] _cache = [];
    private int[] _pages = [];
    private DeviceMemory _result;

    /// <inheritdoc/>
    public string Shape => $"{lengths.Length} sequences of up to {lengths.Max()} positions, {heads} heads";

    /// <summary>Weights are rounded to BF16 before they multiply values.</summary>
    public double Tolerance => 1.1 / 256;

    /// <inheritdoc/>
    public double Operations => 2.0 * heads * lengths.Sum(length => (double)length) * (Width + LatentAttention.Values);

    private int PagesOfSequence => (lengths.Max() + LatentAttention.Page - 1) / LatentAttention.Page;

    /// <inheritdoc/>
    public Prediction? Predict(Gpu gpu) => AttentionCosts.Predict(gpu, lengths.Length, heads, lengths.Max());

    /// <inheritdoc/>
    public Action Prepare(CudaDevice device)
    {
        ArgumentNullException.ThrowIfNull(device);
        var (attend, merge) = (device.Load(CudaKernel.Named("latent_attention")), device.Load(CudaKernel.Named("merge_attention")));
        var parts = AttentionCosts.Parts(Gpu.A100 with { Multiprocessors = device.Multiprocessors, SharedBytes = device.MostShared + 1024 }, lengths.Length, heads, lengths.Max());
        _queries = Samples.Codes(_random, (long)lengths.Length * heads * Width, e4m3: false);
        _cache = Samples.Codes(_random, (long)lengths.Length * PagesOfSequence * LatentAttention.Page * Width, e4m3: false);
        _pages = [.. Enumerable.Range(0, lengths.Length * PagesOfSequence).OrderBy(_ => _random.Next())];
        var rows = (long)lengths.Length * parts * heads;
        var (sums, weights) = (device.Allocate(rows * LatentAttention.Values * 4), device.Allocate(rows * 8));
        _result = device.Allocate(4L * lengths.Length * heads * LatentAttention.Values);
        var steps = (lengths.Max() + LatentAttention.Heads - 1) / LatentAttention.Heads;
        LaunchArgument[] arguments =
        [
            LaunchArgument.View(device.Allocate<byte>(_queries), 1), LaunchArgument.View(device.Allocate<byte>(_cache), 1),
            LaunchArgument.View(device.Allocate<int>(_pages), 4), LaunchArgument.View(device.Allocate<int>(lengths), 4),
            LaunchArgument.View(sums, 4), LaunchArgument.View(weights, 4), heads, PagesOfSequence, (steps + parts - 1) / parts, (float)(Scale * Math.Log2(Math.E)),
        ];
        return () =>
        {
            attend.Launch(((heads + LatentAttention.Heads - 1) / LatentAttention.Heads, parts, lengths.Length), arguments);
            merge.Launch((heads, lengths.Length, 1), LaunchArgument.View(sums, 4), LaunchArgument.View(weights, 4), LaunchArgument.View(_result, 4), parts);
        };
    }

    /// <inheritdoc/>
    public double Error(CudaDevice device)
    {
        ArgumentNullException.ThrowIfNull(device);
        var result = device.Read<float>(_result);
        var worst = 0.0;
        foreach (var row in Samples.Of(_random, (long)lengths.Length * heads, 8))
        {
            var sequence = (int)(row / heads);
            var powers = new double[lengths[sequence]];
            for (var position = 0; position < powers.Length; position++)
            {
                for (var i = 0; i < Width; i++)
                {
                    powers[position] += Scale * Samples.Value(_queries, (row * Width) + i, false) * Latent(sequence, position, i);
                }
            }

            var most = powers.Max();
            powers = [.. powers.Select(score => Math.Exp(score - most))];
            var total = powers.Sum();
            for (var i = 0; i < LatentAttention.Values; i++)
            {
                double value = 0, magnitude = 0;
                for (var position = 0; position < powers.Length; position++)
                {
                    var part = powers[position] / total * Latent(sequence, position, i);
                    (value, magnitude) = (value + part, magnitude + Math.Abs(part));
                }

                worst = Samples.Worse(worst, Math.Abs(result[(row * LatentAttention.Values) + i] - value) / magnitude);
            }
        }

        return worst;
    }

    private double Latent(int sequence, int position, int i)
    {
        var page = (long)_pages[(sequence * PagesOfSequence) + (position / LatentAttention.Page)];
        return Samples.Value(_cache, (((page * LatentAttention.Page) + (position % LatentAttention.Page)) * Width) + i, false);
    }
}
