using System;
using System.Collections.Generic;
using System.Linq;
using System.Runtime.InteropServices;
using Sinter.Cuda.Instructions;
using Sinter.Ptx;
using Sinter.Tests.Data;

namespace Sinter.Cuda.Tests;

/// <summary>Random factors for some experts' rows, the product in double precision, and the kernel's in the interpreter.</summary>
internal sealed class GroupedProduct
{
    private readonly bool _e4m3;
    private readonly int[] _rows;
    private readonly int _columns;
    private readonly int _depth;
    private readonly byte[] _a;
    private readonly byte[] _w;
    private readonly float[] _aScales;
    private readonly float[] _wScales;

    public GroupedProduct(bool e4m3, int[] rows, int columns, int depth)
    {
        (_e4m3, _rows, _columns, _depth) = (e4m3, rows, columns, depth);
        var random = new Random(11);
        _a = Codes(random, rows.Sum() * depth);
        _w = Codes(random, rows.Length * columns * depth);
        // Far apart, so that a wrong one shows.
        _aScales = Scales(random, e4m3 ? rows.Sum() * Pieces : 1);
        _wScales = Scales(random, e4m3 ? rows.Length * ((columns + 127) / 128) * Pieces : 1);
    }

    private int Pieces => (_depth + 127) / 128;

    /// <summary>The result and the sum of the products' magnitudes, by which errors are measured.</summary>
    public (double Value, double Magnitude) Expected(int row, int column)
    {
        var (expert, end) = (0, _rows[0]);
        while (row >= end)
        {
            end += _rows[++expert];
        }

        double sum = 0, magnitude = 0;
        for (var k = 0; k < _depth; k++)
        {
            var scale = _e4m3
                ? (double)_aScales[(row * Pieces) + (k / 128)] * _wScales[(((expert * ((_columns + 127) / 128)) + (column / 128)) * Pieces) + (k / 128)]
                : 1;
            var product = Value(_a, (row * _depth) + k) * Value(_w, (((expert * _columns) + column) * _depth) + k) * scale;
            sum += product;
            magnitude += Math.Abs(product);
        }

        return (sum, magnitude);
    }

    /// <summary>Runs a kernel's text, which may have a fault planted in it.</summary>
    public (LaunchReport Report, float[] Result) Run(CudaKernel kernel, string text)
    {
        var tiles = Tiles(kernel.TileRows);
        var device = new PtxDevice();
        var count = _rows.Sum() * _columns;
        var result = device.Allocate(count * 4, "result");
        var report = device.Launch(
            PtxModule.Parse(text), kernel.Name, new Dimensions((_columns + kernel.TileColumns - 1) / kernel.TileColumns, tiles.Length / 3, 1), kernel.Threads, kernel.SharedBytes,
            Printed.View(device.Allocate(_a, "a"), _a.Length), Printed.View(device.Allocate(_w, "w"), _w.Length),
            Printed.View(device.Allocate(_aScales, "aScales"), _aScales.Length), Printed.View(device.Allocate(_wScales, "wScales"), _wScales.Length),
            Printed.View(device.Allocate(tiles, "tiles"), tiles.Length), Printed.View(result, count),
            _columns, _depth * (_e4m3 ? 1 : 2));
        return (report, result.Read<float>());
    }

    /// <summary>The largest error, as a part of the sum of magnitudes.</summary>
    public double Error(float[] result)
    {
        var worst = 0.0;
        for (var i = 0; i < result.Length; i++)
        {
            var (value, magnitude) = Expected(i / _columns, i % _columns);
            var error = Math.Abs(result[i] - value) / magnitude;
            worst = error <= worst ? worst : double.IsNaN(error) ? double.PositiveInfinity : error;
        }

        return worst;
    }

    /// <summary>First row, rows, expert of each tile; the last two are without rows, as where a grid is larger than needed.</summary>
    private int[] Tiles(int most)
    {
        var tiles = new List<int>();
        var start = 0;
        for (var expert = 0; expert < _rows.Length; expert++)
        {
            for (var done = 0; done < _rows[expert]; done += most)
            {
                tiles.AddRange([start + done, Math.Min(most, _rows[expert] - done), expert]);
            }

            start += _rows[expert];
        }

        return [.. tiles, 0, 0, 0];
    }

    private byte[] Codes(Random random, int count)
    {
        if (_e4m3)
        {
            // All finite codes of magnitudes from 2^-6 to 4.
            return [.. Enumerable.Range(0, count).Select(_ => (byte)((random.Next(2) * 128) + random.Next(0x08, 0x48)))];
        }

        var values = Enumerable.Range(0, count).Select(_ => (ushort)NarrowFloats.ToBF16((random.NextSingle() - 0.5f) * 4)).ToArray();
        return MemoryMarshal.AsBytes<ushort>(values).ToArray();
    }

    private static float[] Scales(Random random, int count) => [.. Enumerable.Range(0, count).Select(_ => MathF.Pow(2, random.Next(-3, 3)) * (1 + random.NextSingle()))];

    private double Value(byte[] codes, int index)
        => _e4m3 ? StoredNumbers.E4M3(codes[index]) : StoredNumbers.Decode("BF16", codes.AsSpan(2 * index, 2));
}
