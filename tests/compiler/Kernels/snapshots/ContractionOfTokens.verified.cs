// y[t,o] = x[t,i] * w[o,i]
// 50 columns of depth 67. Workers share blocks of columns: up to 8 rows stream the weights,
// more rows pass panels of two vectors × the depth in register tiles of 6 rows.
[MethodImpl(MethodImplOptions.AggressiveOptimization)]
public static void Gated<V>(ref readonly Step step, in Worker worker, float* x, StoredWeight* weight, StoredWeight* weight2, float* y)
    where V : struct, ILanes<V>
{
    switch (weight->Format)
    {
        case WeightFormat.F32: GatedAs<V, F32>(in step, in worker, x, weight, weight2, y); break;
        case WeightFormat.BF16: GatedAs<V, BF16>(in step, in worker, x, weight, weight2, y); break;
        case WeightFormat.F16: GatedAs<V, F16>(in step, in worker, x, weight, weight2, y); break;
        case WeightFormat.E4M3: GatedAs<V, E4M3>(in step, in worker, x, weight, weight2, y); break;
    }
}

[MethodImpl(MethodImplOptions.AggressiveOptimization)]
private static void GatedAs<V, W>(ref readonly Step step, in Worker worker, float* x, StoredWeight* weight, StoredWeight* weight2, float* y)
    where V : struct, ILanes<V>
    where W : struct, IWeightFormat
{
    const int Columns = 50, MostFew = 8, BlockColumns = 32;
    int width = step.Tokens <= MostFew ? BlockColumns : 2 * V.Count;
    worker.Share((Columns + width - 1) / width, out int from, out int to);
    GatedBlocks<V, W>(in step, in worker, x, weight, weight2, y, 0, step.Tokens, from, to);
}

// Rows first up to end, blocks of columns from up to to.
[MethodImpl(MethodImplOptions.AggressiveOptimization)]
private static void GatedBlocks<V, W>(ref readonly Step step, in Worker worker, float* x, StoredWeight* weight, StoredWeight* weight2, float* y, int first, int end, int from, int to)
    where V : struct, ILanes<V>
    where W : struct, IWeightFormat
{
    const int Columns = 50, Depth = 67, MostFew = 8, BlockColumns = 32, RowTile = 240;
    float** xRows = (float**)worker.Scratch;
    float* sums = (float*)(worker.Scratch + 1920);
    float* tiles = (float*)(worker.Scratch + 63360);
    bool few = end - first <= MostFew;
    int width = end - first <= MostFew ? BlockColumns : 2 * V.Count;
    int blocks = (Columns + width - 1) / width;
    for (int block = from; block < to; block++)
    {
        int column = block % blocks * width;
        int columns = Math.Min(width, Columns - column);
        MatrixView weightView = new MatrixView(weight, 0, columnStride: 67, depthStride: 1);
        MatrixView weight2View = new MatrixView(weight2, 0, columnStride: 67, depthStride: 1);
        for (int row = first; row < end; row += RowTile)
        {
            int rowCount = Math.Min(RowTile, end - row);
            for (int i = 0; i < rowCount; i++) xRows[i] = x + (long)(row + i) * 68 + 1;
            Tiles.Clear(sums, 2 * rowCount * width);
            if (few)
            {
                if (block == from || column == 0) FewRows.Arrange<V, W>(xRows, rowCount, Depth, weightView, tiles);
                FewRows.Add<V, W>(tiles, rowCount, Depth, weightView, column, columns, sums, width);
                FewRows.Add<V, W>(tiles, rowCount, Depth, weight2View, column, columns, sums + rowCount * width, width);
            }
            else
            {
                if (row == first) Panel.Pack<V, W>(weightView, column, columns, 0, Depth, tiles);
                Panel.Add<V>(xRows, rowCount, 0, Depth, tiles, sums);
                if (row == first) Panel.Pack<V, W>(weight2View, column, columns, 0, Depth, tiles + width * Depth);
                Panel.Add<V>(xRows, rowCount, 0, Depth, tiles + width * Depth, sums + rowCount * width);
            }
            for (int i = 0; i < rowCount; i++)
            {
                float* outputRow = y + (long)(row + i) * 50 + column;
                for (int c = 0; c < columns; c += V.Count)
                {
                    int lanes = Math.Min(V.Count, columns - c);
                    V sum1 = V.Load(sums + i * width + c, lanes);
                    V sum2 = V.Load(sums + (rowCount + i) * width + c, lanes);
                    (LaneMath.Silu(sum1) * sum2).Store(outputRow + c, lanes);
                }
            }
        }
    }
}
