using System;
using Sinter.Runtime.Execution;
using Sinter.Runtime.Numerics;

namespace Sinter.Runtime.Training.Kernels;

/// <summary>Adds rows into a table by an index: the gradient of an embedding.</summary>
public static unsafe class Scatter
{
    private const int MostLanes = 16;

    /// <summary>
    /// table[index[row], column] += rows[row, column], in the order of the rows. Workers share the columns, so that rows with
    /// the same index never meet.
    /// </summary>
    public static void Add<V>(in Worker worker, int* index, int rows, int columns, float* numbers, long stride, float* table, long tableStride)
        where V : struct, ILanes<V>
    {
        worker.Share((columns + MostLanes - 1) / MostLanes, out int from, out int to);
        (from, to) = (from * MostLanes, Math.Min(columns, to * MostLanes));
        for (int row = 0; row < rows && from < to; row++)
        {
            float* source = numbers + row * stride, target = table + index[row] * tableStride;
            for (int c = from; c < to; c += V.Count)
            {
                int lanes = Math.Min(V.Count, to - c);
                (V.Load(target + c, lanes) + V.Load(source + c, lanes)).Store(target + c, lanes);
            }
        }
    }
}
