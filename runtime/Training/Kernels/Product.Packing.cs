using System;
using System.Runtime.CompilerServices;
using Sinter.Runtime.Numerics;

namespace Sinter.Runtime.Training.Kernels;

// How a product's factors are laid out for the register tile, and its numbers in the result.
public static unsafe partial class Product
{
    private ref partial struct Work<V>
    {
        /// <summary>Rows whose depth lies side by side are read where they are; others are packed.</summary>
        private void TakeRows(float* left, int rows, int depth)
        {
            if (!_packsRows)
            {
                for (int i = 0; i < rows; i++) _rows[i] = left + _rowLeft[i] + _depthLeft[0];
                return;
            }

            for (int i = 0; i < rows; i++) _rows[i] = _packed + i * DepthTile;
            long stride = Stride(_depthLeft, depth);
            for (int i = 0; i < rows; i += V.Count)
            {
                int count = Math.Min(V.Count, rows - i), k = 0;
                bool isEven = Stride(_rowLeft + i, count) == 1;
                for (; isEven && k + V.Count <= depth; k += V.Count)
                    Turn(left + _rowLeft[i], _depthLeft + k, count, stride, _packed + i * DepthTile + k, DepthTile, rows - i);
                for (; k < depth; k++)
                    for (int j = 0; j < count; j++) _packed[(i + j) * DepthTile + k] = left[_rowLeft[i + j] + _depthLeft[k]];
            }

            if (!_shape.CastsDepth) return;
            for (int i = 0; i < rows; i++) Casts.Row(_rows[i], _rows[i], depth, _shape.RoundsLeft);
        }

        /// <summary>Transposes a square: what is at <paramref name="offsets"/>[j] becomes column j of as many rows as are to be written.</summary>
        /// <param name="count">Numbers side by side at each offset.</param>
        /// <param name="stride">Of the offsets, if they have one.</param>
        private void Turn(float* from, long* offsets, int count, long stride, float* to, int toStride, int rows)
        {
            if (count == V.Count && stride is >= 0 and <= int.MaxValue)
            {
                V.Transpose(from + offsets[0], (int)stride, to, toStride);
                return;
            }

            for (int j = 0; j < V.Count; j++) V.Load(from + offsets[j], count).Store(_square + j * V.Count);
            if (rows >= V.Count)
            {
                V.Transpose(_square, V.Count, to, toStride);
                return;
            }

            V.Transpose(_square, V.Count, _turned, V.Count);
            for (int j = 0; j < rows; j++) V.Load(_turned + j * V.Count).Store(to + (long)j * toStride);
        }

        private void PackPanel(float* right, int columns, int depth, long strideRight)
        {
            if (Stride(_columnRight, columns) == 1)
            {
                int second = Math.Clamp(columns - V.Count, 0, V.Count), first = Math.Min(columns, V.Count);
                float* panel = right + _columnRight[0];
                if (second == V.Count)
                {
                    float* next = _panel;
                    if (strideRight >= 0)
                    {
                        for (float* from = panel + _depthRight[0], end = next + depth * Width; next < end; from += strideRight, next += Width) Copy(from, next);
                        return;
                    }

                    for (int k = 0; k < depth; k++, next += Width) Copy(panel + _depthRight[k], next);
                    return;
                }

                for (int k = 0; k < depth; k++)
                {
                    float* from = panel + _depthRight[k], to = _panel + k * Width;
                    (first == V.Count ? V.Load(from) : V.Load(from, first)).Store(to);
                    (second > 0 ? V.Load(from + V.Count, second) : V.Zero).Store(to + V.Count);
                }

                return;
            }

            for (int half = 0; half < Width; half += V.Count)
            {
                int count = Math.Clamp(columns - half, 0, V.Count), k = 0;
                long stride = Stride(_columnRight + half, count);
                for (; count == V.Count && k + V.Count <= depth && (strideRight == 1 || Stride(_depthRight + k, V.Count) == 1); k += V.Count)
                    Turn(right + _depthRight[k], _columnRight + half, V.Count, stride, _panel + k * Width + half, Width, V.Count);
                for (; k < depth; k++)
                    for (int j = 0; j < V.Count; j++) _panel[k * Width + half + j] = j < count ? right[_columnRight[half + j] + _depthRight[k]] : 0;
            }
        }

        /// <summary>
        /// Asks for a part of the next panel between two tiles: all of it at once waits for the memory, which the tiles then leave idle.
        /// </summary>
        /// <param name="right">Where the next panel's batch stands.</param>
        private void Ask(float* right, int panel, int depth, long strideRight, int part, int parts)
        {
            int column = panel * Width;
            float* first = right + _shape.Columns.Right(column);
            long stride = _shape.Columns.Right(column + 1) - _shape.Columns.Right(column);
            if (stride == 1)
            {
                for (int k = depth * part / parts, end = depth * (part + 1) / parts; k < end; k++) Tiles.Prefetch((byte*)(first + _depthRight[k]), Width * sizeof(float));
            }
            else if (strideRight == 1)
            {
                first += _depthRight[0];
                for (int j = Width * part / parts, end = Width * (part + 1) / parts; j < end; j++) Tiles.Prefetch((byte*)(first + j * stride), depth * sizeof(float));
            }
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        private static void Copy(float* from, float* to)
        {
            V first = V.Load(from), second = V.Load(from + V.Count);
            first.Store(to);
            second.Store(to + V.Count);
        }

        private void Lay(float* row, float* numbers, int columns, bool isEven, bool adds)
        {
            if (!isEven)
            {
                for (int j = 0; j < columns; j++) row[_columnResult[j]] = adds ? row[_columnResult[j]] + numbers[j] : numbers[j];
                return;
            }

            row += _columnResult[0];
            for (int j = 0; j < columns; j += V.Count)
            {
                int lanes = Math.Min(V.Count, columns - j);
                V sum = V.Load(numbers + j);
                if (lanes == V.Count) (adds ? V.Load(row + j) + sum : sum).Store(row + j);
                else (adds ? V.Load(row + j, lanes) + sum : sum).Store(row + j, lanes);
            }
        }

        /// <summary>What is between each entry and the next, if that is always the same; else −1. One entry is as good as side by side.</summary>
        private static long Stride(long* offsets, int count)
        {
            if (count < 2) return 1;
            long stride = offsets[1] - offsets[0];
            for (int i = 2; i < count; i++)
                if (offsets[i] - offsets[i - 1] != stride) return -1;
            return stride;
        }
    }
}
