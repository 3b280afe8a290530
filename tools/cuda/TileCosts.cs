using System;
using System.Collections.Generic;
using System.Linq;
using Sinter.Cuda.Kernels;

namespace Sinter.Cuda;

/// <summary>
/// Which tile a product should take: a model of waves of blocks, of tensor cores' operations with the padding of ragged
/// edges, and of bytes from memory. Predictions for choosing; nobody has measured them.
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

    /// <summary>Predicted seconds of a grouped product.</summary>
    /// <param name="kernel">A product.</param>
    /// <param name="gpu">Where it runs.</param>
    /// <param name="rows">Rows of each expert.</param>
    /// <param name="columns">Of the result.</param>
    /// <param name="depth">Bytes in depth.</param>
    /// <returns>Infinite where the device cannot run it.</returns>
    public static double Seconds(CudaKernel kernel, Gpu gpu, IReadOnlyList<int> rows, int columns, int depth)
    {
        ArgumentNullException.ThrowIfNull(rows);
        var together = BlocksTogether(kernel, gpu);
        var e4m3 = kernel.Target == "sm_89";
        var rate = e4m3 ? gpu.E4M3 : gpu.BF16;
        if (together == 0 || rate == 0)
        {
            return double.PositiveInfinity;
        }

        var pieces = (depth + Gemm.Piece - 1) / Gemm.Piece;
        var blocks = rows.Sum(count => (count + kernel.TileRows - 1) / kernel.TileRows) * (long)((columns + kernel.TileColumns - 1) / kernel.TileColumns);
        // A multiprocessor's rate does not grow with the blocks on it, so a wave takes as long as all its blocks one after the other.
        var (full, rest) = Math.DivRem(blocks, (long)gpu.Multiprocessors * together);
        var last = (rest + gpu.Multiprocessors - 1) / gpu.Multiprocessors;
        var operations = 2.0 * kernel.TileRows * kernel.TileColumns * pieces * Gemm.Piece / (e4m3 ? 1 : 2);
        var fetched = (double)(kernel.TileRows + kernel.TileColumns) * Gemm.Piece * pieces;
        // The second level of cache gives about 64 bytes a cycle to each multiprocessor; 1.5 GHz.
        var block = Math.Max(operations / (rate / gpu.Multiprocessors), fetched / (64 * 1.5e9));
        var bytes = ((double)rows.Sum() * depth) + ((double)rows.Count(count => count > 0) * columns * depth) + (4.0 * rows.Sum() * columns);
        return Math.Max(((full * together) + last) * block, bytes / gpu.Bandwidth);
    }

    /// <summary>The kernel with the least predicted time; of equals the one with the smallest tile.</summary>
    public static CudaKernel Choose(bool e4m3, Gpu gpu, IReadOnlyList<int> rows, int columns, int depth)
        => CudaKernel.All
            .Where(kernel => kernel.TileRows > 0 && (kernel.Target == "sm_89") == e4m3)
            .OrderBy(kernel => Seconds(kernel, gpu, rows, columns, depth))
            .ThenBy(kernel => kernel.TileRows * kernel.TileColumns)
            .First();
}
