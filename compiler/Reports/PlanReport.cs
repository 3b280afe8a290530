namespace Sinter.Compiler.Reports;

/// <summary>What a model needs of memory and arithmetic.</summary>
/// <param name="Bf16Bytes">Weights of the main model, all in BF16.</param>
/// <param name="Fp8Bytes">
/// The same as DeepSeek-V3 is published: matrices of attention and feed-forward layers in E4M3 with an F32 scale for each
/// 128 × 128 block, the routing bias in F32, all else in BF16.
/// </param>
/// <param name="PredictionBf16Bytes">Weights of multi-token prediction beyond the main model's, in BF16.</param>
/// <param name="PredictionFp8Bytes">The same as published.</param>
/// <param name="CacheNumbers">Numbers a token and layer.</param>
/// <param name="CacheBytesPerToken">F32, as the runtime keeps them, of all layers of the main model.</param>
/// <param name="CacheBytes">Of <paramref name="Batch"/> sequences of <paramref name="Context"/> tokens.</param>
public sealed record PlanReport(
    int Context,
    int Batch,
    long Bf16Bytes,
    long Fp8Bytes,
    long PredictionBf16Bytes,
    long PredictionFp8Bytes,
    int CacheNumbers,
    long CacheBytesPerToken,
    long CacheBytes,
    PhaseWork Prefill,
    PhaseWork Decoding);

/// <summary>Work a token of one phase, in both orders of attention's contractions.</summary>
/// <param name="AbsorbedFlops">Floating-point operations (a multiplication and an addition are two) with queries carried into the latent space.</param>
/// <param name="ExpandedFlops">The same with keys and values expanded from the cache.</param>
/// <param name="Bf16WeightBytes">Bytes of weights read, in BF16: those of a step divided by its tokens.</param>
/// <param name="Fp8WeightBytes">The same as published in FP8.</param>
/// <param name="CacheBytes">Bytes of the cache read.</param>
public sealed record PhaseWork(
    double AbsorbedFlops,
    double ExpandedFlops,
    double Bf16WeightBytes,
    double Fp8WeightBytes,
    double CacheBytes);
