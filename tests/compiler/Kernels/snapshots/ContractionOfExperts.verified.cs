// y[t,o] = x[t,i] * w[o,i]
// 70 columns of depth 40. Workers share blocks of columns: up to 8 rows stream the weights,
// more rows pass panels of two vectors × the depth in register tiles of 6 rows.
[MethodImpl(MethodImplOptions.AggressiveOptimization)]
public static void ExpertsDown<V>(ref readonly Step step, in Worker worker, ExpertGroups* groups, float* x, StoredWeight* weight, float* extra, float* y)
    where V : struct, ILanes<V>
{
    switch (weight->Format)
    {
        case WeightFormat.F32: ExpertsDownAs<V, F32>(in step, in worker, groups, x, weight, extra, y); break;
        case WeightFormat.BF16: ExpertsDownAs<V, BF16>(in step, in worker, groups, x, weight, extra, y); break;
        case WeightFormat.F16: ExpertsDownAs<V, F16>(in step, in worker, groups, x, weight, extra, y); break;
        case WeightFormat.E4M3: ExpertsDownAs<V, E4M3>(in step, in worker, groups, x, weight, extra, y); break;
    }
}

[MethodImpl(MethodImplOptions.AggressiveOptimization)]
private static void ExpertsDownAs<V, W>(ref readonly Step step, in Worker worker, ExpertGroups* groups, float* x, StoredWeight* weight, float* extra, float* y)
    where V : struct, ILanes<V>
    where W : struct, IWeightFormat
{
    const int Columns = 70, MostFew = 8, BlockColumns = 32;
    int total = 0;
    for (int expert = 0; expert < groups->Experts; expert++)
    {
        int rows = groups->Offsets[expert + 1] - groups->Offsets[expert];
        if (rows == 0) continue;
        int width = rows <= MostFew ? BlockColumns : 2 * V.Count;
        int count = (Columns + width - 1) / width;
        int cost = (rows + MostFew) * (width / 8);
        total += count * cost;
    }
    worker.Share(total, out int from, out int to);
    int at = 0;
    for (int expert = 0; expert < groups->Experts; expert++)
    {
        int rows = groups->Offsets[expert + 1] - groups->Offsets[expert];
        if (rows == 0) continue;
        int width = rows <= MostFew ? BlockColumns : 2 * V.Count;
        int count = (Columns + width - 1) / width;
        int cost = (rows + MostFew) * (width / 8);
        int firstBlock = Math.Min(count, (Math.Max(0, from - at) + cost - 1) / cost);
        int endBlock = Math.Min(count, (Math.Max(0, to - at) + cost - 1) / cost);
        at += count * cost;
        ExpertsDownBlocks<V, W>(in step, in worker, groups, x, weight + expert, extra, y, groups->Offsets[expert], groups->Offsets[expert + 1], firstBlock, endBlock);
    }
}

// Rows first up to end, blocks of columns from up to to.
[MethodImpl(MethodImplOptions.AggressiveOptimization)]
private static void ExpertsDownBlocks<V, W>(ref readonly Step step, in Worker worker, ExpertGroups* groups, float* x, StoredWeight* weight, float* extra, float* y, int first, int end, int from, int to)
    where V : struct, ILanes<V>
    where W : struct, IWeightFormat
{
    const int Columns = 70, Depth = 40, MostFew = 8, BlockColumns = 32, RowTile = 240;
    float** xRows = (float**)worker.Scratch;
    float* sums = (float*)(worker.Scratch + 1920);
    float* tiles = (float*)(worker.Scratch + 32640);
    bool few = end - first <= MostFew;
    int width = end - first <= MostFew ? BlockColumns : 2 * V.Count;
    int blocks = (Columns + width - 1) / width;
    for (int block = from; block < to; block++)
    {
        int column = block % blocks * width;
        int columns = Math.Min(width, Columns - column);
        MatrixView weightView = new MatrixView(weight, 0, columnStride: 40, depthStride: 1);
        for (int row = first; row < end; row += RowTile)
        {
            int rowCount = Math.Min(RowTile, end - row);
            for (int i = 0; i < rowCount; i++) xRows[i] = x + (long)(row + i) * 40;
            Tiles.Clear(sums, rowCount * width);
            if (few)
            {
                if (block == from || column == 0) FewRows.Arrange<V, W>(xRows, rowCount, Depth, weightView, tiles);
                FewRows.Add<V, W>(tiles, rowCount, Depth, weightView, column, columns, sums, width);
            }
            else
            {
                if (row == first) Panel.Pack<V, W>(weightView, column, columns, 0, Depth, tiles);
                Panel.Add<V>(xRows, rowCount, 0, Depth, tiles, sums);
            }
            for (int i = 0; i < rowCount; i++)
            {
                float* outputRow = y + (long)(row + i) * 70 + column;
                float extraHere = (extra + (long)groups->Pairs[row + i])[0];
                for (int c = 0; c < columns; c += V.Count)
                {
                    int lanes = Math.Min(V.Count, columns - c);
                    V sum = V.Load(sums + i * width + c, lanes);
                    (sum * V.All(extraHere)).Store(outputRow + c, lanes);
                }
            }
        }
    }
}
