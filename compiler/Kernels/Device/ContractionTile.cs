using System;
using Sinter.Compiler.Operations;

namespace Sinter.Compiler.Kernels.Device;

/// <summary>The tiles of a contraction on a device.</summary>
/// <param name="Rows">Of the group's tile.</param>
/// <param name="Columns">Of the group's tile.</param>
/// <param name="Depth">That is staged at once.</param>
/// <param name="ThreadRows">Of a thread's register tile.</param>
/// <param name="ThreadColumns">Of a thread's register tile.</param>
public sealed record ContractionTile(int Rows, int Columns, int Depth, int ThreadRows, int ThreadColumns)
{
    /// <summary>Between the rows of a staged tile, so that neighbouring threads meet different banks.</summary>
    public const int Pad = 1;

    public int RowThreads => Rows / ThreadRows;

    public int ColumnThreads => Columns / ThreadColumns;

    public int Threads => RowThreads * ColumnThreads;

    /// <summary>
    /// The tile with the least cost, a row and column of output: what is staged by each group (bytes of the group's memory
    /// written and of global memory read) and what its threads read back for their products. Segments of experts are
    /// short, so their tiles are; two accumulators share a thread's registers.
    /// </summary>
    public static ContractionTile Choose(ContractionOperation operation)
    {
        int accumulators = operation.Accumulators.Count;
        int mostRows = operation.Rows == RowSource.Experts ? 16 : 64;
        ContractionTile? best = null;
        double least = double.PositiveInfinity;
        foreach (int rows in new[] { 16, 32, 64 })
        {
            foreach (int columns in new[] { 16, 32, 64 })
            {
                foreach (int threadRows in new[] { 2, 4 })
                {
                    foreach (int threadColumns in new[] { 2, 4 })
                    {
                        var tile = new ContractionTile(rows, columns, 16, threadRows, threadColumns);
                        if (rows > mostRows || tile.Threads is < 64 or > 256 || accumulators * threadRows * threadColumns > 32) continue;
                        double padded = Math.Ceiling(operation.Columns / (double)columns) * columns / operation.Columns;
                        double cost = padded * (Staged / rows + Staged / columns + 1.0 / threadRows + 1.0 / threadColumns);
                        if (cost >= least) continue;
                        (best, least) = (tile, cost);
                    }
                }
            }
        }

        return best!;
    }

    /// <summary>How much dearer a number from global memory is than one from the group's.</summary>
    private const double Staged = 16;

    public string Describe(ContractionOperation operation) =>
        $"Tiles of {Rows} rows × {Columns} columns × {Depth} of depth, {Threads} threads with {ThreadRows} × {ThreadColumns} sums each"
        + (operation.Accumulators.Count > 1 ? $", {operation.Accumulators.Count} times." : ".");
}
