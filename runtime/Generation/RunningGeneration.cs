using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.Threading;
using System.Threading.Channels;
using Sinter.Runtime.Execution;
using Sinter.Runtime.Sampling;
using Sinter.Runtime.Text;

namespace Sinter.Runtime.Generation;

/// <summary>A token that was chosen, and the text that became certain with it.</summary>
internal readonly record struct Piece(int Token, string Text, GenerationStatistics? Statistics);

/// <summary>
/// One generation on its way: the loop feeds it tokens and logits, the caller reads pieces. A caller who reads slowly
/// holds it up once <see cref="MostUnread"/> pieces lie waiting.
/// </summary>
internal sealed class RunningGeneration
{
    private const int MostUnread = 32;

    private readonly int[] _prompt;
    private readonly GenerationOptions _options;
    private readonly HashSet<int> _endTokens;
    private readonly Sampler _sampler;
    private readonly StreamingDecoder? _decoder;
    private readonly StopStringFilter _stops;
    private readonly CancellationToken _cancellation;
    private readonly Channel<Piece> _pieces = Channel.CreateUnbounded<Piece>(new() { SingleReader = true, SingleWriter = true });
    private readonly int[] _last = new int[1];
    private volatile bool _abandoned;
    private int _unread;
    private int _fed;
    private int _generated;
    private long _start;
    private long _firstToken;

    /// <param name="prompt">Tokens that the session takes.</param>
    /// <param name="options">Valid options.</param>
    /// <param name="endTokens">The checkpoint's tokens that end a sequence.</param>
    /// <param name="decoder">Makes text of the tokens; null where only tokens are wanted.</param>
    /// <param name="cancellation">Looked at between tokens.</param>
    public RunningGeneration(int[] prompt, GenerationOptions options, IReadOnlyList<int> endTokens, StreamingDecoder? decoder, CancellationToken cancellation)
    {
        _prompt = prompt;
        _options = options;
        _endTokens = options.StopsAtEndOfSequence ? [.. endTokens] : [];
        _sampler = new Sampler(options);
        _decoder = decoder;
        _stops = new StopStringFilter(options.StopStrings);
        _cancellation = cancellation;
    }

    /// <summary>Its place in the session; -1 before it has one.</summary>
    public int Sequence { get; set; } = -1;

    public ChannelReader<Piece> Pieces => _pieces.Reader;

    public bool IsCancelled => _abandoned || _cancellation.IsCancellationRequested;

    /// <summary>Whether the caller keeps up.</summary>
    public bool IsWanted => Volatile.Read(ref _unread) < MostUnread;

    /// <summary>Whether the prompt is processed and tokens go one by one.</summary>
    public bool IsDecoding => _fed >= _prompt.Length;

    /// <summary>The next tokens to process, at most <paramref name="most"/> of a prompt.</summary>
    public ReadOnlyMemory<int> Take(int most)
    {
        if (_start == 0) _start = Stopwatch.GetTimestamp();
        if (IsDecoding) return _last;
        int count = Math.Min(most, _prompt.Length - _fed);
        ReadOnlyMemory<int> tokens = _prompt.AsMemory(_fed, count);
        _fed += count;
        return tokens;
    }

    /// <summary>Chooses a token from the logits after the last one; false where the generation ends with it.</summary>
    public bool Accept(ReadOnlySpan<float> logits, int position, int capacity)
    {
        int token = _sampler.Sample(logits, position);
        _last[0] = token;
        if (++_generated == 1) _firstToken = Stopwatch.GetTimestamp();
        FinishReason? reason = _endTokens.Contains(token) ? FinishReason.EndOfSequence
            : Contains(_options.StopTokens, token) ? FinishReason.StopToken
            : null;
        string text = reason is null && _decoder is not null ? _stops.Append(_decoder.Append(token)) : "";
        if (_stops.Found) reason = FinishReason.StopString;
        reason ??= _generated >= _options.MaxTokens ? FinishReason.MaxTokens : position >= capacity ? FinishReason.ContextFull : null;
        if (reason is null)
        {
            Write(new Piece(token, text, null));
            return true;
        }

        if (_decoder is not null && !_stops.Found)
        {
            text += _stops.Append(_decoder.Flush());
            if (_stops.Found) reason = FinishReason.StopString;
            text += _stops.Flush();
        }

        Write(new Piece(token, text, Statistics(reason.Value)));
        _pieces.Writer.Complete();
        return false;
    }

    /// <summary>Ends the generation with an error that its reader gets after the pieces.</summary>
    public void Fail(Exception error) => _pieces.Writer.TryComplete(error);

    /// <summary>Ends it because its caller asked for that or has gone.</summary>
    public void Cancel() => Fail(new OperationCanceledException(_cancellation));

    /// <summary>The caller reads no more.</summary>
    public void Abandon() => _abandoned = true;

    /// <summary>The caller has read a piece; true if that lets a generation go on that was held up.</summary>
    public bool Read() => Interlocked.Decrement(ref _unread) == MostUnread - 1;

    private void Write(Piece piece)
    {
        Interlocked.Increment(ref _unread);
        _pieces.Writer.TryWrite(piece);
    }

    private GenerationStatistics Statistics(FinishReason reason) => new(
        _prompt.Length,
        _generated,
        Stopwatch.GetElapsedTime(_start, _firstToken).TotalSeconds,
        Stopwatch.GetElapsedTime(_firstToken).TotalSeconds,
        reason);

    private static bool Contains(IReadOnlyList<int> tokens, int token)
    {
        for (int i = 0; i < tokens.Count; i++)
            if (tokens[i] == token) return true;
        return false;
    }
}
