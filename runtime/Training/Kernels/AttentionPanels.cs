using System;
using System.Runtime.CompilerServices;
using Sinter.Runtime.Numerics;

namespace Sinter.Runtime.Training.Kernels;

/// <summary>How rows of a head are laid out for <see cref="AttentionTiles"/>, and back. What fills up rows or columns is zero.</summary>
internal static unsafe class AttentionPanels
{
    /// <summary>Panels [depth, 2 vectors of rows], one for every two vectors of rows: a row becomes a column.</summary>
    /// <param name="width">Numbers of a row, which stand from <paramref name="at"/> on among the <paramref name="depth"/> of a panel.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Turn<V>(float* rows, long stride, int count, int width, float* panels, int depth, int at)
        where V : struct, ILanes<V>
    {
        int panelWidth = 2 * V.Count;
        for (int row = 0; row < (count + panelWidth - 1) / panelWidth * panelWidth; row += V.Count)
        {
            float* from = rows + row * stride, to = panels + ((long)(row / panelWidth) * depth + at) * panelWidth + row % panelWidth;
            int used = Math.Min(V.Count, count - row), k = 0;
            for (; used == V.Count && stride <= int.MaxValue && k + V.Count <= width; k += V.Count) V.Transpose(from + k, (int)stride, to + k * panelWidth, panelWidth);
            for (; k < width; k++)
                for (int j = 0; j < V.Count; j++) to[k * panelWidth + j] = j < used ? from[j * stride + k] : 0f;
        }
    }

    /// <summary>Panels [room, 2 vectors of columns], the last of one vector where their number is odd: a row stays one.</summary>
    /// <param name="room">Rows from one panel to the next.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Split<V>(float* rows, long stride, int count, int width, float* panels, int room)
        where V : struct, ILanes<V>
    {
        int vectors = Vectors<V>(width);
        for (int vector = 0; vector < vectors; vector++)
        {
            int panelWidth = PanelWidth<V>(vector, vectors), lanes = Math.Min(V.Count, width - vector * V.Count);
            float* from = rows + vector * V.Count, to = panels + (long)(vector / 2) * 2 * V.Count * room + vector % 2 * V.Count;
            for (int i = 0; i < count; i++, from += stride, to += panelWidth) (lanes == V.Count ? V.Load(from) : V.Load(from, lanes)).Store(to);
        }
    }

    /// <summary>Rows side by side, each times <paramref name="scale"/>; zero up to <paramref name="room"/> rows.</summary>
    public static void Copy<V>(float* rows, long stride, int count, int width, float scale, float* to, long toStride, int room)
        where V : struct, ILanes<V>
    {
        for (int i = 0; i < count; i++) Row<V>(rows + i * stride, width, scale, to + i * toStride);
        for (int i = count; i < room; i++) Tiles.Clear(to + i * toStride, width);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Row<V>(float* from, int width, float scale, float* to)
        where V : struct, ILanes<V>
    {
        int k = 0;
        for (; k + V.Count <= width; k += V.Count) (V.Load(from + k) * V.All(scale)).Store(to + k);
        for (; k < width; k++) to[k] = from[k] * scale;
    }

    public static int Vectors<V>(int width)
        where V : struct, ILanes<V> => (width + V.Count - 1) / V.Count;

    /// <summary>Of the panel that has a vector of columns.</summary>
    public static int PanelWidth<V>(int vector, int vectors)
        where V : struct, ILanes<V> => vector / 2 * 2 + 1 < vectors ? 2 * V.Count : V.Count;
}
