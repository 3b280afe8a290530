using System.Runtime.CompilerServices;
using Sinter.Runtime.Execution;
using Sinter.Runtime.Numerics;

namespace Sinter.Runtime.Training.Kernels;

/// <summary>
/// Attention and its gradients, a block of queries at a time: their scores with all keys that they see lie in a worker's own
/// memory and nowhere else, and the backward pass makes them anew. There a head is one worker's, so that sums over queries have one order.
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
        var work = new AttentionWork<V>(shape, tokens, begins, worker.Scratch);
        int blocks = (tokens + Rows - 1) / Rows, held = -1;
        Portions portions = worker.Portions(shape.Heads * blocks);
        while (portions.Next(out int from, out int to))
        {
            for (int task = from; task < to; task++)
            {
                int head = task / blocks;
                if (held != head) work.TakeHead(held = head, key, otherKey, value);
                work.Forward(head, task % blocks * Rows, query, otherQuery, output);
            }
        }
    }

    /// <summary>The gradients of queries, keys and value, from that of the output; those of keys have heads, and lie as dense rows [token, head, ·].</summary>
    public static void Backward<V>(
        in Worker worker, in AttentionShape shape, int tokens, int* begins, float* query, float* key, float* otherQuery, float* otherKey, float* value, float* gradient,
        float* ofQuery, float* ofKey, float* ofOtherQuery, float* ofOtherKey, float* ofValue)
        where V : struct, ILanes<V>
    {
        var work = new AttentionWork<V>(shape, tokens, begins, worker.Scratch);
        Portions portions = worker.Portions(shape.Heads);
        while (portions.Next(out int from, out int to))
        {
            for (int head = from; head < to; head++)
            {
                work.TakeHeadBackward(head, key, otherKey, value);
                for (int first = 0; first < tokens; first += Rows) work.Backward(head, first, query, otherQuery, gradient, ofQuery, ofOtherQuery);
                work.GiveSums(head, ofKey, ofOtherKey, ofValue);
            }
        }
    }
}
