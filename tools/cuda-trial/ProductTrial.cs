using System;
using System.Collections.Generic;
using System.Linq;
using Sinter.Cuda;
using Sinter.Cuda.Driver;

namespace Sinter.CudaTrial;

/// <summary>A grouped product. Errors are parts of the sum of the products' magnitudes.</summary>
/// <param name="kernel">One of the products.</param>
/// <param name="rows">Of each expert.</param>
/// <param name="columns">Of the result.</param>
/// <param name="depth">Numbers, a multiple of 16.</param>
public sealed class ProductTrial(CudaKernel kernel, int[] rows, int columns, int depth) : ITrial
{
    private readonly Random _random = new(11);
    private byte[] _a = [];
    private byte[] _w = [];
    private float[] _aScales = [];
    private float[] _wScales = [];
    private DeviceMemory _result;

    /// <inheritdoc/>
    public string Shape => rows.Length == 1 ? $"{rows[0]} × {columns} × {depth}" : $"{rows.Length} experts, {rows.Sum()} rows in all, × {columns} × {depth}";

    /// <summary>
    /// Tensor cores of Hopper keep some 14 bits in a sum of E4M3 (DeepSeek-V3 report, 3.3.2) over 128 in depth; with BF16 sums
    /// are float32's, but not rounded to the nearest.
    /// </summary>
    public double Tolerance => kernel.IsE4M3 ? 1e-3 : 1e-5;

    /// <inheritdoc/>
    public double Operations => 2.0 * rows.Sum() * columns * depth;

    private int DepthBytes => depth * (kernel.IsE4M3 ? 1 : 2);

    private int Pieces => (depth + 127) / 128;

    private int ScaleColumns => (columns + 127) / 128;

    /// <inheritdoc/>
    public Prediction? Predict(Gpu gpu) => TileCosts.Predict(kernel, gpu, rows, columns, DepthBytes);

    /// <inheritdoc/>
    public Action Prepare(CudaDevice device)
    {
        ArgumentNullException.ThrowIfNull(device);
        var function = device.Load(kernel);
        _a = Samples.Codes(_random, (long)rows.Sum() * depth, kernel.IsE4M3);
        _w = Samples.Codes(_random, (long)rows.Length * columns * depth, kernel.IsE4M3);
        _aScales = Scales(kernel.IsE4M3 ? rows.Sum() * Pieces : 1);
        _wScales = Scales(kernel.IsE4M3 ? rows.Length * ScaleColumns * Pieces : 1);
        var tiles = Tiles();
        var (a, w) = (device.Allocate<byte>(_a), device.Allocate<byte>(_w));
        _result = device.Allocate(4L * rows.Sum() * columns);
        LaunchArgument[] factors = kernel.IsForHopper
            ? [LaunchArgument.View(device.Allocate<byte>([.. device.TensorMap(a, DepthBytes, kernel.TileRows), .. device.TensorMap(w, DepthBytes, kernel.TileColumns)]), 1)]
            : [LaunchArgument.View(a, 1), LaunchArgument.View(w, 1)];
        LaunchArgument[] arguments =
        [
            .. factors, LaunchArgument.View(device.Allocate<float>(_aScales), 4), LaunchArgument.View(device.Allocate<float>(_wScales), 4),
            LaunchArgument.View(device.Allocate<int>(tiles), 4), LaunchArgument.View(_result, 4), columns, DepthBytes,
        ];
        var grid = ((columns + kernel.TileColumns - 1) / kernel.TileColumns, tiles.Length / 3, 1);
        return () => function.Launch(grid, arguments);
    }

    /// <inheritdoc/>
    public double Error(CudaDevice device)
    {
        ArgumentNullException.ThrowIfNull(device);
        var result = device.Read<float>(_result);
        int[] experts = [.. rows.SelectMany((count, expert) => Enumerable.Repeat(expert, count))];
        var worst = 0.0;
        foreach (var place in Samples.Of(_random, result.Length, 2048))
        {
            var (row, column) = ((int)(place / columns), (int)(place % columns));
            double sum = 0, magnitude = 0;
            for (var k = 0; k < depth; k++)
            {
                var scale = kernel.IsE4M3
                    ? (double)_aScales[(row * Pieces) + (k / 128)] * _wScales[(((experts[row] * ScaleColumns) + (column / 128)) * Pieces) + (k / 128)]
                    : 1;
                var product = Samples.Value(_a, ((long)row * depth) + k, kernel.IsE4M3) * Samples.Value(_w, ((((long)experts[row] * columns) + column) * depth) + k, kernel.IsE4M3) * scale;
                (sum, magnitude) = (sum + product, magnitude + Math.Abs(product));
            }

            worst = Samples.Worse(worst, Math.Abs(result[place] - sum) / magnitude);
        }

        return worst;
    }

    /// <summary>First row, rows and expert of each tile.</summary>
    private int[] Tiles()
    {
        var tiles = new List<int>();
        var start = 0;
        for (var expert = 0; expert < rows.Length; expert++)
        {
            for (var done = 0; done < rows[expert]; done += kernel.TileRows)
            {
                tiles.AddRange([start + done, Math.Min(kernel.TileRows, rows[expert] - done), expert]);
            }

            start += rows[expert];
        }

        return [.. tiles];
    }

    private float[] Scales(int count) => [.. Enumerable.Range(0, count).Select(_ => MathF.Pow(2, _random.Next(-3, 3)) * (1 + _random.NextSingle()))];
}
