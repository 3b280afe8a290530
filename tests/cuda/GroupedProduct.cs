using System;
using System.Collections.Generic;
using System.Linq;
using System.Runtime.InteropServices;
using Sinter.Devices.Cuda.Instructions;
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

    private int DepthBytes => _depth * (_e4m3 ? 1 : 2);

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
        var (a, w) = (device.Allocate(_a, "a"), device.Allocate(_w, "w"));
        object[] factors = kernel.IsForHopper ? [Maps(device, a, w, kernel)] : [Printed.View(a, _a.Length), Printed.View(w, _w.Length)];
        var report = device.Launch(
            PtxModule.Parse(text), kernel.Name, new Dimensions((_columns + kernel.TileColumns - 1) / kernel.TileColumns, tiles.Length / 3, 1), kernel.Threads, kernel.SharedBytes,
            [
                .. factors,
                Printed.View(device.Allocate(_aScales, "aScales"), _aScales.Length), Printed.View(device.Allocate(_wScales, "wScales"), _wScales.Length),
                Printed.View(device.Allocate(tiles, "tiles"), tiles.Length), Printed.View(result, count), _columns, DepthBytes,
            ]);
        return (report, result.Read<float>());
    }

    /// <summary>Runs a kernel that joins the two halves of the columns: gate and up. What it stores, each times its scale.</summary>
    public (LaunchReport Report, double[] Result, float[] Scales) RunGated(CudaKernel kernel, string text, int powers)
    {
        var (tiles, device, columns) = (Tiles(kernel.TileRows), new PtxDevice(), _columns / 2);
        var (count, blocks) = (_rows.Sum() * columns, (columns + 127) / 128);
        var (result, scales) = (device.Allocate(count * (_e4m3 ? 1 : 2), "result"), device.Allocate(_e4m3 ? _rows.Sum() * blocks * 4 : 4, "scales"));
        var report = device.Launch(
            PtxModule.Parse(text), kernel.Name, new Dimensions(blocks, tiles.Length / 3, 1), kernel.Threads, kernel.SharedBytes,
            Printed.View(device.Allocate(_a, "a"), _a.Length), Printed.View(device.Allocate(_w, "w"), _w.Length),
            Printed.View(device.Allocate(_aScales, "aScales"), _aScales.Length), Printed.View(device.Allocate(_wScales, "wScales"), _wScales.Length),
            Printed.View(device.Allocate(tiles, "tiles"), tiles.Length), Printed.View(result, result.Length / 2), Printed.View(scales, scales.Length / 4), columns, DepthBytes, powers);
        if (report.Findings.Count > 0)
        {
            return (report, [], []);
        }

        var (bytes, each) = (result.Read<byte>(), _e4m3 ? scales.Read<float>() : []);
        return (report, [.. Enumerable.Range(0, count).Select(i => Value(bytes, i) * (_e4m3 ? each[(i / columns * blocks) + (i % columns / 128)] : 1))], each);
    }

    /// <summary>The largest error of silu(gate) · up, as a part of what rounding allows.</summary>
    public double GatedError(double[] result)
    {
        var (worst, columns) = (0.0, _columns / 2);
        for (var row = 0; row < _rows.Sum(); row++)
        {
            for (var first = 0; first < columns; first += 128)
            {
                var block = Enumerable.Range(first, Math.Min(128, columns - first)).Select(column =>
                {
                    var ((gate, gateMost), (up, upMost)) = (Expected(row, column), Expected(row, columns + column));
                    var silu = gate / (1 + Math.Exp(-gate));
                    // The slope of silu is at most 1.1; sums may be off by a millionth of their magnitudes, and powers of two by a few of the result.
                    return (Value: silu * up, Error: 1e-6 * ((1.1 * gateMost * Math.Abs(up)) + (Math.Abs(silu) * upMost) + (4 * Math.Abs(silu * up))));
                }).ToArray();
                // E4M3: half of the last of three bits, or of the least step of what the scale reaches, which a power of two may double.
                var least = block.Max(number => Math.Abs(number.Value)) / 448 * 2 / 1024;
                for (var i = 0; i < block.Length; i++)
                {
                    var allowed = (1.01 * block[i].Error) + (_e4m3 ? Math.Max(Math.Abs(block[i].Value) / 16, least) * 1.001 : Math.Abs(block[i].Value) / 256) + 1e-30;
                    var error = Math.Abs(result[(row * columns) + first + i] - block[i].Value) / allowed;
                    worst = error <= worst ? worst : double.IsNaN(error) ? double.PositiveInfinity : error;
                }
            }
        }

        return worst;
    }

    /// <summary>The tensor maps of both factors, over bytes.</summary>
    private byte[] Maps(PtxDevice device, DeviceBuffer a, DeviceBuffer w, CudaKernel kernel)
    {
        TensorMap Map(DeviceBuffer buffer, int boxRows) => new(buffer.Address, 1, [DepthBytes, buffer.Length / DepthBytes], [DepthBytes], [128, boxRows], TensorSwizzle.Bytes128);
        byte[] maps = [.. Map(a, kernel.TileRows).Encode(), .. Map(w, kernel.TileColumns).Encode()];
        return Printed.View(device.Allocate(maps, "maps"), maps.Length);
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
