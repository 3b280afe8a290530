using System;
using System.Collections.Generic;
using System.Linq;
using Sinter.Cuda;
using Sinter.Cuda.Driver;
using Sinter.Cuda.Kernels;

namespace Sinter.CudaTrial;

/// <summary>Attention over expanded keys and values of some sequences' steps. Errors are parts of the weighted sum of the values' magnitudes.</summary>
/// <param name="kernel">One of the flash kernels.</param>
/// <param name="heads">How many.</param>
/// <param name="sequences">For each: positions in the cache before the step, and the step's tokens.</param>
public sealed class FlashTrial(CudaKernel kernel, int heads, (int Before, int Count)[] sequences) : ITrial
{
    private const double Scale = 0.0625;
    private readonly Random _random = new(19);
    private readonly IAttentionShape _shape = (IAttentionShape)Activator.CreateInstance(kernel.Method.GetGenericArguments()[0])!;
    private readonly bool _isE4M3 = kernel.Name.EndsWith("e4m3", StringComparison.Ordinal);
    private byte[] _queries = [];
    private byte[] _expanded = [];
    private byte[] _rotated = [];
    private DeviceMemory _result;
    private DeviceMemory _scales;

    /// <inheritdoc/>
    public string Shape => $"{sequences.Sum(sequence => sequence.Count)} tokens of {sequences.Length} sequences of up to {sequences.Max(sequence => sequence.Before + sequence.Count)} positions, {heads} heads";

    /// <summary>Weights and results are rounded to BF16; E4M3 has three bits after the first, of a head's greatest number.</summary>
    public double Tolerance => (2.1 / 256) + (_isE4M3 ? 1.0 / 16 : 0);

    /// <inheritdoc/>
    public double Operations
        => 2.0 * heads * (_shape.NoRope + _shape.Rope + _shape.Values) * sequences.Sum(sequence => sequence.Count * (sequence.Before + ((sequence.Count + 1) / 2.0)));

    private int Tokens => sequences.Sum(sequence => sequence.Count);

    /// <inheritdoc/>
    public Prediction? Predict(Gpu gpu) => _shape is Heads192x128 ? AttentionCosts.PredictExpanded(gpu, heads, sequences) : null;

    /// <inheritdoc/>
    public Action Prepare(CudaDevice device)
    {
        ArgumentNullException.ThrowIfNull(device);
        var attend = device.Load(kernel);
        var rows = sequences.Sum(sequence => (long)sequence.Before + sequence.Count);
        _queries = Samples.Codes(_random, (long)Tokens * heads * (_shape.NoRope + _shape.Rope), e4m3: false);
        _expanded = Samples.Codes(_random, rows * heads * (_shape.NoRope + _shape.Values), e4m3: false);
        _rotated = Samples.Codes(_random, rows * _shape.Rope, e4m3: false);
        var results = (long)Tokens * heads * _shape.Values;
        (_result, _scales) = (device.Allocate(results * (_isE4M3 ? 1 : 2)), device.Allocate(_isE4M3 ? results / 128 * 4 : 4));
        var tiles = Tiles();
        LaunchArgument[] arguments =
        [
            LaunchArgument.View(device.Allocate<byte>(_queries), 1), LaunchArgument.View(device.Allocate<byte>(_expanded), 1), LaunchArgument.View(device.Allocate<byte>(_rotated), 1),
            LaunchArgument.View(device.Allocate<int>(tiles), 4), LaunchArgument.View(_result, 2), LaunchArgument.View(_scales, 4), (float)(Scale * Math.Log2(Math.E)), 0,
        ];
        return () => attend.Launch((tiles.Length / FlashAttention.Entry, heads, 1), arguments);
    }

    /// <inheritdoc/>
    public double Error(CudaDevice device)
    {
        ArgumentNullException.ThrowIfNull(device);
        var bytes = device.Read<byte>(_result);
        var scales = _isE4M3 ? device.Read<float>(_scales) : [];
        var worst = 0.0;
        foreach (var row in Samples.Of(_random, (long)Tokens * heads, 8))
        {
            var (values, magnitudes) = Attend((int)(row / heads), (int)(row % heads));
            for (var i = 0; i < values.Length; i++)
            {
                var value = Samples.Value(bytes, (row * values.Length) + i, _isE4M3) * (_isE4M3 ? scales[row] : 1);
                worst = Samples.Worse(worst, Math.Abs(value - values[i]) / (_isE4M3 ? magnitudes.Max() : magnitudes[i]));
            }
        }

        return worst;
    }

    /// <summary>The longest first.</summary>
    private int[] Tiles()
    {
        var tiles = new List<int[]>();
        var (token, row) = (0, 0);
        foreach (var (before, count) in sequences)
        {
            for (var done = 0; done < count; done += FlashAttention.Queries)
            {
                tiles.Add([token + done, Math.Min(FlashAttention.Queries, count - done), row, before + done]);
            }

            token += count;
            row += before + count;
        }

        return [.. tiles.OrderByDescending(tile => tile[3] + tile[1]).SelectMany(tile => tile)];
    }

    private (double[] Values, double[] Magnitudes) Attend(int token, int head)
    {
        var (noRope, rope, width) = (_shape.NoRope, _shape.Rope, _shape.NoRope + _shape.Values);
        var (query, firstRow, sequence) = (token, 0L, 0);
        for (; query >= sequences[sequence].Count; sequence++)
        {
            query -= sequences[sequence].Count;
            firstRow += sequences[sequence].Before + sequences[sequence].Count;
        }

        var powers = new double[sequences[sequence].Before + query + 1];
        for (var position = 0; position < powers.Length; position++)
        {
            var (from, key) = ((((long)token * heads) + head) * (noRope + rope), (((firstRow + position) * heads) + head) * width);
            for (var i = 0; i < noRope + rope; i++)
            {
                powers[position] += Scale * Samples.Value(_queries, from + i, false)
                    * (i < noRope ? Samples.Value(_expanded, key + i, false) : Samples.Value(_rotated, ((firstRow + position) * rope) + i - noRope, false));
            }
        }

        var most = powers.Max();
        powers = [.. powers.Select(score => Math.Exp(score - most))];
        var total = powers.Sum();
        var (values, magnitudes) = (new double[_shape.Values], new double[_shape.Values]);
        for (var position = 0; position < powers.Length; position++)
        {
            for (var i = 0; i < values.Length; i++)
            {
                var part = powers[position] / total * Samples.Value(_expanded, ((((firstRow + position) * heads) + head) * width) + noRope + i, false);
                (values[i], magnitudes[i]) = (values[i] + part, magnitudes[i] + Math.Abs(part));
            }
        }

        return (values, magnitudes);
    }
}
