using System;
using System.Runtime.CompilerServices;
using Sinter.Runtime.Execution;
using Sinter.Runtime.Numerics;

namespace Sinter.Runtime.Training.Kernels;

/// <summary>
/// Attention and its gradients, a block of queries at a time: their scores with all keys that they see lie in a worker's own
/// memory and nowhere else, and the backward pass makes them anew. A head is one worker's, so that sums over queries have one order.
/// </summary>
[SkipLocalsInit]
public static unsafe class SequenceAttention
{
    private const int Rows = AttentionShape.Rows;

    /// <summary>output = softmax(scores) · value.</summary>
    public static void Forward<V>(
        in Worker worker, in AttentionShape shape, int tokens, float* query, float* key, float* otherQuery, float* otherKey, float* value, float* output)
        where V : struct, ILanes<V>
    {
        int blocks = (tokens + Rows - 1) / Rows;
        worker.Share(blocks * shape.Heads, out int from, out int to);
        float* scores = (float*)worker.Scratch;
        Worker alone = Alone(worker, tokens);
        for (int task = from; task < to; task++)
        {
            int head = task % shape.Heads, first = task / shape.Heads * Rows;
            int rows = Math.Min(Rows, tokens - first), keys = shape.Causal ? first + rows : tokens;
            Probabilities<V>(alone, shape, tokens, head, first, rows, keys, query, key, otherQuery, otherKey, scores);
            var product = new ProductShape(
                new(ProductAxis.One), new(new ProductAxis(rows, tokens, 0, shape.Output.Row)), new(new ProductAxis(shape.Value.Width, 0, 1, 1)),
                new(new ProductAxis(keys, 1, shape.Value.Row, 0)), adds: false);
            Product.Run<V>(alone, product, scores, value + head * shape.Value.Head, output + head * shape.Output.Head + first * shape.Output.Row);
        }
    }

    /// <summary>The gradients of queries, keys and value, from that of the output; those of keys have heads, and lie as dense rows [token, head, ·].</summary>
    public static void Backward<V>(
        in Worker worker, in AttentionShape shape, int tokens, float* query, float* key, float* otherQuery, float* otherKey, float* value, float* gradient,
        float* ofQuery, float* ofKey, float* ofOtherQuery, float* ofOtherKey, float* ofValue)
        where V : struct, ILanes<V>
    {
        worker.Share(shape.Heads, out int from, out int to);
        float* scores = (float*)worker.Scratch, slopes = scores + (long)Rows * tokens;
        Worker alone = Alone(worker, tokens);
        for (int head = from; head < to; head++)
        {
            for (int first = 0; first < tokens; first += Rows)
            {
                int rows = Math.Min(Rows, tokens - first), keys = shape.Causal ? first + rows : tokens;
                Probabilities<V>(alone, shape, tokens, head, first, rows, keys, query, key, otherQuery, otherKey, scores);
                float* own = gradient + head * shape.Output.Head + first * shape.Output.Row;
                var product = new ProductShape(
                    new(ProductAxis.One), new(new ProductAxis(rows, shape.Output.Row, 0, tokens)), new(new ProductAxis(keys, 0, shape.Value.Row, 1)),
                    new(new ProductAxis(shape.Value.Width, 1, 1, 0)), adds: false);
                Product.Run<V>(alone, product, own, value + head * shape.Value.Head, slopes);
                for (int i = 0; i < rows; i++) Slope<V>(scores + (long)i * tokens, slopes + (long)i * tokens, keys, shape.Scale);

                Keys<V>(alone, shape.Heads, shape.Value.Width, tokens, head, first, rows, keys, scores, own, shape.Output, ofValue);
                Term<V>(alone, shape, shape.Query, shape.Key, tokens, head, first, rows, keys, slopes, query, key, ofQuery, ofKey);
                if (shape.OtherQuery.Width > 0)
                    Term<V>(alone, shape, shape.OtherQuery, shape.OtherKey, tokens, head, first, rows, keys, slopes, otherQuery, otherKey, ofOtherQuery, ofOtherKey);
            }
        }
    }

    /// <summary>The gradients of one term's query and key: slopes · key, and slopes transposed · query.</summary>
    private static void Term<V>(
        in Worker alone, in AttentionShape shape, HeadRows query, HeadRows key, int tokens, int head, int first, int rows, int keys, float* slopes, float* queries,
        float* keyRows, float* ofQuery, float* ofKey)
        where V : struct, ILanes<V>
    {
        long row = (long)shape.Heads * query.Width;
        var product = new ProductShape(
            new(ProductAxis.One), new(new ProductAxis(rows, tokens, 0, row)), new(new ProductAxis(query.Width, 0, 1, 1)), new(new ProductAxis(keys, 1, key.Row, 0)), adds: false);
        Product.Run<V>(alone, product, slopes, keyRows + head * key.Head, ofQuery + first * row + head * query.Width);
        Keys<V>(alone, shape.Heads, query.Width, tokens, head, first, rows, keys, slopes, queries + head * query.Head + first * query.Row, query, ofKey);
    }

    /// <summary>Adds left transposed · right to rows over keys; keys that are seen here for the first time begin at zero.</summary>
    private static void Keys<V>(
        in Worker alone, int heads, int width, int tokens, int head, int first, int rows, int keys, float* left, float* right, HeadRows layout, float* result)
        where V : struct, ILanes<V>
    {
        long row = (long)heads * width;
        int known = first == 0 ? 0 : Math.Min(keys, first);
        if (first == 0 || keys > known)
            for (int i = known; i < keys; i++) Tiles.Clear(result + i * row + head * width, width);
        var product = new ProductShape(
            new(ProductAxis.One), new(new ProductAxis(keys, 1, 0, row)), new(new ProductAxis(width, 0, 1, 1)), new(new ProductAxis(rows, tokens, layout.Row, 0)), adds: true);
        Product.Run<V>(alone, product, left, right, result + head * width);
    }

    /// <summary>A block's probabilities [rows, tokens]; zero for keys that a query does not see.</summary>
    private static void Probabilities<V>(
        in Worker alone, in AttentionShape shape, int tokens, int head, int first, int rows, int keys, float* query, float* key, float* otherQuery, float* otherKey, float* scores)
        where V : struct, ILanes<V>
    {
        Scores<V>(alone, shape.Query, shape.Key, tokens, head, first, rows, keys, query, key, scores, adds: false);
        if (shape.OtherQuery.Width > 0) Scores<V>(alone, shape.OtherQuery, shape.OtherKey, tokens, head, first, rows, keys, otherQuery, otherKey, scores, adds: true);
        for (int i = 0; i < rows; i++)
        {
            int seen = shape.Causal ? first + i + 1 : keys;
            Softmax<V>(scores + (long)i * tokens, seen, shape.Scale);
            Tiles.Clear(scores + (long)i * tokens + seen, keys - seen);
        }
    }

    private static void Scores<V>(
        in Worker alone, HeadRows query, HeadRows key, int tokens, int head, int first, int rows, int keys, float* queries, float* keyRows, float* scores, bool adds)
        where V : struct, ILanes<V>
    {
        var product = new ProductShape(
            new(ProductAxis.One), new(new ProductAxis(rows, query.Row, 0, tokens)), new(new ProductAxis(keys, 0, key.Row, 1)), new(new ProductAxis(query.Width, 1, 1, 0)), adds);
        Product.Run<V>(alone, product, queries + head * query.Head + first * query.Row, keyRows + head * key.Head, scores);
    }

    private static void Softmax<V>(float* row, int count, float scale)
        where V : struct, ILanes<V>
    {
        V largest = V.All(float.NegativeInfinity);
        for (int i = 0; i < count; i += V.Count)
        {
            int lanes = Math.Min(V.Count, count - i);
            V x = V.Load(row + i, lanes) * V.All(scale);
            largest = V.Max(largest, lanes == V.Count ? x : V.First(x, lanes, largest));
        }

        V max = V.All(V.Largest(largest)), total = V.Zero;
        for (int i = 0; i < count; i += V.Count)
        {
            int lanes = Math.Min(V.Count, count - i);
            V e = LaneMath.Exp(V.Load(row + i, lanes) * V.All(scale) - max);
            e.Store(row + i, lanes);
            total += lanes == V.Count ? e : V.First(e, lanes, V.Zero);
        }

        V sum = V.All(V.Sum(total));
        for (int i = 0; i < count; i += V.Count)
        {
            int lanes = Math.Min(V.Count, count - i);
            (V.Load(row + i, lanes) / sum).Store(row + i, lanes);
        }
    }

    /// <summary>slope = p · (slope − Σ p · slope) · scale.</summary>
    private static void Slope<V>(float* probabilities, float* slopes, int count, float scale)
        where V : struct, ILanes<V>
    {
        V total = V.Zero;
        for (int i = 0; i < count; i += V.Count)
        {
            int lanes = Math.Min(V.Count, count - i);
            total = V.Fma(V.Load(probabilities + i, lanes), V.Load(slopes + i, lanes), total);
        }

        V mean = V.All(V.Sum(total));
        for (int i = 0; i < count; i += V.Count)
        {
            int lanes = Math.Min(V.Count, count - i);
            (V.Load(probabilities + i, lanes) * (V.Load(slopes + i, lanes) - mean) * V.All(scale)).Store(slopes + i, lanes);
        }
    }

    /// <summary>The worker by itself, its products' memory behind the scores.</summary>
    private static Worker Alone(in Worker worker, int tokens) =>
        new(0, 1, worker.Scratch + Arena.Align((long)tokens * AttentionShape.ScratchTokenBytes), null!);
}
