using System;
using System.Linq;
using Sinter.Cuda;
using Sinter.Cuda.Driver;

namespace Sinter.CudaTrial;

/// <summary>Gate and up of each expert's rows, joined by SwiGLU. Errors are parts of what rounding allows.</summary>
/// <param name="kernel">One of the gated products.</param>
/// <param name="rows">Of each expert.</param>
/// <param name="columns">Of the result; for E4M3 a multiple of 128.</param>
/// <param name="depth">Numbers in depth.</param>
public sealed class GatedTrial(CudaKernel kernel, int[] rows, int columns, int depth) : ITrial
{
    private readonly Random _random = new(13);
    private byte[] _a = [];
    private byte[] _w = [];
    private float[] _aScales = [];
    private float[] _wScales = [];
    private DeviceMemory _result;
    private DeviceMemory _scales;

    /// <inheritdoc/>
    public string Shape => $"{rows.Sum()} × {columns} × {depth}, {rows.Length} experts, gate and up";

    /// <inheritdoc/>
    public double Tolerance => 1;

    /// <inheritdoc/>
    public double Operations => 4.0 * rows.Sum() * columns * depth;

    private int Pieces => (depth + 127) / 128;

    private int Blocks => (columns + 127) / 128;

    private int DepthBytes => depth * (kernel.IsE4M3 ? 1 : 2);

    /// <inheritdoc/>
    public Prediction? Predict(Gpu gpu) => TileCosts.Predict(kernel, gpu, rows, columns, DepthBytes);

    /// <inheritdoc/>
    public Action Prepare(CudaDevice device)
    {
        ArgumentNullException.ThrowIfNull(device);
        var function = device.Load(kernel);
        var count = rows.Sum();
        _a = Samples.Codes(_random, (long)count * depth, kernel.IsE4M3);
        _w = Samples.Codes(_random, 2L * rows.Length * columns * depth, kernel.IsE4M3);
        _aScales = Scales(kernel.IsE4M3 ? count * Pieces : 1);
        _wScales = Scales(kernel.IsE4M3 ? rows.Length * 2 * Blocks * Pieces : 1);
        var starts = rows.Select((_, expert) => rows[..expert].Sum()).ToArray();
        int[] tiles = [.. Enumerable.Range(0, rows.Length).SelectMany(expert => Enumerable.Range(0, (rows[expert] + kernel.TileRows - 1) / kernel.TileRows)
            .SelectMany(tile => new[] { starts[expert] + (tile * kernel.TileRows), Math.Min(kernel.TileRows, rows[expert] - (tile * kernel.TileRows)), expert }))];
        (_result, _scales) = (device.Allocate((long)count * columns * (kernel.IsE4M3 ? 1 : 2)), device.Allocate(kernel.IsE4M3 ? 4L * count * Blocks : 4));
        LaunchArgument[] arguments =
        [
            LaunchArgument.View(device.Allocate<byte>(_a), 1), LaunchArgument.View(device.Allocate<byte>(_w), 1),
            LaunchArgument.View(device.Allocate<float>(_aScales), 4), LaunchArgument.View(device.Allocate<float>(_wScales), 4),
            LaunchArgument.View(device.Allocate<int>(tiles), 4), LaunchArgument.View(_result, 2), LaunchArgument.View(_scales, 4), columns, DepthBytes, 0,
        ];
        return () => function.Launch((Blocks, tiles.Length / 3, 1), arguments);
    }

    /// <inheritdoc/>
    public double Error(CudaDevice device)
    {
        ArgumentNullException.ThrowIfNull(device);
        var bytes = device.Read<byte>(_result);
        var scales = kernel.IsE4M3 ? device.Read<float>(_scales) : [];
        var worst = 0.0;
        foreach (var place in Samples.Of(_random, (long)rows.Sum() * columns, 64))
        {
            var (row, column) = ((int)(place / columns), (int)(place % columns));
            var ((gate, gateMost), (up, upMost)) = (Sum(row, column, 0), Sum(row, column, 1));
            var silu = gate / (1 + Math.Exp(-gate));
            var scale = kernel.IsE4M3 ? scales[(row * Blocks) + (column / 128)] : 1;
            // The sums' own errors (silu's slope is at most 1.1), and the result's rounding: of three bits, or of the least step of a scale.
            var allowed = 1e-6 * ((1.1 * gateMost * Math.Abs(up)) + (Math.Abs(silu) * upMost) + (4 * Math.Abs(silu * up)));
            allowed += kernel.IsE4M3 ? 1.001 * Math.Max(Math.Abs(silu * up) / 16, scale / 1024.0) : Math.Abs(silu * up) / 256;
            worst = Samples.Worse(worst, Math.Abs((Samples.Value(bytes, place, kernel.IsE4M3) * scale) - (silu * up)) / (allowed + 1e-30));
        }

        return worst;
    }

    private (double Value, double Magnitude) Sum(int row, int column, int product)
    {
        var (expert, end) = (0, rows[0]);
        while (row >= end)
        {
            end += rows[++expert];
        }

        double sum = 0, magnitude = 0;
        for (var k = 0; k < depth; k++)
        {
            var scale = kernel.IsE4M3
                ? (double)_aScales[(row * Pieces) + (k / 128)] * _wScales[(((((expert * 2) + product) * Blocks) + (column / 128)) * Pieces) + (k / 128)]
                : 1;
            var term = scale * Samples.Value(_a, ((long)row * depth) + k, kernel.IsE4M3)
                * Samples.Value(_w, ((((((long)expert * 2) + product) * columns) + column) * depth) + k, kernel.IsE4M3);
            (sum, magnitude) = (sum + term, magnitude + Math.Abs(term));
        }

        return (sum, magnitude);
    }

    /// <summary>Around an eighth each, so that the gate's sums are not all far from zero.</summary>
    private float[] Scales(int count) => [.. Enumerable.Range(0, count).Select(_ => 0.125f * (0.5f + _random.NextSingle()))];
}
