using System;
using System.Collections.Generic;
using System.Linq;
using Sinter.Runtime.Execution;

namespace Sinter.Models.Tests.Compiled;

/// <summary>Keeps what a session lets be seen; chunks of one sequence follow each other.</summary>
internal sealed unsafe class RecordedTrace : ITrace
{
    private readonly Dictionary<(string Name, int Layer), List<double>> _values = [];

    public double[] this[string name, int layer] => [.. _values[(name, layer)]];

    public void Numbers(string name, int layer, float* data, int rows, int columns)
    {
        foreach (float number in new ReadOnlySpan<float>(data, rows * columns)) Values(name, layer).Add(number);
    }

    public void Indices(string name, int layer, int* data, int rows, int columns)
    {
        foreach (int index in new ReadOnlySpan<int>(data, rows * columns)) Values(name, layer).Add(index);
    }

    private List<double> Values(string name, int layer)
    {
        if (!_values.TryGetValue((name, layer), out List<double>? values)) _values.Add((name, layer), values = []);
        return values;
    }
}
