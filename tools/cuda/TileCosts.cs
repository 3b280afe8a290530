using System;
using System.Collections.Generic;
using System.Linq;
using Sinter.Cuda.Kernels;

namespace Sinter.Cuda;

/// <summary>
/// Which tile a product should take: a model of waves of blocks, of tensor cores' operations with the padding of ragged
/// edges, of issued instructions, and of bytes from shared memory, the cache and memory. Predictions for choosing; nobody has measured them.
/// </summary>
public static class TileCosts
{
    /// <summary>Registers of a multiprocessor.</summary>
    private const int Registers = 65536;

    /// <summary>Shared memory that the system takes of each block.</summary>
    private const int Reserved = 1024;

    /// <summary>Blocks of a kernel that a multiprocessor runs together; 0 if not even one fits.</summary>
    public static int BlocksTogether(CudaKernel kernel, Gpu gpu)
    {
        ArgumentNullException.ThrowIfNull(kernel);
        ArgumentNullException.ThrowIfNull(gpu);
        // Registers are given out to warps in units of 8 a thread.
        var registers = (kernel.Registers + 7) / 8 * 8 * kernel.Threads;
        return Math.Min(Math.Min(gpu.Threads / kernel.Threads, Registers / registers), gpu.SharedBytes / (kernel.SharedBytes + Reserved));
    }

    /// <summary>Predicted time of a grouped product, or of gate and up together.</summary>
    /// <param name="kernel">A product, or a gated one.</param>
    /// <param name="gpu">Where it runs.</param>
    /// <param name="rows">Rows of each expert.</param>
    /// <param name="columns">Of the result.</param>
    /// <param name="depth">Bytes in depth.</param>
    public static Prediction Predict(CudaKernel kernel, Gpu gpu, IReadOnlyList<int> rows, int columns, int depth)
    {
        ArgumentNullException.ThrowIfNull(rows);
        var together = BlocksTogether(kernel, gpu);
        var rate = gpu.Rate(kernel);
        if (together == 0 || rate == 0)
        {
            return Prediction.Impossible;
        }

        var pieces = (depth + Gemm.Piece - 1) / Gemm.Piece;
        var blocks = rows.Sum(count => (count + kernel.TileRows - 1) / kernel.TileRows) * (long)((columns + kernel.TileColumns - 1) / kernel.TileColumns);
        var busy = Busy(blocks, together, gpu);
        // Gate and up have the same rows, and leave one result of the next product's type.
        var (products, resultBytes) = !kernel.IsGated ? (1, 4.0) : (2, kernel.IsE4M3 ? 1 : 2);
        // The warp that only fetches issues little.
        var warps = (kernel.Threads / 32) - (kernel.IsForHopper ? 1 : 0);
        return Prediction.Longest(
            ((rows.Sum(count => (double)count) * depth) + ((double)rows.Count(count => count > 0) * products * columns * depth) + (resultBytes * rows.Sum(count => (double)count) * columns)) / gpu.Bandwidth,
            busy * 2.0 * products * kernel.TileRows * kernel.TileColumns * pieces * Gemm.Piece / (kernel.IsE4M3 ? 1 : 2) / rate,
            busy * (kernel.TileRows + (products * kernel.TileColumns)) * Gemm.Piece * pieces / gpu.CacheBandwidth,
            busy * kernel.RoundInstructions * warps * pieces / gpu.IssueRate,
            busy * LoadBytes(kernel) * pieces / gpu.SharedBandwidth);
    }

    /// <summary>Bytes that a block's warps load from shared memory in a round.</summary>
    internal static double LoadBytes(CudaKernel kernel) => 512.0 * kernel.RoundLoads * (kernel.Threads / 32);

    /// <summary>
    /// How many blocks' work passes on all multiprocessors. One's rate does not grow with the blocks on it, so a wave takes as
    /// long as all its blocks one after the other; the last wave is as long as its fullest multiprocessor.
    /// </summary>
    internal static double Busy(long blocks, int together, Gpu gpu)
    {
        var (full, rest) = Math.DivRem(blocks, (long)gpu.Multiprocessors * together);
        var last = (rest + gpu.Multiprocessors - 1) / gpu.Multiprocessors;
        return (double)((full * together) + last) * gpu.Multiprocessors;
    }

    /// <summary>The kernel with the least predicted time; of equals the one with the smallest tile.</summary>
    public static CudaKernel Choose(bool e4m3, Gpu gpu, IReadOnlyList<int> rows, int columns, int depth)
        => CudaKernel.All
            .Where(kernel => kernel.IsProduct && kernel.IsE4M3 == e4m3)
            .OrderBy(kernel => Predict(kernel, gpu, rows, columns, depth).Seconds)
            .ThenBy(kernel => kernel.TileRows * kernel.TileColumns)
            .First();
}
