using System;
using System.Collections.Generic;
using System.Linq;
using Sinter.Tests.Data;
using Sinter.Tests.Reference;

namespace Sinter.Models.Tests.Gradient;

/// <summary>
/// Weights that move. The copies of embedding and head in the layer of multi-token prediction are not among them: in training
/// there is one of each, and the graph then reads the original.
/// </summary>
internal sealed class TrainedWeights : IWeightSource
{
    private readonly Dictionary<string, StoredTensor> _tensors;

    public TrainedWeights(CheckpointFolder start) => _tensors = start.Names
        .Where(name => !IsCopy(name))
        .ToDictionary(name => name, name => start.Find(name)! with { Numbers = [.. start.Find(name)!.Numbers] });

    public IReadOnlyCollection<string> Names => _tensors.Keys;

    public StoredTensor this[string name] => _tensors[name];

    public StoredTensor? Find(string name) => _tensors.GetValueOrDefault(name);

    private static bool IsCopy(string name) => name.StartsWith("model.layers.", StringComparison.Ordinal)
        && (name.EndsWith(".embed_tokens.weight", StringComparison.Ordinal) || name.EndsWith(".shared_head.head.weight", StringComparison.Ordinal));
}
