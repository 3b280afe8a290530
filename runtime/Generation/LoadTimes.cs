using System;

namespace Sinter.Runtime.Generation;

/// <summary>Where the time of opening a model went; the tokenizer is read while the rest goes on.</summary>
/// <param name="Config">config.json read and compared with the model.</param>
/// <param name="Weights">Files mapped, tensors found and, where that was asked for, converted or copied.</param>
/// <param name="Session">Caches and buffers reserved, threads started.</param>
/// <param name="Tokenizer">What was left to wait for of the tokenizer.</param>
public sealed record LoadTimes(TimeSpan Config, TimeSpan Weights, TimeSpan Session, TimeSpan Tokenizer);
