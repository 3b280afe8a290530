using Sinter.Compiler.Graph;

namespace Sinter.Compiler.Operations;

/// <summary>
/// o[t,h,·] = Σ over the keys s of softmax[s](map(Σ over terms of q·k)) · v[s,h,·], in one online loop: the scores never
/// exist as a whole. The keys of a token are those of its own sequence.
/// </summary>
/// <param name="Map">Of the summed score (argument 0) before the mask: the scale.</param>
/// <param name="Causal">Whether a token sees only keys up to its own position.</param>
/// <param name="Output">[float* o], last in the kernel's list; the head is the layout's repeat.</param>
/// <param name="ValuesAreKeys">Whether the values' parameter is always that of the first term's keys: both are latents.</param>
public sealed record AttentionOperation(
    string Name,
    string Equation,
    int Heads,
    EquatableArray<ScoreTerm> Terms,
    Scalar Map,
    bool Causal,
    KeyLayout Value,
    Layout Output,
    bool ValuesAreKeys = false) : Operation(Name, Equation);

/// <summary>Σ over depth of q[t,h,depth]·k[s,h,depth]. [float* q, then the key's parameter]</summary>
public sealed record ScoreTerm(Layout Query, KeyLayout Key);

/// <summary>
/// Rows over positions. From a cache: Data + Slot·SlotStride + s·RowStride + h·RepeatStride + Offset [CacheView*]; from a
/// buffer over positions: (FirstKey + s)·RowStride + h·RepeatStride + Offset [float*]. A repeat stride of zero: all heads share it.
/// </summary>
public sealed record KeyLayout(bool IsCache, int Depth, Layout Layout);
