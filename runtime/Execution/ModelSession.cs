using System;
using Sinter.Runtime.Weights;

namespace Sinter.Runtime.Execution;

/// <summary>
/// A running model: caches for a number of sequences, the buffers of a step, and the threads. Sequences of different
/// lengths go through a step together, some with a whole prompt and others with one token; prompts longer than
/// <see cref="SessionOptions.MaxTokensPerStep"/> go in chunks. A step allocates nothing on the managed heap.
/// </summary>
/// <remarks>One thread at a time may use a session. It does not own the weights.</remarks>
public sealed unsafe partial class ModelSession : IDisposable
{
    /// <summary>
    /// Up to so many tokens of one sequence a step gives bit for bit the numbers of as many steps of one token, once the
    /// sequence has a position: kernels sum alike for all of them. So many can be checked at once.
    /// </summary>
    public const int MostCheckedTokens = 8;

    private readonly ModelDescription _description;
    private readonly WeightTable _weights;
    private readonly SessionSizes _sizes;
    private readonly StepExecution _execution;
    private readonly StepBuffers _step;
    private readonly Arena _memory;
    private readonly AttentionOrder _order;
    private readonly float* _oneRow;
    private readonly SequenceState[] _sequences;
    private Pass _pass;
    private float[] _compared = [];
    private bool _disposed;

    /// <summary>What a step runs, and from which hidden states.</summary>
    internal enum StepKind
    {
        Forward,
        Predict,
        Further,
    }

    /// <summary>What the session knows of a slot.</summary>
    private struct SequenceState
    {
        public bool Used;

        /// <summary>Positions in the main model's caches.</summary>
        public int Length;

        /// <summary>Positions in the prediction layer's cache.</summary>
        public int Predicted;

        /// <summary>Positions beyond those that the prediction layer filled from its own hidden states.</summary>
        public int Ahead;

        /// <summary>Whether the prediction layer's last hidden state is that of this sequence's last predicted position.</summary>
        public bool CanGoFurther;

        /// <summary>The last step's rows of this sequence, whose hidden states are still there.</summary>
        public int HiddenRow, HiddenCount, HiddenPosition;

        /// <summary>Marks a sequence that the current call has seen.</summary>
        public bool Seen;
    }

    private ModelSession(ModelProgram program, WeightTable weights, SessionOptions options, SessionSizes sizes)
    {
        _description = program.Description;
        _weights = weights;
        _sizes = sizes;
        _order = options.AttentionOrder;
        _sequences = new SequenceState[sizes.Sequences];
        _execution = options.Target?.Open(program, weights, sizes) ?? new TeamExecution(program, weights, sizes);
        _step = new StepBuffers(sizes.Tokens, sizes.Sequences);
        _memory = new Arena((long)_description.VocabularySize * sizeof(float));
        _oneRow = (float*)_memory.Data;
        _pass.LogitRows = _step.LogitRows;
        _pass.Step.TokenIds = _step.TokenIds;
        _pass.Step.Positions = _step.Positions;
        _pass.Step.RangeOf = _step.RangeOf;
        _pass.Step.Ranges = _step.Ranges;
        _pass.Step.Capacity = sizes.Capacity;
    }

    public ModelDescription Description => _description;

    public int MaxSequences => _sizes.Sequences;

    /// <summary>Positions a sequence.</summary>
    public int Capacity => _sizes.Capacity;

    /// <summary>The most tokens a step takes.</summary>
    public int MaxTokensPerStep => _sizes.Tokens;

    public int Threads => _sizes.Threads;

    /// <summary>Whether <see cref="Predict(ReadOnlySpan{SequenceTokens}, Span{float}, LogitRows)"/> can be called.</summary>
    public bool Predicts => _description.Predicts && _weights.Predicts;

    /// <summary>Whether drafted tokens can be checked: they must stand in one step, in the order of attention that decoding takes.</summary>
    public bool CanDraft => Predicts && _order != AttentionOrder.Expanded && MaxSequences <= MaxTokensPerStep;

    /// <summary>Bytes of caches and buffers, were all of them touched.</summary>
    public long Bytes => _sizes.CacheBytes(_description) + _sizes.BufferBytes(_description);

    /// <summary>Sees the numbers of every step, chunk by chunk; null in normal operation.</summary>
    public ITrace? Trace
    {
        get => _pass.Trace;
        set => _pass.Trace = value;
    }

    /// <summary>Takes the time of kernels, where the program was compiled with timers: it must have one then.</summary>
    public KernelClock? Clock
    {
        get => _pass.Clock;
        set => _pass.Clock = value;
    }

    /// <exception cref="SinterException">An option is out of range, or the machine has too little memory.</exception>
    public static ModelSession Open(ModelProgram program, WeightTable weights, SessionOptions? options = null)
    {
        options ??= new SessionOptions();
        long memory = options.Target?.MemoryBytes ?? Arena.MachineBytes;
        SessionSizes sizes = SessionSizes.Settle(program.Description, options, memory);
        sizes.RequireMemory(program.Description, memory, options.Target?.Name ?? "this machine");
        return new ModelSession(program, weights, options, sizes);
    }

    /// <summary>Starts an empty sequence and returns its number.</summary>
    /// <exception cref="SinterException">All slots are taken.</exception>
    public int AddSequence()
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        for (int slot = 0; slot < _sequences.Length; slot++)
        {
            if (_sequences[slot].Used) continue;
            _sequences[slot] = new SequenceState { Used = true };
            return slot;
        }

        throw new SinterException($"No slot is free: the session holds {MaxSequences} sequences already; release one or raise {nameof(SessionOptions.MaxSequences)}.");
    }

    /// <summary>Ends a sequence; its number may be given out again.</summary>
    public void Release(int sequence) => State(sequence).Used = false;

    /// <summary>How many positions a sequence has.</summary>
    public int Length(int sequence) => State(sequence).Length;

    /// <summary>How many positions of a sequence <see cref="Predict(ReadOnlySpan{SequenceTokens}, Span{float}, LogitRows)"/> has seen.</summary>
    public int PredictedLength(int sequence) => State(sequence).Predicted;

    /// <summary>Forgets a sequence's positions from <paramref name="length"/> on.</summary>
    /// <param name="sequence">The sequence's number.</param>
    /// <param name="length">How many positions stay.</param>
    /// <param name="predicted">How many of those that were predicted from stay so; null for all. The last one was predicted from with the token after it, which may be another one now.</param>
    public void Truncate(int sequence, int length, int? predicted = null)
    {
        ref SequenceState state = ref State(sequence);
        ArgumentOutOfRangeException.ThrowIfNegative(length);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(length, state.Length);
        state.Length = length;
        state.Predicted = Math.Min(state.Predicted, Math.Min(length, predicted ?? length));
        state.Ahead = 0;
        state.CanGoFurther = false;
        state.HiddenCount = Math.Clamp(length - state.HiddenPosition, 0, state.HiddenCount);
    }

    public void Dispose()
    {
        if (_disposed) return;
        _disposed = true;
        _execution.Dispose();
        _step.Dispose();
        _memory.Dispose();
    }

    private ref SequenceState State(int sequence)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        if ((uint)sequence >= (uint)_sequences.Length || !_sequences[sequence].Used)
            throw new ArgumentOutOfRangeException(nameof(sequence), sequence, "There is no such sequence in the session.");
        return ref _sequences[sequence];
    }
}
