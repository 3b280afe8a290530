using Sinter.Runtime.Weights;

namespace Sinter.Runtime.Execution;

/// <summary>All that the generated program of a model works on: the step, and where its memory lies.</summary>
public unsafe struct Pass
{
    public Step Step;

    /// <summary>Buffers whose rows are tokens: <see cref="ModelDescription.TokenBytes"/> × <see cref="MaxTokens"/>.</summary>
    public byte* TokenArena;

    /// <summary>Buffers whose rows are positions: <see cref="ModelDescription.PositionBytes"/> × <see cref="MaxKeys"/>.</summary>
    public byte* PositionArena;

    /// <summary><see cref="ModelDescription.FixedBytes"/>.</summary>
    public byte* FixedArena;

    /// <summary>The most tokens a step may have: buffers are laid out for it.</summary>
    public int MaxTokens;

    /// <summary>The most positions a step's sequences may have together.</summary>
    public int MaxKeys;

    /// <summary>The weight table, by <see cref="WeightDeclaration.Slot"/>.</summary>
    public StoredWeight* Weights;

    /// <summary>[<see cref="ModelDescription.CachedLayers"/>, caches a layer].</summary>
    public CacheView* Caches;

    /// <summary>[rotaries] tables of [position, dimension] numbers: cosine and sine in turn, pair by pair.</summary>
    public float** Rotaries;

    /// <summary>[rows wanted] for which tokens logits are wanted; ascending.</summary>
    public int* LogitRows;

    public int LogitRowCount;

    /// <summary>[<see cref="LogitRowCount"/>, vocabulary].</summary>
    public float* Logits;

    /// <summary>
    /// [<see cref="LogitRowCount"/>], where the host wants only the token of each row's greatest logit, and the execution
    /// <see cref="StepExecution.Chooses"/>: else null. <see cref="Logits"/> is not written then.
    /// </summary>
    public int* Chosen;

    /// <summary>[tokens, hidden]: the final norm's output, which multi-token prediction starts from.</summary>
    public float* Hidden;

    /// <summary>Which order of attention's contractions to run.</summary>
    public AttentionOrder Order;

    /// <summary>Who wants to see the numbers inside; null in normal operation.</summary>
    public ITrace? Trace;

    /// <summary>The clock that a program compiled with timers needs; others do not look at it.</summary>
    public KernelClock? Clock;
}

/// <summary>In which order attention's contractions run; both give the same values.</summary>
public enum AttentionOrder
{
    /// <summary>What the cost model finds cheaper for the step's tokens and positions.</summary>
    Cheapest,

    /// <summary>The queries are carried into the latent space: nothing of the cache is expanded.</summary>
    Absorbed,

    /// <summary>Keys and values are expanded from the latent cache.</summary>
    Expanded,
}
