using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.IO;
using System.Runtime.CompilerServices;
using System.Threading;
using System.Threading.Tasks;
using Sinter.Runtime.Checkpoints;
using Sinter.Runtime.Execution;
using Sinter.Runtime.Text;
using Sinter.Runtime.Weights;

namespace Sinter.Runtime.Generation;

/// <summary>
/// A compiled model with the weights of a checkpoint: text or tokens in, text or tokens out. The class that the compiler
/// makes of a <c>.sinter</c> model derives from it.
/// </summary>
/// <remarks>
/// Safe for use from several threads. Generations that run at once are batched: up to
/// <see cref="SessionOptions.MaxSequences"/> of them go through each step together, and further ones wait in line. Each
/// gives the tokens that it would give alone, but for the rounding of sums in another order.
/// </remarks>
public class LanguageModel : IDisposable, IAsyncDisposable
{
    private const long BytesBeyondCaches = 256L << 20;

    private readonly ModelProgram _program;
    private readonly WeightTable _weights;
    private readonly ModelSession _session;
    private readonly GenerationLoop _loop;
    private readonly IReadOnlyList<int> _endTokens;
    private int _disposed;

    /// <param name="program">The compiled model.</param>
    /// <param name="folder">A checkpoint in the published layout: config.json, safetensors and tokenizer.json.</param>
    /// <param name="options">Threads, context and the like; null for what suits this machine.</param>
    /// <exception cref="SinterException">The checkpoint is damaged or is not of this model; the message says what and where.</exception>
    protected LanguageModel(ModelProgram program, string folder, LoadOptions? options)
    {
        options ??= new LoadOptions();
        _program = program;
        if (!Directory.Exists(folder)) throw new SinterException($"{folder}: there is no such folder.");
        Folder = folder;
        long start = Stopwatch.GetTimestamp();
        ConfigAgreement.Require(program.Description, ModelConfig.Load(folder));
        _endTokens = EndTokens.Load(folder);
        // A published tokenizer is megabytes of JSON, and nothing of the weights depends on it.
        Task<ModelTokenizer?> tokenizer = Task.Run(() => File.Exists(Path.Combine(folder, "tokenizer.json")) ? ModelTokenizer.Load(folder) : null);
        long configured = Stopwatch.GetTimestamp(), bound, opened;
        try
        {
            _weights = WeightTable.Bind(program.Description, Checkpoint.Open(folder), options.Weights, options.Storage, options.Target);
            bound = Stopwatch.GetTimestamp();
            _session = ModelSession.Open(program, _weights, options);
            opened = Stopwatch.GetTimestamp();
            Tokenizer = tokenizer.GetAwaiter().GetResult();
        }
        catch
        {
            _session?.Dispose();
            _weights?.Dispose();
            throw;
        }

        if (_endTokens.Count == 0 && Tokenizer?.EndOfSequence is { } end) _endTokens = [end];
        LoadTimes = new LoadTimes(
            Stopwatch.GetElapsedTime(start, configured), Stopwatch.GetElapsedTime(configured, bound), Stopwatch.GetElapsedTime(bound, opened), Stopwatch.GetElapsedTime(opened));
        _loop = new GenerationLoop(_session);
    }

    /// <summary>The checkpoint's folder.</summary>
    public string Folder { get; }

    public ModelDescription Description => _program.Description;

    /// <summary>The checkpoint's tokenizer; null where it has none, and only tokens can be generated.</summary>
    public ModelTokenizer? Tokenizer { get; }

    /// <summary>The tokens that end a sequence.</summary>
    public IReadOnlyList<int> EndOfSequence => _endTokens;

    /// <summary>What opening the model took.</summary>
    public LoadTimes LoadTimes { get; }

    /// <summary>The weights, as long as the model is not disposed of.</summary>
    public WeightTable Weights => _weights;

    /// <summary>Positions a sequence: prompt and generated tokens together.</summary>
    public int Capacity => _session.Capacity;

    /// <summary>
    /// How many tokens are drafted where <see cref="GenerationOptions.Draft"/> does not say: one, where the checkpoint has
    /// the layer for it, sequences run alone and the weights come from memory. There a pass of two tokens and its draft
    /// cost about half as much again as one of one token; where the weights fit into a cache it is more than twice as much.
    /// </summary>
    public int DraftsByDefault => _session.CanDraft && _session.MaxSequences == 1 && _weights.Bytes >= BytesBeyondCaches ? 1 : 0;

    /// <summary>Loads a checkpoint for a program that was compiled in memory.</summary>
    /// <inheritdoc cref="LanguageModel(ModelProgram, string, LoadOptions)"/>
    public static LanguageModel Open(ModelProgram program, string folder, LoadOptions? options = null) => new(program, folder, options);

    /// <summary>Opens a session of one's own on the same weights, for batches, logits and what happens inside.</summary>
    public ModelSession OpenSession(SessionOptions? options = null) => ModelSession.Open(_program, _weights, options);

    /// <summary>Continues a text.</summary>
    /// <param name="prompt">The text; it may hold special tokens written out.</param>
    /// <param name="options">How to choose tokens and when to stop; null for greedy choice of at most 256 tokens.</param>
    /// <param name="cancellation">Ends the generation between two tokens.</param>
    /// <returns>Pieces of text as they come; the last has the statistics.</returns>
    /// <exception cref="SinterException">The prompt is too long or empty, an option is out of range, or the checkpoint has no tokenizer.</exception>
    public IAsyncEnumerable<GeneratedText> GenerateAsync(string prompt, GenerationOptions? options = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(prompt);
        options ??= new GenerationOptions();
        return GenerateFrom(Encode(prompt, options, isFirst: true), options, cancellation);
    }

    /// <summary>Starts a text that the caller and the model write in turn.</summary>
    public Conversation StartConversation() => new(this);

    /// <summary>A text's tokens; where it begins a sequence, with the token for that if the options or the tokenizer say so.</summary>
    internal int[] Encode(string text, GenerationOptions options, bool isFirst)
    {
        options.Validate();
        ModelTokenizer tokenizer = Tokenizer ?? throw new SinterException($"{Folder}: there is no tokenizer.json, so this model takes tokens, not text.");
        bool begins = isFirst && (options.AddBeginOfSequence ?? tokenizer.AddsBeginOfSequence);
        if (begins && tokenizer.BeginOfSequence is null) throw new SinterException($"{Folder}: the tokenizer names no token that begins a sequence.");
        return tokenizer.Encode(text, begins);
    }

    /// <summary>Continues encoded text.</summary>
    internal IAsyncEnumerable<GeneratedText> GenerateFrom(int[] tokens, GenerationOptions options, CancellationToken cancellation)
    {
        Check(tokens);
        return ReadText(tokens, options, Depth(options), Tokenizer!, cancellation);
    }

    /// <summary>Continues a sequence of tokens.</summary>
    /// <param name="prompt">At least one token; none is added.</param>
    /// <param name="options">How to choose tokens and when to stop; stop strings have no say here.</param>
    /// <param name="cancellation">Ends the generation between two tokens.</param>
    /// <returns>Tokens as they come; the last has the statistics, and may be the one that ends the sequence.</returns>
    /// <exception cref="SinterException">The prompt is too long, empty or holds a token out of range, or an option is out of range.</exception>
    public IAsyncEnumerable<GeneratedToken> GenerateTokensAsync(IReadOnlyList<int> prompt, GenerationOptions? options = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(prompt);
        options ??= new GenerationOptions();
        options.Validate();
        int[] tokens = [.. prompt];
        Check(tokens);
        return ReadTokens(tokens, options, Depth(options), cancellation);
    }

    /// <summary>Ends running generations with an error and gives all memory back.</summary>
    public void Dispose()
    {
        if (Interlocked.Exchange(ref _disposed, 1) != 0) return;
        _loop.Dispose();
        _session.Dispose();
        _weights.Dispose();
        GC.SuppressFinalize(this);
    }

    /// <inheritdoc cref="Dispose"/>
    public ValueTask DisposeAsync()
    {
        GC.SuppressFinalize(this);
        // The step that is under way may take a while.
        return new ValueTask(Task.Run(Dispose));
    }

    private void Check(int[] tokens)
    {
        ObjectDisposedException.ThrowIf(Volatile.Read(ref _disposed) != 0, this);
        if (tokens.Length == 0) throw new SinterException("The prompt is empty; a generation needs at least one token to start from.");
        if (tokens.Length > Capacity) throw new SinterException($"The prompt has {tokens.Length} tokens, but {Description.Name} takes at most {Capacity} here.");
        _session.CheckTokens(tokens);
    }

    private int Depth(GenerationOptions options)
    {
        int depth = options.Draft ?? DraftsByDefault;
        if (depth == 0) return 0;
        if (!_session.Predicts) throw new SinterException($"{Folder}: nothing can be drafted: {(Description.Predicts ? "the checkpoint lacks the tensors of multi-token prediction" : $"{Description.Name} has no layer for multi-token prediction")}.");
        if (!_session.CanDraft) throw new SinterException($"Nothing can be drafted: that needs absorbed attention and steps of at least {_session.MaxSequences} tokens, one for each sequence.");
        if (depth > 1 && !Description.PredictsAgain) throw new SinterException($"{Description.Name} drafts one token only: its prediction gives no hidden states to go on from.");
        return depth;
    }

    private async IAsyncEnumerable<GeneratedText> ReadText(
        int[] prompt, GenerationOptions options, int depth, ModelTokenizer tokenizer, CancellationToken given, [EnumeratorCancellation] CancellationToken cancellation = default)
    {
        using var either = CancellationTokenSource.CreateLinkedTokenSource(given, cancellation);
        var generation = new RunningGeneration(prompt, options, depth, _endTokens, tokenizer.Stream(), either.Token);
        List<int> tokens = [];
        await foreach (Piece piece in Run(generation, either.Token).ConfigureAwait(false))
        {
            tokens.Add(piece.Token);
            if (piece.Text.Length == 0 && piece.Statistics is null) continue;
            yield return new GeneratedText(piece.Text, [.. tokens], piece.Statistics);
            tokens.Clear();
        }
    }

    private async IAsyncEnumerable<GeneratedToken> ReadTokens(
        int[] prompt, GenerationOptions options, int depth, CancellationToken given, [EnumeratorCancellation] CancellationToken cancellation = default)
    {
        using var either = CancellationTokenSource.CreateLinkedTokenSource(given, cancellation);
        var generation = new RunningGeneration(prompt, options, depth, _endTokens, null, either.Token);
        await foreach (Piece piece in Run(generation, either.Token).ConfigureAwait(false))
            yield return new GeneratedToken(piece.Token, piece.Statistics);
    }

    private async IAsyncEnumerable<Piece> Run(RunningGeneration generation, [EnumeratorCancellation] CancellationToken cancellation)
    {
        cancellation.ThrowIfCancellationRequested();
        _loop.Start(generation);
        try
        {
            while (await generation.Pieces.WaitToReadAsync(cancellation).ConfigureAwait(false))
            {
                while (generation.Pieces.TryRead(out Piece piece))
                {
                    cancellation.ThrowIfCancellationRequested();
                    if (generation.Read()) _loop.Wake();
                    yield return piece;
                }
            }
        }
        finally
        {
            // Reached too when the caller leaves its loop early.
            generation.Abandon();
            _loop.Wake();
        }
    }
}
