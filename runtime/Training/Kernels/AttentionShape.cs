using System;

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
    /// <summary>Queries that pass all their keys at once: whole tiles of six and of twelve rows.</summary>
    public const int Rows = 48;

    /// <summary>Numbers that follow a row of scores, so that tiles may end after it.</summary>
    internal const int Margin = 16;

    /// <summary>Keys, beyond those of the sequence, for which there is room: the last panel's and the last tile's.</summary>
    internal const int MoreKeys = 48;

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

    /// <summary>
    /// Bytes of a worker's scratch memory a token: probabilities and their gradients of a block of queries, and of one head the keys
    /// in two layouts, the value, and the gradients of both.
    /// </summary>
    /// <param name="key">Numbers of a key's first term.</param>
    /// <param name="otherKey">Numbers of its second term.</param>
    /// <param name="value">Numbers of a value.</param>
    public static int TokenBytes(int key, int otherKey, int value) =>
        (2 * Rows + 3 * (Padded(key) + Padded(otherKey)) + 2 * Padded(value)) * sizeof(float);

    /// <summary>Bytes of it besides those for tokens: a block of queries, of gradients, and of results.</summary>
    /// <inheritdoc cref="TokenBytes"/>
    public static int BlockBytes(int key, int otherKey, int value) =>
        MoreKeys * TokenBytes(key, otherKey, value)
        + Rows * (2 * Margin + 1 + 2 * (Padded(key) + Padded(otherKey)) + 2 * Padded(value) + Math.Max(Math.Max(Padded(key), Padded(otherKey)), Padded(value))) * sizeof(float);

    /// <summary>Whole vectors, of whatever length.</summary>
    internal static int Padded(int width) => (width + 15) / 16 * 16;
}
