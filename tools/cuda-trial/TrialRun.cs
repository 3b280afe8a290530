using System;
using System.Collections.Generic;
using System.Globalization;
using System.IO;
using System.Linq;
using Sinter.Cuda;
using Sinter.Cuda.Driver;

namespace Sinter.CudaTrial;

/// <summary>Checks every kernel that a GPU runs, and measures it beside the cost model's prediction.</summary>
public static class TrialRun
{
    /// <summary>Runs everything; what is written is Markdown.</summary>
    /// <param name="device">The GPU.</param>
    /// <param name="measures">Whether large shapes are run for time, too.</param>
    /// <param name="output">Receives the tables.</param>
    /// <returns>How many trials gave wrong results.</returns>
    public static int Run(CudaDevice device, bool measures, TextWriter output)
    {
        ArgumentNullException.ThrowIfNull(device);
        ArgumentNullException.ThrowIfNull(output);
        output.WriteLine($"{device.Name}: SM {device.Architecture}, {device.Multiprocessors} multiprocessors; the driver supports CUDA {device.Version / 1000}.{device.Version % 1000 / 10}; {DateTime.UtcNow:yyyy-MM-dd}");
        output.WriteLine();
        output.WriteLine("| kernel | shape | error | allowed | |\n|---|---|---|---|---|");
        var wrong = 0;
        foreach (var kernel in CudaKernel.All)
        {
            if (Obstacle(device, kernel) is { } obstacle)
            {
                output.WriteLine($"| `{kernel.Name}` | left out: {obstacle} | | | |");
                continue;
            }

            foreach (var trial in Small(kernel))
            {
                trial.Prepare(device)();
                var error = trial.Error(device);
                var isRight = error <= trial.Tolerance;
                wrong += isRight ? 0 : 1;
                output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"| `{kernel.Name}` | {trial.Shape} | {error:0.0e+0} | {trial.Tolerance:0.0e+0} | {(isRight ? "right" : "**wrong**")} |"));
            }
        }

        if (measures)
        {
            Measure(device, output);
        }

        output.WriteLine();
        output.WriteLine(wrong == 0 ? "All results are right." : $"{wrong} results are wrong.");
        return wrong;
    }

    private static void Measure(CudaDevice device, TextWriter output)
    {
        var gpu = Gpu.All.FirstOrDefault(gpu => gpu.Architecture == device.Architecture);
        output.WriteLine();
        output.WriteLine($"| kernel | shape | median time | TFLOPS | predicted{(gpu is null ? "" : $" ({gpu.Name})")} |\n|---|---|---|---|---|");
        foreach (var kernel in CudaKernel.All.Where(kernel => Obstacle(device, kernel) is null))
        {
            foreach (var trial in Large(kernel))
            {
                var launch = trial.Prepare(device);
                device.Time(launch);
                var seconds = Enumerable.Range(0, 20).Select(_ => device.Time(launch)).Order().ElementAt(10);
                var predicted = gpu is null ? null : trial.Predict(gpu);
                output.WriteLine(string.Create(
                    CultureInfo.InvariantCulture,
                    $"| `{kernel.Name}` | {trial.Shape} | {seconds * 1e6:0.0} µs | {trial.Operations / seconds / 1e12:0} | {(predicted is { } time ? $"{time.Seconds * 1e6:0.0} µs, {time.Limit}" : "")} |"));
            }
        }
    }

    /// <summary>Attention is two kernels: both must run.</summary>
    private static string? Obstacle(CudaDevice device, CudaKernel kernel)
        => device.Obstacle(kernel) ?? (kernel.Name == "merge_attention" ? device.Obstacle(CudaKernel.Named("latent_attention")) : null);

    /// <summary>Ragged shapes, experts without rows, more pieces than stages.</summary>
    private static IEnumerable<ITrial> Small(CudaKernel kernel) => kernel switch
    {
        { IsProduct: true } => [new ProductTrial(kernel, [1], 2, 16), new ProductTrial(kernel, [0, 3, 0, kernel.TileRows + 6, 1], kernel.TileColumns + 2, 656)],
        { Name: "latent_attention" } => [new AttentionTrial(16, [33, 1]), new AttentionTrial(33, [97])],
        { IsGated: true } => [new GatedTrial(kernel, [0, 3, 66], 128, 144)],
        { IsFlash: true } => [new FlashTrial(kernel, 2, [(0, 1), (37, 130)])],
        { Name: "cast_e4m3" } => [new CastTrial(5, 260)],
        _ => [],
    };

    /// <summary>DeepSeek-V3's products, and decoding after 8,192 positions.</summary>
    private static IEnumerable<ITrial> Large(CudaKernel kernel) => kernel switch
    {
        { IsProduct: true } =>
        [
            new ProductTrial(kernel, [64], 7168, 16384), new ProductTrial(kernel, [4096], 4096, 7168), new ProductTrial(kernel, [4096], 7168, 2048),
            new ProductTrial(kernel, [.. Enumerable.Repeat(128, 32)], 4096, 7168),
        ],
        { Name: "latent_attention" } => [new AttentionTrial(16, [.. Enumerable.Repeat(8192, 32)]), new AttentionTrial(128, [.. Enumerable.Repeat(8192, 32)])],
        { IsGated: true } => [new GatedTrial(kernel, [64], 18432, 7168), new GatedTrial(kernel, [.. Enumerable.Repeat(128, 32)], 2048, 7168)],
        { IsFlash: true } => [new FlashTrial(kernel, 128, [(0, 4096)]), new FlashTrial(kernel, 128, [(12288, 1024)]), new FlashTrial(kernel, 128, [.. Enumerable.Repeat((0, 128), 32)])],
        { Name: "cast_e4m3" } => [new CastTrial(4096, 7168)],
        _ => [],
    };
}
