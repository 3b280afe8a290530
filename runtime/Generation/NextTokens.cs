using System;

namespace Sinter.Runtime.Generation;

/// <summary>What a step says of the tokens that come next, a row each: all logits, or the greedy choice where nobody looks at more.</summary>
internal readonly ref struct NextTokens
{
    private readonly ReadOnlySpan<float> _logits;
    private readonly ReadOnlySpan<int> _greedy;
    private readonly int _vocabulary;

    /// <param name="logits">[row, vocabulary].</param>
    /// <param name="vocabulary">How many tokens there are.</param>
    public NextTokens(ReadOnlySpan<float> logits, int vocabulary)
        : this(logits, default, vocabulary, false)
    {
    }

    /// <param name="greedy">[row].</param>
    public NextTokens(ReadOnlySpan<int> greedy)
        : this(default, greedy, 0, true)
    {
    }

    private NextTokens(ReadOnlySpan<float> logits, ReadOnlySpan<int> greedy, int vocabulary, bool isGreedy)
    {
        _logits = logits;
        _greedy = greedy;
        _vocabulary = vocabulary;
        IsGreedy = isGreedy;
    }

    /// <summary>Whether there are tokens and no logits.</summary>
    public bool IsGreedy { get; }

    /// <summary>Some rows.</summary>
    public NextTokens Rows(int first, int count) => IsGreedy
        ? new(default, _greedy.Slice(first, count), 0, true)
        : new(_logits.Slice(first * _vocabulary, count * _vocabulary), default, _vocabulary, false);

    /// <summary>[vocabulary] of a row.</summary>
    public ReadOnlySpan<float> Logits(int row) => _logits.Slice(row * _vocabulary, _vocabulary);

    /// <summary>A row's greedy choice.</summary>
    public int Token(int row) => _greedy[row];
}
