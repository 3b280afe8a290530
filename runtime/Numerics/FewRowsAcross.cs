using System;
using System.Runtime.CompilerServices;
using Sinter.Runtime.Weights;

namespace Sinter.Runtime.Numerics;

/// <summary>
/// Products of few rows with a matrix that is stored [depth, column], as absorbed attention reads the latents' expansion:
/// lanes run along the stored rows, which pass from end to end, and every depth adds a multiple of one to the sums.
/// </summary>
[SkipLocalsInit]
internal static unsafe class FewRowsAcross
{
    /// <summary>Stored rows that pass together, so that a sum is loaded and stored once for all of them.</summary>
    private const int Deep = 4;

    /// <summary>How far ahead in memory the matrix is asked for.</summary>
    private const int Ahead = 8192;

    /// <summary>Vectors of sums that are kept at once: for two rows, and marks beside them.</summary>
    private const int MostQuads = 16;

    /// <summary>sums[row, column] += Σ over depth of row · matrix, for <paramref name="columns"/> columns from <paramref name="column"/> on.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Add<V, W>(float* x, int count, int depth, in MatrixView matrix, int column, int columns, float* sums, int stride)
        where V : struct, ILanes<V>
        where W : struct, IWeightFormat
    {
        int lanes;
        for (int c = 0; c < columns; c += lanes)
        {
            int quads = Quads<V, W>(matrix, column + c, columns - c);
            lanes = quads > 0 ? quads * 4 * V.Count : Math.Min(V.Count, columns - c);
            while (!matrix.IsEven(column + c, lanes)) lanes--;
            long element = matrix.Element(column + c);
            for (int row = 0; row < count; row += 2)
            {
                int rows = Math.Min(2, count - row);
                float* from = x + (long)row * depth, to = sums + row * stride + c;
                if (quads > 0 && AddQuads<V, W>(from, rows, depth, matrix, element, quads, to, stride)) continue;
                for (int i = 0; i < rows; i++)
                {
                    for (int part = 0; part < lanes; part += V.Count)
                        AddPart<V, W>(from + (long)i * depth, depth, matrix, element + part, Math.Min(V.Count, lanes - part), to + i * stride + part);
                }
            }
        }
    }

    /// <summary>How many quads of columns, from one on, stand side by side in each stored row, none of them in two blocks of scales.</summary>
    private static int Quads<V, W>(in MatrixView matrix, int column, int columns)
        where V : struct, ILanes<V>
        where W : struct, IWeightFormat
    {
        if (W.IsBlockScaled && (matrix.DepthStride != matrix.Weight->Columns || matrix.Element(column) % matrix.Weight->Columns % (4 * V.Count) != 0)) return 0;
        int quads = Math.Min(MostQuads, columns / (4 * V.Count));
        while (quads > 0 && !matrix.IsEven(column, quads * 4 * V.Count)) quads--;
        return quads;
    }

    /// <summary>
    /// One or two rows, up to <see cref="MostQuads"/> quads of columns. Does nothing, and says so, if there is a code that
    /// stands for no number: then it must be told which sums it spoils.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static bool AddQuads<V, W>(float* x, int rows, int depth, in MatrixView matrix, long element, int quads, float* sums, int stride)
        where V : struct, ILanes<V>
        where W : struct, IWeightFormat
    {
        StoredWeight* weight = matrix.Weight;
        int width = quads * 4 * V.Count;
        float* totals = stackalloc float[2 * MostQuads * 4 * V.Count], factors = stackalloc float[MostQuads];
        Tiles.Clear(totals, 2 * width);
        float* y = rows > 1 ? x + depth : x;
        long step = (long)matrix.DepthStride * W.Bytes;
        byte* place = weight->Data + element * W.Bytes;
        int ahead = (int)Math.Max(Deep, Ahead / step);
        for (int k = 0; k < Math.Min(ahead, depth); k++) Tiles.Prefetch(place + k * step, width * W.Bytes);
        V marks = V.Zero;
        int end;
        for (int start = 0; start < depth; start = end)
        {
            end = BlockEnd<W>(matrix, element, start, depth);
            for (int quad = 0; quad < quads; quad++)
                factors[quad] = W.ArrangeFactor * (W.IsBlockScaled ? *MatrixView.Scale(weight, element + start * (long)matrix.DepthStride + quad * 4 * V.Count) : 1);
            int k = start;
            for (; k + Deep <= end; k += Deep, place += Deep * step)
            {
                for (int i = 0; i < Deep; i++) Tiles.Prefetch(place + (ahead + i) * step, width * W.Bytes);
                for (int quad = 0; quad < quads; quad++)
                {
                    byte* p = place + quad * 4 * V.Count * W.Bytes;
                    float* totalX = totals + quad * 4 * V.Count, totalY = totalX + width;
                    V factor = V.All(factors[quad]);
                    V x0 = V.Load(totalX), x1 = V.Load(totalX + V.Count), x2 = V.Load(totalX + 2 * V.Count), x3 = V.Load(totalX + 3 * V.Count);
                    V y0 = V.Load(totalY), y1 = V.Load(totalY + V.Count), y2 = V.Load(totalY + 2 * V.Count), y3 = V.Load(totalY + 3 * V.Count);
                    Row<V, W>(p, V.All(x[k]) * factor, V.All(y[k]) * factor, ref x0, ref x1, ref x2, ref x3, ref y0, ref y1, ref y2, ref y3, ref marks);
                    Row<V, W>(p + step, V.All(x[k + 1]) * factor, V.All(y[k + 1]) * factor, ref x0, ref x1, ref x2, ref x3, ref y0, ref y1, ref y2, ref y3, ref marks);
                    Row<V, W>(p + 2 * step, V.All(x[k + 2]) * factor, V.All(y[k + 2]) * factor, ref x0, ref x1, ref x2, ref x3, ref y0, ref y1, ref y2, ref y3, ref marks);
                    Row<V, W>(p + 3 * step, V.All(x[k + 3]) * factor, V.All(y[k + 3]) * factor, ref x0, ref x1, ref x2, ref x3, ref y0, ref y1, ref y2, ref y3, ref marks);
                    Store(x0, x1, x2, x3, totalX);
                    Store(y0, y1, y2, y3, totalY);
                }
            }

            for (; k < end; k++, place += step)
            {
                for (int quad = 0; quad < quads; quad++)
                {
                    float* totalX = totals + quad * 4 * V.Count, totalY = totalX + width;
                    V factor = V.All(factors[quad]);
                    V x0 = V.Load(totalX), x1 = V.Load(totalX + V.Count), x2 = V.Load(totalX + 2 * V.Count), x3 = V.Load(totalX + 3 * V.Count);
                    V y0 = V.Load(totalY), y1 = V.Load(totalY + V.Count), y2 = V.Load(totalY + 2 * V.Count), y3 = V.Load(totalY + 3 * V.Count);
                    Row<V, W>(place + quad * 4 * V.Count * W.Bytes, V.All(x[k]) * factor, V.All(y[k]) * factor, ref x0, ref x1, ref x2, ref x3, ref y0, ref y1, ref y2, ref y3, ref marks);
                    Store(x0, x1, x2, x3, totalX);
                    Store(y0, y1, y2, y3, totalY);
                }
            }
        }

        if (W.IsMarked(marks)) return false;
        int* places = stackalloc int[4 * V.Count];
        FindPlaces<V, W>(places);
        for (int row = 0; row < rows; row++)
        {
            float* from = totals + row * width, to = sums + row * stride;
            for (int first = 0; first < width; first += 4 * V.Count)
                for (int i = 0; i < 4 * V.Count; i++) to[first + places[i]] += from[first + i] * W.QuadFactor;
        }

        return true;
    }

    /// <summary>One stored row's quad for both rows.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Row<V, W>(
        byte* place, V x, V y, ref V x0, ref V x1, ref V x2, ref V x3, ref V y0, ref V y1, ref V y2, ref V y3, ref V marks)
        where V : struct, ILanes<V>
        where W : struct, IWeightFormat
    {
        W.LoadQuad(place, out V first, out V second, out V third, out V fourth);
        x0 = V.Fma(x, first, x0);
        x1 = V.Fma(x, second, x1);
        x2 = V.Fma(x, third, x2);
        x3 = V.Fma(x, fourth, x3);
        y0 = V.Fma(y, first, y0);
        y1 = V.Fma(y, second, y1);
        y2 = V.Fma(y, third, y2);
        y3 = V.Fma(y, fourth, y3);
        marks = W.Mark(place, marks);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Store<V>(V first, V second, V third, V fourth, float* place)
        where V : struct, ILanes<V>
    {
        first.Store(place);
        second.Store(place + V.Count);
        third.Store(place + 2 * V.Count);
        fourth.Store(place + 3 * V.Count);
    }

    /// <summary>Which column of a quad stands at each place of it, in the order that <see cref="IWeightFormat.LoadQuad"/> makes.</summary>
    private static void FindPlaces<V, W>(int* places)
        where V : struct, ILanes<V>
        where W : struct, IWeightFormat
    {
        float* columns = stackalloc float[4 * V.Count], arranged = stackalloc float[4 * V.Count];
        for (int i = 0; i < 4 * V.Count; i++) columns[i] = i;
        W.Arrange<V>(columns, arranged);
        for (int i = 0; i < 4 * V.Count; i++) places[i] = (int)(arranged[i] / W.ArrangeFactor);
    }

    /// <summary>One row, a vector of columns or less.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void AddPart<V, W>(float* x, int depth, in MatrixView matrix, long element, int lanes, float* sums)
        where V : struct, ILanes<V>
        where W : struct, IWeightFormat
    {
        V total = V.Zero;
        for (int k = 0; k < depth; k++) total = V.Fma(V.All(x[k]), MatrixView.Load<V, W>(matrix.Weight, element + (long)k * matrix.DepthStride, lanes), total);
        (V.Load(sums, lanes) + total).Store(sums, lanes);
    }

    /// <summary>The end of the depths from <paramref name="start"/> on that share their scales: stored rows of one block.</summary>
    private static int BlockEnd<W>(in MatrixView matrix, long element, int start, int depth)
        where W : struct, IWeightFormat
    {
        if (!W.IsBlockScaled) return depth;
        long row = (element + (long)start * matrix.DepthStride) / matrix.Weight->Columns;
        return (int)Math.Min(depth, start + W.ScaleRows - row % W.ScaleRows);
    }
}
