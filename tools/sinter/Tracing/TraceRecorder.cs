using System;
using System.Collections.Generic;
using System.Linq;
using Sinter.Runtime.Checkpoints;
using Sinter.Runtime.Execution;

namespace Sinter.Command.Tracing;

/// <summary>
/// Keeps what passes show, step after step, row after row, under the names that a trace file has: <c>hidden</c> after
/// layer i is <c>hidden.{i+1}</c>, and before the first one <c>hidden.0</c>; <c>router.topk_idx</c> of layer i is
/// <c>router.i.topk_idx</c>.
/// </summary>
internal sealed class TraceRecorder : ITrace
{
    private const string Hidden = "hidden";
    private const string ChosenIndices = "topk_idx";
    private const string ChosenWeights = "topk_weight";

    private readonly Dictionary<string, Rows<float>> _numbers = new(StringComparer.Ordinal);
    private readonly Dictionary<string, Rows<int>> _indices = new(StringComparer.Ordinal);

    /// <summary>Rows of one tensor as they come.</summary>
    private sealed record Rows<T>(int Columns)
    {
        public List<T> Items { get; } = [];
    }

    public unsafe void Numbers(string name, int layer, float* data, int rows, int columns) =>
        Append(_numbers, NameInFile(name, layer), new ReadOnlySpan<float>(data, rows * columns), columns);

    public unsafe void Indices(string name, int layer, int* data, int rows, int columns) =>
        Append(_indices, NameInFile(name, layer), new ReadOnlySpan<int>(data, rows * columns), columns);

    /// <summary>Adds all that was seen to a file, the choices of each token sorted by index.</summary>
    public void AddTo(SafetensorsWriter file)
    {
        SortChoices();
        foreach ((string name, Rows<float> rows) in _numbers.OrderBy(entry => entry.Key, StringComparer.Ordinal))
            file.Add(name, [rows.Items.Count / rows.Columns, rows.Columns], rows.Items.ToArray());
        foreach ((string name, Rows<int> rows) in _indices.OrderBy(entry => entry.Key, StringComparer.Ordinal))
            file.Add(name, [rows.Items.Count / rows.Columns, rows.Columns], rows.Items.ToArray());
    }

    internal static string NameInFile(string name, int layer)
    {
        if (name == Hidden) return FormattableString.Invariant($"{Hidden}.{layer + 1}");
        if (layer < 0) return name;
        int dot = name.IndexOf('.', StringComparison.Ordinal);
        return dot < 0
            ? FormattableString.Invariant($"{name}.{layer}")
            : FormattableString.Invariant($"{name[..dot]}.{layer}{name[dot..]}");
    }

    private static void Append<T>(Dictionary<string, Rows<T>> tensors, string name, ReadOnlySpan<T> numbers, int columns)
    {
        if (!tensors.TryGetValue(name, out Rows<T>? rows)) tensors.Add(name, rows = new Rows<T>(columns));
        rows.Items.AddRange(numbers);
    }

    /// <summary>Programs choose in the order of the scores, and equal scores in any: sorted by index, files can be compared.</summary>
    private void SortChoices()
    {
        foreach ((string name, Rows<int> indices) in _indices.Where(entry => entry.Key.EndsWith(ChosenIndices, StringComparison.Ordinal)))
        {
            string other = name[..^ChosenIndices.Length] + ChosenWeights;
            if (!_numbers.TryGetValue(other, out Rows<float>? weights) || weights.Columns != indices.Columns) continue;
            int[] keys = [.. indices.Items];
            float[] values = [.. weights.Items];
            for (int from = 0; from < keys.Length; from += indices.Columns) Array.Sort(keys, values, from, indices.Columns);
            indices.Items.Clear();
            indices.Items.AddRange(keys);
            weights.Items.Clear();
            weights.Items.AddRange(values);
        }
    }
}
