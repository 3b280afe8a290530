namespace Sinter.Runtime.Training.Kernels;

/// <summary>Rows over tokens with heads: where (token, head, ·) stands.</summary>
/// <param name="width">Numbers a head that lie side by side.</param>
public readonly struct HeadRows(int width, long row, long head)
{
    public readonly int Width = width;
    public readonly long Row = row;
    public readonly long Head = head;
}

/// <summary>
/// Attention within one sequence, as training sees it: scores = scale · Σ over at most two terms of query · key; a gradient of a
/// key is laid out with heads even where all heads share the key.
/// </summary>
public readonly struct AttentionShape(
    int heads, float scale, bool causal, HeadRows query, HeadRows key, HeadRows otherQuery, HeadRows otherKey, HeadRows value, HeadRows output)
{
    /// <summary>Queries that pass all their keys at once.</summary>
    public const int Rows = 64;

    public readonly int Heads = heads;
    public readonly float Scale = scale;
    public readonly bool Causal = causal;
    public readonly HeadRows Query = query;
    public readonly HeadRows Key = key;

    /// <summary>The second term; of width zero where there is none.</summary>
    public readonly HeadRows OtherQuery = otherQuery;

    public readonly HeadRows OtherKey = otherKey;
    public readonly HeadRows Value = value;
    public readonly HeadRows Output = output;

    /// <summary>Bytes of a worker's scratch memory a token, besides a product's own: probabilities and their gradients of a block of queries.</summary>
    public const int ScratchTokenBytes = 2 * Rows * sizeof(float);
}
