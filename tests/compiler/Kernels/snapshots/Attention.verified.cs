// o[t,h,u] = softmax[s](q[t,h,n] * k[s,h,n]) * v[s,h,u]
// 5 heads, all heads share the keys and are rows beside the tokens; workers take turns at tiles of 32 rows, keys pass by 64.
[MethodImpl(MethodImplOptions.AggressiveOptimization)]
public static void Absorbed<V>(ref readonly Step step, in Worker worker, float* query, CacheView* key, float* query2, CacheView* key2, CacheView* value, float* y)
    where V : struct, ILanes<V>
{
    const int Heads = 5, Width = 24, RowTile = 32, KeyTile = 64;
    float** queryRows = (float**)worker.Scratch;
    float** query2Rows = (float**)(worker.Scratch + 256);
    float** outputRows = (float**)(worker.Scratch + 512);
    float* scores = (float*)(worker.Scratch + 768);
    float* largest = (float*)(worker.Scratch + 8960);
    float* total = (float*)(worker.Scratch + 9088);
    float* factors = (float*)(worker.Scratch + 9216);
    int* bounds = (int*)(worker.Scratch + 9344);
    int turn = 0;
    for (int sequence = 0; sequence < step.Sequences; sequence++)
    {
        SequenceRange range = step.Ranges[sequence];
        int rows = range.Count * Heads;
        int parts = Math.Max(1, worker.Count / step.Sequences);
        int tile = Math.Max(1, Math.Min(RowTile, (rows + parts - 1) / parts));
        int tiles = (rows + tile - 1) / tile;
        for (int item = 0; item < tiles; item++)
        {
            bool mine = turn % worker.Count == worker.Index;
            turn++;
            if (!mine) continue;
            int first = item % tiles * tile;
            int rowCount = Math.Min(tile, rows - first);
            int most = 0;
            for (int i = 0; i < rowCount; i++)
            {
                int token = range.First + (first + i) / Heads;
                int head = (first + i) % Heads;
                queryRows[i] = query + (long)token * 120 + head * 24;
                query2Rows[i] = query2 + (long)token * 50 + head * 10;
                outputRows[i] = y + (long)token * 120 + head * 24;
                bounds[i] = step.Positions[token] + 1;
                most = Math.Max(most, bounds[i]);
                largest[i] = float.NegativeInfinity;
                total[i] = 0f;
                Tiles.Clear(outputRows[i], Width);
            }
            float* keyPlace = key->Data + range.Slot * key->SlotStride;
            float* key2Place = key2->Data + range.Slot * key2->SlotStride + 2;
            float* valuePlace = value->Data + range.Slot * value->SlotStride;
            for (int start = 0; start < most; start += KeyTile)
            {
                int keyCount = Math.Min(KeyTile, most - start);
                Tiles.Clear(scores, rowCount * KeyTile);
                AttentionTile.AddScores<V>(queryRows, rowCount, 24, keyPlace + (long)start * 24, 24, keyCount, scores, KeyTile);
                AttentionTile.AddScores<V>(query2Rows, rowCount, 8, key2Place + (long)start * 12, 12, keyCount, scores, KeyTile);
                for (int i = 0; i < rowCount; i++)
                {
                    float* row = scores + i * KeyTile;
                    int seen = Math.Min(keyCount, Math.Max(0, bounds[i] - start));
                    V top = V.All(largest[i]);
                    for (int s = 0; s < seen; s += V.Count)
                    {
                        int lanes = seen - s;
                        V score = V.Load(row + s, lanes) * V.All(0.3f);
                        score.Store(row + s, lanes);
                        top = V.Max(top, V.First(score, lanes, V.All(float.NegativeInfinity)));
                    }
                    float now = V.Largest(top);
                    factors[i] = MathF.Exp(largest[i] - now);
                    largest[i] = now;
                    V sum = V.Zero;
                    for (int s = 0; s < keyCount; s += V.Count)
                    {
                        int lanes = Math.Min(V.Count, Math.Max(0, seen - s));
                        V weight = V.First(LaneMath.Exp(V.Load(row + s, lanes) - V.All(now)), lanes, V.Zero);
                        weight.Store(row + s, V.Count);
                        sum += weight;
                    }
                    total[i] = total[i] * factors[i] + V.Sum(sum);
                }
                AttentionTile.AddValues<V>(scores, KeyTile, factors, rowCount, valuePlace + (long)start * 24, 24, keyCount, outputRows, Width);
            }
            for (int i = 0; i < rowCount; i++)
            {
                float share = 1f / total[i];
                for (int column = 0; column < Width; column += V.Count)
                {
                    int lanes = LaneMath.Left<V>(Width, column);
                    (V.Load(outputRows[i] + column, lanes) * V.All(share)).Store(outputRows[i] + column, lanes);
                }
            }
        }
    }
}
