using System;
using System.Runtime.CompilerServices;
using Sinter.Runtime.Execution;
using Sinter.Runtime.Numerics;

namespace Sinter.Runtime.Training.Kernels;

/// <summary>
/// Attention and its gradients, a block of queries at a time: their scores with all keys that they see lie in a worker's own
/// memory and nowhere else, and the backward pass makes them anew. A head is one worker's, so that sums over queries have one order.
/// What is causal sees no key before the first of the query's document either.
/// </summary>
[SkipLocalsInit]
public static unsafe class SequenceAttention
{
    private const int Rows = AttentionShape.Rows;

    /// <summary>output = softmax(scores) · value.</summary>
    public static void Forward<V>(
        in Worker worker, in AttentionShape shape, int tokens, int* begins, float* query, float* key, float* otherQuery, float* otherKey, float* value, float* output)
        where V : struct, ILanes<V>
    {
        int blocks = (tokens + Rows - 1) / Rows;
        float* scores = (float*)worker.Scratch;
        Worker alone = Alone(worker, tokens);
        long total = 0, at = 0;
        for (int block = 0; block < blocks; block++) total += shape.Heads * Cost(shape, begins, tokens, block);
        long from = total * worker.Index / worker.Count, to = total * (worker.Index + 1) / worker.Count;
        for (int task = 0; task < blocks * shape.Heads; task++)
        {
            // Later queries see more keys: a task is this worker's if the middle of its cost lies within this worker's share.
            int head = task % shape.Heads, first = task / shape.Heads * Rows;
            long cost = Cost(shape, begins, tokens, task / shape.Heads), middle = at + cost / 2;
            at += cost;
            if (middle < from || middle >= to) continue;
            int rows = Math.Min(Rows, tokens - first);
            KeyRange keys = Seen(shape, begins, tokens, first, rows);
            Probabilities<V>(alone, shape, tokens, begins, head, first, rows, keys, query, key, otherQuery, otherKey, scores);
            var product = new ProductShape(
                new(ProductAxis.One), new(new ProductAxis(rows, tokens, 0, shape.Output.Row)), new(new ProductAxis(shape.Value.Width, 0, 1, 1)),
                new(new ProductAxis(keys.Count, 1, shape.Value.Row, 0)), adds: false);
            Product.Run<V>(alone, product, scores + keys.First, value + head * shape.Value.Head + keys.First * shape.Value.Row, output + head * shape.Output.Head + first * shape.Output.Row);
        }
    }

    /// <summary>Of a block of queries with the keys that it sees.</summary>
    private static long Cost(in AttentionShape shape, int* begins, int tokens, int block)
    {
        int first = block * Rows, rows = Math.Min(Rows, tokens - first);
        return (long)rows * Seen(shape, begins, tokens, first, rows).Count;
    }

    /// <summary>The gradients of queries, keys and value, from that of the output; those of keys have heads, and lie as dense rows [token, head, ·].</summary>
    public static void Backward<V>(
        in Worker worker, in AttentionShape shape, int tokens, int* begins, float* query, float* key, float* otherQuery, float* otherKey, float* value, float* gradient,
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
                int rows = Math.Min(Rows, tokens - first);
                KeyRange keys = Seen(shape, begins, tokens, first, rows);
                Probabilities<V>(alone, shape, tokens, begins, head, first, rows, keys, query, key, otherQuery, otherKey, scores);
                float* own = gradient + head * shape.Output.Head + first * shape.Output.Row;
                var product = new ProductShape(
                    new(ProductAxis.One), new(new ProductAxis(rows, shape.Output.Row, 0, tokens)), new(new ProductAxis(keys.Count, 0, shape.Value.Row, 1)),
                    new(new ProductAxis(shape.Value.Width, 1, 1, 0)), adds: false);
                Product.Run<V>(alone, product, own, value + head * shape.Value.Head + keys.First * shape.Value.Row, slopes + keys.First);
                for (int i = 0; i < rows; i++) Slope<V>(scores + (long)i * tokens + keys.First, slopes + (long)i * tokens + keys.First, keys.Count, shape.Scale);

                Keys<V>(alone, shape.Heads, shape.Value.Width, tokens, head, first, rows, keys, scores, own, shape.Output, ofValue);
                Term<V>(alone, shape, shape.Query, shape.Key, tokens, head, first, rows, keys, slopes, query, key, ofQuery, ofKey);
                if (shape.OtherQuery.Width > 0)
                    Term<V>(alone, shape, shape.OtherQuery, shape.OtherKey, tokens, head, first, rows, keys, slopes, otherQuery, otherKey, ofOtherQuery, ofOtherKey);
            }
        }
    }

    /// <summary>The gradients of one term's query and key: slopes · key, and slopes transposed · query.</summary>
    private static void Term<V>(
        in Worker alone, in AttentionShape shape, HeadRows query, HeadRows key, int tokens, int head, int first, int rows, KeyRange keys, float* slopes, float* queries,
        float* keyRows, float* ofQuery, float* ofKey)
        where V : struct, ILanes<V>
    {
        long row = (long)shape.Heads * query.Width;
        var product = new ProductShape(
            new(ProductAxis.One), new(new ProductAxis(rows, tokens, 0, row)), new(new ProductAxis(query.Width, 0, 1, 1)), new(new ProductAxis(keys.Count, 1, key.Row, 0)), adds: false);
        Product.Run<V>(alone, product, slopes + keys.First, keyRows + head * key.Head + keys.First * key.Row, ofQuery + first * row + head * query.Width);
        Keys<V>(alone, shape.Heads, query.Width, tokens, head, first, rows, keys, slopes, queries + head * query.Head + first * query.Row, query, ofKey);
    }

    /// <summary>Adds left transposed · right to rows over keys; keys that are seen here for the first time begin at zero.</summary>
    private static void Keys<V>(
        in Worker alone, int heads, int width, int tokens, int head, int first, int rows, KeyRange keys, float* left, float* right, HeadRows layout, float* result)
        where V : struct, ILanes<V>
    {
        long row = (long)heads * width;
        for (int i = first == 0 ? 0 : Math.Min(keys.End, first); i < keys.End; i++) Tiles.Clear(result + i * row + head * width, width);
        var product = new ProductShape(
            new(ProductAxis.One), new(new ProductAxis(keys.Count, 1, 0, row)), new(new ProductAxis(width, 0, 1, 1)), new(new ProductAxis(rows, tokens, layout.Row, 0)), adds: true);
        Product.Run<V>(alone, product, left + keys.First, right, result + keys.First * row + head * width);
    }

    /// <summary>A block's probabilities [rows, tokens]; zero for keys that a query does not see.</summary>
    private static void Probabilities<V>(
        in Worker alone, in AttentionShape shape, int tokens, int* begins, int head, int first, int rows, KeyRange keys, float* query, float* key, float* otherQuery, float* otherKey,
        float* scores)
        where V : struct, ILanes<V>
    {
        Scores<V>(alone, shape.Query, shape.Key, tokens, head, first, rows, keys, query, key, scores, adds: false);
        if (shape.OtherQuery.Width > 0) Scores<V>(alone, shape.OtherQuery, shape.OtherKey, tokens, head, first, rows, keys, otherQuery, otherKey, scores, adds: true);
        for (int i = 0; i < rows; i++)
        {
            KeyRange seen = Seen(shape, begins, tokens, first + i, 1);
            float* row = scores + (long)i * tokens;
            Softmax<V>(row + seen.First, seen.Count, shape.Scale);
            Tiles.Clear(row + keys.First, seen.First - keys.First);
            Tiles.Clear(row + seen.End, keys.End - seen.End);
        }
    }

    private static void Scores<V>(
        in Worker alone, HeadRows query, HeadRows key, int tokens, int head, int first, int rows, KeyRange keys, float* queries, float* keyRows, float* scores, bool adds)
        where V : struct, ILanes<V>
    {
        var product = new ProductShape(
            new(ProductAxis.One), new(new ProductAxis(rows, query.Row, 0, tokens)), new(new ProductAxis(keys.Count, 0, key.Row, 1)), new(new ProductAxis(query.Width, 1, 1, 0)), adds);
        Product.Run<V>(alone, product, queries + head * query.Head + first * query.Row, keyRows + head * key.Head + keys.First * key.Row, scores + keys.First);
    }

    /// <summary>The keys that some of the queries see.</summary>
    private static KeyRange Seen(in AttentionShape shape, int* begins, int tokens, int first, int rows) =>
        shape.Causal ? new(begins[first], first + rows) : new(0, tokens);

    /// <summary>Keys from one up to, but not including, another.</summary>
    private readonly record struct KeyRange(int First, int End)
    {
        public int Count => End - First;
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
