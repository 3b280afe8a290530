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

    private readonly int _promptLength;
    private readonly GenerationOptions _options;
    private readonly HashSet<int> _endTokens;
    private readonly Sampler _sampler;
    private readonly StreamingDecoder? _decoder;
    private readonly StopStringFilter _stops;
    private readonly CancellationToken _cancellation;
    private readonly Channel<Piece> _pieces = Channel.CreateUnbounded<Piece>(new() { SingleReader = true, SingleWriter = true });
    private readonly double[][] _proposed;
    private int[] _tokens;
    private int _count;
    private volatile bool _abandoned;
    private int _unread;
    private int _fed;
    private int _kept;
    private int _drafts;
    private int _passes;
    private int _drafted;
    private int _accepted;
    private long _start;
    private long _firstToken;

    /// <param name="prompt">Tokens that the session takes.</param>
    /// <param name="options">Valid options.</param>
    /// <param name="depth">How many tokens may be drafted for each pass.</param>
    /// <param name="endTokens">The checkpoint's tokens that end a sequence.</param>
    /// <param name="decoder">Makes text of the tokens; null where only tokens are wanted.</param>
    /// <param name="cancellation">Looked at between tokens.</param>
    public RunningGeneration(int[] prompt, GenerationOptions options, int depth, IReadOnlyList<int> endTokens, StreamingDecoder? decoder, CancellationToken cancellation)
    {
        _tokens = new int[prompt.Length + Math.Min(options.MaxTokens, 1024) + depth];
        prompt.CopyTo(_tokens, 0);
        _count = _promptLength = prompt.Length;
        _options = options;
        Depth = depth;
        _proposed = new double[depth][];
        _endTokens = options.StopsAtEndOfSequence ? [.. endTokens] : [];
        _sampler = new Sampler(options);
        _decoder = decoder;
        _stops = new StopStringFilter(options.StopStrings);
        _cancellation = cancellation;
    }

    /// <summary>Its place in the session; -1 before it has one.</summary>
    public int Sequence { get; private set; } = -1;

    /// <summary>How many tokens may be drafted for each pass; with none, the prediction layer does not run.</summary>
    public int Depth { get; }

    public ChannelReader<Piece> Pieces => _pieces.Reader;

    public bool IsCancelled => _abandoned || _cancellation.IsCancellationRequested;

    /// <summary>Whether it always takes the token of the greatest logit.</summary>
    public bool IsGreedy => _sampler.IsGreedy;

    /// <summary>Whether the caller keeps up.</summary>
    public bool IsWanted => Volatile.Read(ref _unread) < MostUnread;

    /// <summary>Whether the prompt is processed and tokens go one by one, or with drafts.</summary>
    public bool IsDecoding => _fed >= _promptLength;

    /// <summary>The prompt and all tokens generated, without drafts.</summary>
    public ReadOnlyMemory<int> Tokens => _tokens.AsMemory(0, _count);

    /// <summary>Gives it a place, whose caches hold the first <paramref name="kept"/> tokens of the prompt already.</summary>
    public void Begin(int sequence, int kept)
    {
        Sequence = sequence;
        _fed = _kept = kept;
    }

    /// <summary>The next tokens to process, drafts included, at most <paramref name="most"/>.</summary>
    public ReadOnlyMemory<int> Take(int most)
    {
        if (_start == 0) _start = Stopwatch.GetTimestamp();
        if (IsDecoding)
        {
            _drafts = Math.Min(_drafts, most - 1);
            return _tokens.AsMemory(_count - 1, 1 + _drafts);
        }

        int count = Math.Min(most, _promptLength - _fed);
        ReadOnlyMemory<int> tokens = _tokens.AsMemory(_fed, count);
        _fed += count;
        return tokens;
    }

    /// <summary>Chooses tokens after the last one and after each draft that was kept; false where the generation ends with them.</summary>
    /// <param name="next">1 + drafts rows; the greedy choice alone only where the generation <see cref="IsGreedy"/>.</param>
    /// <param name="position">Where the first of the tokens will stand.</param>
    /// <param name="capacity">Positions that the sequence can have.</param>
    /// <param name="kept">How many drafts were kept.</param>
    public bool Accept(NextTokens next, int position, int capacity, out int kept)
    {
        int drafts = _drafts;
        bool isFirst = _count == _promptLength;
        if (!isFirst) _passes++;
        _drafted += drafts;
        _drafts = 0;
        for (kept = 0; ; kept++, position++)
        {
            int token = next.IsGreedy ? next.Token(kept) : 0;
            if (kept == drafts)
            {
                if (!next.IsGreedy) token = _sampler.Sample(next.Logits(kept), position);
                return Append(token, position, capacity);
            }

            bool isDraft = next.IsGreedy ? token == _tokens[_count] : _sampler.Check(next.Logits(kept), position, _tokens[_count], _proposed[kept], out token);
            if (isDraft) _accepted++;
            if (!Append(token, position, capacity)) return false;
            if (!isDraft) return true;
        }
    }

    /// <summary>How many further tokens are worth drafting for the next pass.</summary>
    /// <param name="length">Positions that the sequence has.</param>
    /// <param name="capacity">Positions that it can have.</param>
    public int WantedDrafts(int length, int capacity) =>
        Math.Max(0, Math.Min(Depth, Math.Min(_options.MaxTokens - (_count - _promptLength) - 1, capacity - length - 1)));

    /// <summary>Drafts a token from what the prediction layer says.</summary>
    /// <param name="next">One row; the greedy choice alone only where the generation <see cref="IsGreedy"/>.</param>
    /// <param name="position">Where the token will stand.</param>
    /// <returns>The token, for drafting the next one from it.</returns>
    public ReadOnlyMemory<int> AddDraft(NextTokens next, int position)
    {
        Reserve(_count + _drafts + 1);
        int place = _count + _drafts;
        if (next.IsGreedy)
        {
            _tokens[place] = next.Token(0);
        }
        else
        {
            ReadOnlySpan<float> logits = next.Logits(0);
            double[] proposed = _proposed[_drafts] ??= new double[IsGreedy ? 0 : logits.Length];
            _tokens[place] = _sampler.Draft(logits, position, proposed);
        }

        _drafts++;
        return _tokens.AsMemory(place, 1);
    }

    /// <summary>Takes a token into the text; false where the generation ends with it.</summary>
    private bool Append(int token, int position, int capacity)
    {
        Reserve(_count + 1);
        _tokens[_count++] = token;
        int generated = _count - _promptLength;
        if (generated == 1) _firstToken = Stopwatch.GetTimestamp();
        FinishReason? reason = _endTokens.Contains(token) ? FinishReason.EndOfSequence
            : Contains(_options.StopTokens, token) ? FinishReason.StopToken
            : null;
        string text = reason is null && _decoder is not null ? _stops.Append(_decoder.Append(token)) : "";
        if (_stops.Found) reason = FinishReason.StopString;
        reason ??= generated >= _options.MaxTokens ? FinishReason.MaxTokens : position >= capacity ? FinishReason.ContextFull : null;
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

    private void Reserve(int count)
    {
        // A batch under way may hold the old array: what it holds there does not change.
        if (_tokens.Length < count) Array.Resize(ref _tokens, Math.Max(count, 2 * _tokens.Length));
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
        _promptLength,
        _count - _promptLength,
        Stopwatch.GetElapsedTime(_start, _firstToken).TotalSeconds,
        Stopwatch.GetElapsedTime(_firstToken).TotalSeconds,
        reason)
    {
        KeptTokens = _kept,
        Passes = _passes,
        DraftedTokens = _drafted,
        AcceptedTokens = _accepted,
    };

    private static bool Contains(IReadOnlyList<int> tokens, int token)
    {
        for (int i = 0; i < tokens.Count; i++)
            if (tokens[i] == token) return true;
        return false;
    }
}
