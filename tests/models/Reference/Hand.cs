using System.Collections.Generic;
using System.Linq;
using Sinter.Compiler;
using Sinter.Compiler.Graph;
using Sinter.Tests.Data;
using Sinter.Tests.Reference;

namespace Sinter.Models.Tests.Reference;

/// <summary>Small graphs written by hand, and their evaluation.</summary>
internal static class Hand
{
    public static readonly Axis T = new("t", 0, Extent.Tokens);
    public static readonly Axis S = new("s", 0, Extent.Positions);

    public static Axis Axis(string name, int size) => new(name, size);

    public static EquatableArray<Axis> Axes(params Axis[] axes) => axes.ToEquatable();

    public static Input Input(string name, params Axis[] axes) => new(name, axes.ToEquatable(), IsIndex: false);

    public static EquatableArray<int> Nodes(params int[] nodes) => nodes.ToEquatable();

    public static NamedArray Array(string axes, int[] sizes, params double[] numbers) =>
        new([.. axes.Select(axis => axis.ToString())], sizes, numbers);

    /// <summary>The value of the last node.</summary>
    public static NamedArray Last(
        IEnumerable<Node> nodes,
        Dictionary<string, NamedArray> inputs,
        Weights? weights = null,
        CacheStore? caches = null,
        int layer = -1,
        int firstPosition = 0,
        int tokens = 1)
    {
        var reference = new NodeReference(weights ?? [], caches ?? new CacheStore(), layer, firstPosition, tokens);
        return reference.Evaluate(new TensorGraph(nodes.ToEquatable(), default, default), inputs)[^1];
    }

    internal sealed class Weights : Dictionary<string, StoredTensor>, IWeightSource
    {
        public StoredTensor? Find(string name) => TryGetValue(name, out StoredTensor? tensor) ? tensor : null;

        public void Add(string name, int[] shape, params double[] numbers) => Add(name, new StoredTensor("F32", shape, numbers));
    }
}
