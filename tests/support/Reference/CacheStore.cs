using System.Collections.Generic;

namespace Sinter.Tests.Reference;

/// <summary>What one sequence has cached: for each cache of each layer, a row a position.</summary>
public sealed class CacheStore
{
    private readonly Dictionary<(string Cache, int Layer), List<double[]>> _rows = [];

    public List<double[]> Rows(string cache, int layer)
    {
        if (!_rows.TryGetValue((cache, layer), out List<double[]>? rows)) _rows[(cache, layer)] = rows = [];
        return rows;
    }
}
