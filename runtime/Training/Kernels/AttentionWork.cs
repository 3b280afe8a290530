using System;
using System.Runtime.CompilerServices;
using Sinter.Runtime.Numerics;

namespace Sinter.Runtime.Training.Kernels;

/// <summary>Keys from one up to, but not including, another.</summary>
internal readonly record struct KeyRange(int First, int End)
{
    public int Count => End - First;
}

/// <summary>
/// What a worker holds of one head and of one block of its queries, and the products between them. A tile leaves out the keys that
/// none of its queries sees; what a tile does see beyond a query's own keys is zero.
/// </summary>
internal readonly unsafe ref struct AttentionWork<V>
    where V : struct, ILanes<V>
{
    private const int Rows = AttentionShape.Rows;

    private readonly ref readonly AttentionShape _shape;
    private readonly int _tokens, _depth, _room;
    private readonly int* _begins;
    private readonly long _stride;
    private readonly float* _scores, _slopes, _keysTurned, _keys, _otherKeys, _valuesTurned, _values;
    private readonly float* _ofKey, _ofOtherKey, _ofValue, _queries, _queryPanels, _otherQueryPanels, _gradients, _gradientPanels, _result, _inverses;

    public AttentionWork(in AttentionShape shape, int tokens, int* begins, byte* scratch)
    {
        _shape = ref shape;
        _tokens = tokens;
        _begins = begins;
        _depth = shape.Query.Width + shape.OtherQuery.Width;
        _room = (tokens + AttentionShape.MoreKeys) / AttentionShape.Margin * AttentionShape.Margin;
        _stride = _room + AttentionShape.Margin;
        int key = AttentionShape.Padded(shape.Query.Width), other = AttentionShape.Padded(shape.OtherQuery.Width), value = AttentionShape.Padded(shape.Value.Width);
        var place = (float*)scratch;
        float* Take(long numbers) => (place += numbers) - numbers;
        _scores = Take(Rows * _stride);
        _slopes = Take(Rows * _stride);
        _keysTurned = Take((long)(key + other) * _room);
        _keys = Take((long)key * _room);
        _otherKeys = Take((long)other * _room);
        _valuesTurned = _values = Take((long)value * _room);
        _ofKey = Take((long)key * _room);
        _ofOtherKey = Take((long)other * _room);
        _ofValue = Take((long)value * _room);
        _queries = Take(Rows * (key + other));
        _queryPanels = Take(Rows * key);
        _otherQueryPanels = Take(Rows * other);
        _gradients = Take(Rows * value);
        _gradientPanels = Take(Rows * value);
        _result = Take(Rows * Math.Max(Math.Max(key, other), value));
        _inverses = Take(Rows);
    }

    /// <summary>Lays out keys and values of a head for <see cref="Forward"/>.</summary>
    public void TakeHead(int head, float* key, float* otherKey, float* value)
    {
        TurnKeys(head, key, otherKey);
        AttentionPanels.Split<V>(value + head * _shape.Value.Head, _shape.Value.Row, _tokens, _shape.Value.Width, _values, _room);
    }

    /// <summary>The same for <see cref="Backward"/>, whose sums over queries begin.</summary>
    public void TakeHeadBackward(int head, float* key, float* otherKey, float* value)
    {
        TurnKeys(head, key, otherKey);
        AttentionPanels.Turn<V>(value + head * _shape.Value.Head, _shape.Value.Row, _tokens, _shape.Value.Width, _valuesTurned, _shape.Value.Width, 0);
        AttentionPanels.Split<V>(key + head * _shape.Key.Head, _shape.Key.Row, _tokens, _shape.Query.Width, _keys, _room);
        if (_shape.OtherQuery.Width > 0)
            AttentionPanels.Split<V>(otherKey + head * _shape.OtherKey.Head, _shape.OtherKey.Row, _tokens, _shape.OtherQuery.Width, _otherKeys, _room);
        foreach ((int width, nint sums) in (ReadOnlySpan<(int, nint)>)[(_shape.Query.Width, (nint)_ofKey), (_shape.OtherQuery.Width, (nint)_ofOtherKey), (_shape.Value.Width, (nint)_ofValue)])
            Unsafe.InitBlockUnaligned((float*)sums, 0, (uint)(AttentionPanels.Vectors<V>(width) * V.Count * _tokens * sizeof(float)));
    }

    /// <summary>A block's output.</summary>
    public void Forward(int head, int first, float* query, float* otherQuery, float* output)
    {
        int rows = Math.Min(Rows, _tokens - first), width = _shape.Value.Width, stride = AttentionPanels.Vectors<V>(width) * V.Count;
        KeyRange keys = Seen(first, rows);
        Probabilities(head, first, rows, keys, query, otherQuery);
        Below(first, rows, keys, _scores, _values, width);
        float* to = output + head * _shape.Output.Head + first * _shape.Output.Row;
        for (int i = 0; i < rows; i++) AttentionPanels.Row<V>(_result + i * stride, width, _inverses[i], to + i * _shape.Output.Row);
    }

    /// <summary>A block's gradients of queries, and its part of the sums.</summary>
    public void Backward(int head, int first, float* query, float* otherQuery, float* gradient, float* ofQuery, float* ofOtherQuery)
    {
        int rows = Math.Min(Rows, _tokens - first), width = _shape.Value.Width, main = _shape.Query.Width, other = _shape.OtherQuery.Width;
        KeyRange keys = Seen(first, rows);
        Probabilities(head, first, rows, keys, query, otherQuery);
        float* own = gradient + head * _shape.Output.Head + first * _shape.Output.Row;
        AttentionPanels.Copy<V>(own, _shape.Output.Row, rows, width, 1f, _gradients, width, Rows);
        AttentionPanels.Split<V>(_gradients, width, rows, width, _gradientPanels, Rows);
        Scores(first, rows, keys, _gradients, width, _valuesTurned, _slopes);
        for (int i = 0; i < rows; i++)
        {
            KeyRange seen = Seen(first + i, 1);
            AttentionRows.Slope<V>(_scores + i * _stride + seen.First, _slopes + i * _stride + seen.First, seen.Count, _inverses[i]);
            ClearBeside(_slopes + i * _stride, keys, seen);
        }

        Across(first, rows, keys, _scores, _gradientPanels, width, _ofValue);
        AttentionPanels.Split<V>(_queries, _depth, rows, main, _queryPanels, Rows);
        Across(first, rows, keys, _slopes, _queryPanels, main, _ofKey);
        OfQuery(head, first, rows, keys, _keys, main, ofQuery);
        if (other == 0) return;
        AttentionPanels.Split<V>(_queries + main, _depth, rows, other, _otherQueryPanels, Rows);
        Across(first, rows, keys, _slopes, _otherQueryPanels, other, _ofOtherKey);
        OfQuery(head, first, rows, keys, _otherKeys, other, ofOtherQuery);
    }

    /// <summary>The head's sums over queries, as dense rows [token, head, ·].</summary>
    public void GiveSums(int head, float* ofKey, float* ofOtherKey, float* ofValue)
    {
        Give(head, _ofKey, _shape.Query.Width, ofKey);
        if (_shape.OtherQuery.Width > 0) Give(head, _ofOtherKey, _shape.OtherQuery.Width, ofOtherKey);
        Give(head, _ofValue, _shape.Value.Width, ofValue);
    }

    private void Give(int head, float* sums, int width, float* to)
    {
        long stride = (long)_shape.Heads * width;
        AttentionPanels.Copy<V>(sums, AttentionPanels.Vectors<V>(width) * V.Count, _tokens, width, 1f, to + head * width, stride, _tokens);
    }

    private void TurnKeys(int head, float* key, float* otherKey)
    {
        AttentionPanels.Turn<V>(key + head * _shape.Key.Head, _shape.Key.Row, _tokens, _shape.Query.Width, _keysTurned, _depth, 0);
        if (_shape.OtherQuery.Width > 0)
            AttentionPanels.Turn<V>(otherKey + head * _shape.OtherKey.Head, _shape.OtherKey.Row, _tokens, _shape.OtherQuery.Width, _keysTurned, _depth, _shape.Query.Width);
    }

    /// <summary>A block's probabilities, each row times its sum, whose inverse is kept; zero beside what a query sees.</summary>
    private void Probabilities(int head, int first, int rows, KeyRange keys, float* query, float* otherQuery)
    {
        AttentionPanels.Copy<V>(query + head * _shape.Query.Head + first * _shape.Query.Row, _shape.Query.Row, rows, _shape.Query.Width, _shape.Scale, _queries, _depth, Rows);
        if (_shape.OtherQuery.Width > 0)
        {
            AttentionPanels.Copy<V>(
                otherQuery + head * _shape.OtherQuery.Head + first * _shape.OtherQuery.Row, _shape.OtherQuery.Row, rows, _shape.OtherQuery.Width, _shape.Scale,
                _queries + _shape.Query.Width, _depth, Rows);
        }

        Scores(first, rows, keys, _queries, _depth, _keysTurned, _scores);
        for (int i = 0; i < rows; i++)
        {
            KeyRange seen = Seen(first + i, 1);
            _inverses[i] = AttentionRows.Exponentials<V>(_scores + i * _stride + seen.First, seen.Count);
            ClearBeside(_scores + i * _stride, keys, seen);
        }
    }

    /// <summary>result[query, key] = left[query] · turned[key].</summary>
    private void Scores(int first, int rows, KeyRange keys, float* left, int depth, float* turned, float* result)
    {
        int width = 2 * V.Count;
        for (int panel = keys.First / width; panel * width < keys.End; panel++)
        {
            // The first tile with a query that is not before all keys of the panel.
            int before = _shape.Causal ? panel * width - first : 0;
            for (int i = before <= 0 ? 0 : before / AttentionTiles.PairRows * AttentionTiles.PairRows; i < rows; i += AttentionTiles.PairRows)
                AttentionTiles.Pair<V>(left + i * depth, depth, depth, turned + (long)panel * depth * width, result + i * _stride + panel * width, _stride);
        }
    }

    /// <summary>The block's result = left[query, key] · panels[key].</summary>
    private void Below(int first, int rows, KeyRange keys, float* left, float* panels, int columns)
    {
        int vectors = AttentionPanels.Vectors<V>(columns), stride = vectors * V.Count;
        for (int vector = 0; vector < vectors; vector += 2)
        {
            int width = AttentionPanels.PanelWidth<V>(vector, vectors), tile = width > V.Count ? AttentionTiles.PairRows : AttentionTiles.SingleRows;
            float* panel = panels + (long)vector * V.Count * _room + keys.First * width;
            for (int i = 0; i < rows; i += tile)
            {
                int depth = (_shape.Causal ? Math.Min(keys.End, first + i + tile) : keys.End) - keys.First;
                float* from = left + i * _stride + keys.First, to = _result + i * stride + vector * V.Count;
                if (width > V.Count) AttentionTiles.Pair<V>(from, _stride, depth, panel, to, stride);
                else AttentionTiles.Single<V>(from, _stride, depth, panel, to, stride);
            }
        }
    }

    /// <summary>sums[key] += Σ over queries of left[query, key] · panels[query].</summary>
    private void Across(int first, int rows, KeyRange keys, float* left, float* panels, int columns, float* sums)
    {
        int vectors = AttentionPanels.Vectors<V>(columns), stride = vectors * V.Count;
        for (int vector = 0; vector < vectors; vector += 2)
        {
            int width = AttentionPanels.PanelWidth<V>(vector, vectors), tile = width > V.Count ? AttentionTiles.PairRows : AttentionTiles.SingleRows;
            float* panel = panels + vector * V.Count * Rows;
            for (int key = Start(keys); key < keys.End; key += tile)
            {
                int from = _shape.Causal ? Math.Max(0, key - first) : 0;
                float* place = left + from * _stride + key, to = sums + (long)key * stride + vector * V.Count;
                if (width > V.Count) AttentionTiles.AddPairAcross<V>(place, _stride, rows - from, panel + from * width, to, stride);
                else AttentionTiles.AddSingleAcross<V>(place, _stride, rows - from, panel + from * width, to, stride);
            }
        }
    }

    private void OfQuery(int head, int first, int rows, KeyRange keys, float* panels, int width, float* result)
    {
        Below(first, rows, keys, _slopes, panels, width);
        long row = (long)_shape.Heads * width;
        AttentionPanels.Copy<V>(_result, AttentionPanels.Vectors<V>(width) * V.Count, rows, width, _shape.Scale, result + first * row + head * width, row, rows);
    }

    /// <summary>The keys that some of the queries see.</summary>
    private KeyRange Seen(int first, int rows) => _shape.Causal ? new(_begins[first], first + rows) : new(0, _tokens);

    /// <summary>Where the first panel that has such a key begins.</summary>
    private static int Start(KeyRange keys) => keys.First / (2 * V.Count) * (2 * V.Count);

    private static void ClearBeside(float* row, KeyRange keys, KeyRange seen)
    {
        int start = Start(keys);
        if (start < seen.First) Tiles.Clear(row + start, seen.First - start);
        for (int i = 0; i < AttentionShape.Margin; i += V.Count) V.Zero.Store(row + seen.End + i);
    }
}
