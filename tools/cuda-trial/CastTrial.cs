using System;
using System.Linq;
using Sinter.Cuda;
using Sinter.Cuda.Driver;
using Sinter.Cuda.Kernels;
using Sinter.Devices.Cuda.Instructions;

namespace Sinter.CudaTrial;

/// <summary>Activations cast to E4M3. Errors are counts of codes and scales that differ from the definition's.</summary>
public sealed class CastTrial(int rows, int depth) : ITrial
{
    private float[] _x = [];
    private DeviceMemory _codes;
    private DeviceMemory _scales;

    /// <inheritdoc/>
    public string Shape => $"{rows} × {depth}";

    /// <inheritdoc/>
    public double Tolerance => 0;

    /// <inheritdoc/>
    public double Operations => 0;

    private int Pieces => (depth + 127) / 128;

    /// <inheritdoc/>
    public Prediction? Predict(Gpu gpu) => null;

    /// <inheritdoc/>
    public Action Prepare(CudaDevice device)
    {
        ArgumentNullException.ThrowIfNull(device);
        var function = device.Load(CudaKernel.Named("cast_e4m3"));
        var random = new Random(5);
        _x = [.. Enumerable.Range(0, rows * depth).Select(_ => (random.NextSingle() - 0.5f) * MathF.Pow(2, random.Next(-6, 6)))];
        (_codes, _scales) = (device.Allocate((long)rows * depth), device.Allocate(4L * rows * Pieces));
        var x = device.Allocate<float>(_x);
        return () => function.Launch(
            (Pieces, (rows + CastE4M3.Rows - 1) / CastE4M3.Rows, 1), LaunchArgument.View(x, 4), LaunchArgument.View(_codes, 2), LaunchArgument.View(_scales, 4), rows, depth, 0);
    }

    /// <inheritdoc/>
    public double Error(CudaDevice device)
    {
        ArgumentNullException.ThrowIfNull(device);
        var (codes, scales, wrong) = (device.Read<byte>(_codes), device.Read<float>(_scales), 0);
        for (var row = 0; row < rows; row++)
        {
            for (var piece = 0; piece < Pieces; piece++)
            {
                var part = _x.AsSpan((row * depth) + (piece * 128), Math.Min(128, depth - (piece * 128)));
                var scale = Math.Max(part.ToArray().Max(Math.Abs), 1e-4f) / 448f;
                wrong += scales[(row * Pieces) + piece] == scale ? 0 : 1;
                for (var i = 0; i < part.Length; i++)
                {
                    wrong += codes[(row * depth) + (piece * 128) + i] == NarrowFloats.ToE4M3(part[i] / scale) ? 0 : 1;
                }
            }
        }

        return wrong;
    }
}
