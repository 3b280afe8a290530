using System;
using System.Collections.Generic;
using System.Linq;
using Sinter.Compiler.Graph;
using Sinter.Tests.Data;

namespace Sinter.Tests.Reference;

/// <summary>
/// Evaluates nodes one after the other, as their definitions read, for the tokens of one sequence.
/// </summary>
/// <param name="layer">The layer whose weights and caches are meant; -1 outside the layers.</param>
/// <param name="firstPosition">Position of the step's first token.</param>
public sealed partial class NodeReference(
    IWeightSource weights, CacheStore caches, int layer, int firstPosition, int tokens)
{
    private readonly List<NamedArray> _values = [];

    /// <summary>The values of all nodes of a graph, by their index.</summary>
    public IReadOnlyList<NamedArray> Evaluate(TensorGraph graph, IReadOnlyDictionary<string, NamedArray> inputs)
    {
        foreach (Node node in graph.Nodes)
        {
            try
            {
                _values.Add(Evaluate(node, inputs));
            }
            catch (Exception failure)
            {
                throw new InvalidOperationException($"node {_values.Count} «{node.Name}» ({node.GetType().Name}): {failure.Message}", failure);
            }
        }

        return _values;
    }

    private NamedArray Evaluate(Node node, IReadOnlyDictionary<string, NamedArray> inputs) => node switch
    {
        Input input => Evaluate(input, inputs),
        Weight weight => Evaluate(weight),
        Contract contract => Lay(
            ContractionReference.Contract(Names(node), [.. contract.Factors.Select(factor => _values[factor])]), node),
        Map map => Evaluate(map),
        Reduce reduce => Evaluate(reduce),
        Softmax softmax => Evaluate(softmax),
        LogSumExp sum => Evaluate(sum),
        Rotary rotary => Evaluate(rotary),
        Causal causal => Evaluate(causal),
        Choose choose => Evaluate(choose),
        Take take => Evaluate(take),
        Cached cached => Evaluate(cached),
        Attend attend => Evaluate(attend),
        AttendGradient gradient => Evaluate(gradient),
        OneHot hot => Evaluate(hot),
        Rename rename => Evaluate(rename),
        Assemble assemble => Evaluate(assemble),
        _ => throw new NotSupportedException("the reference does not know this kind"),
    };

    /// <summary>Regions hand values on by place: an axis may have another name on the other side.</summary>
    private NamedArray Evaluate(Input input, IReadOnlyDictionary<string, NamedArray> inputs)
    {
        if (!inputs.TryGetValue(input.Name, out NamedArray? value)) throw new ArgumentException($"nothing is handed in as {input.Name}");
        NamedArray result = New(input);
        if (!result.Sizes.SequenceEqual(value.Sizes)) throw new ArgumentException($"{value} comes where {result} is expected");
        return new NamedArray(result.Axes, result.Sizes, value.Numbers);
    }

    private NamedArray Evaluate(Weight weight)
    {
        NamedArray result = New(weight);
        int[] places = Places.Of(result.Sizes, [.. weight.Strides]);
        if (weight.Index < 0)
        {
            double[] stored = Stored(weight.Tensor, expert: -1);
            for (int i = 0; i < places.Length; i++) result.Numbers[i] = stored[weight.Offset + places[i]];
            return result;
        }

        NamedArray index = _values[weight.Index];
        if (!index.Axes.SequenceEqual(result.Axes.Take(index.Axes.Count)))
            throw new ArgumentException($"the index {index} must come first in {result}");
        int rowSize = places.Length / index.Numbers.Length;
        for (int row = 0; row < index.Numbers.Length; row++)
        {
            int chosen = (int)index.Numbers[row];
            double[] stored = Stored(weight.Tensor, weight.Tensor.Experts > 0 ? chosen : -1);
            int offset = weight.Offset + chosen * weight.IndexStride;
            for (int i = row * rowSize; i < (row + 1) * rowSize; i++) result.Numbers[i] = stored[offset + places[i]];
        }

        return result;
    }

    private NamedArray Evaluate(Map map)
    {
        NamedArray result = New(map);
        NamedArray[] inputs = [.. map.Inputs.Select(input => _values[input])];
        int[][] places = [.. inputs.Select(input => PlacesIn(input, result))];
        var arguments = new double[inputs.Length];
        for (int i = 0; i < result.Numbers.Length; i++)
        {
            for (int k = 0; k < inputs.Length; k++) arguments[k] = inputs[k].Numbers[places[k][i]];
            result.Numbers[i] = ScalarReference.Evaluate(map.Function, arguments);
        }

        return result;
    }

    private NamedArray Evaluate(Reduce reduce)
    {
        NamedArray input = _values[reduce.Input];
        NamedArray result = New(reduce);
        int[] places = PlacesIn(input, result, reduce.Over.Name);
        int[] along = Places.Of([input.Size(reduce.Over.Name)], [input.Stride(reduce.Over.Name)]);
        for (int i = 0; i < result.Numbers.Length; i++)
        {
            IEnumerable<double> row = along.Select(step => input.Numbers[places[i] + step]);
            result.Numbers[i] = reduce.Reduction switch
            {
                Reduction.Sum => row.Sum(),
                Reduction.Mean => row.Average(),
                Reduction.Max => row.Max(),
                _ => throw new NotSupportedException($"the reference knows no {reduce.Reduction}"),
            };
        }

        return result;
    }

    private NamedArray Evaluate(Softmax softmax)
    {
        NamedArray result = Lay(_values[softmax.Input], softmax);
        foreach (int[] row in Rows(result, softmax.Over.Name))
        {
            double max = row.Max(place => result.Numbers[place]);
            double sum = row.Sum(place => Math.Exp(result.Numbers[place] - max));
            foreach (int place in row) result.Numbers[place] = Math.Exp(result.Numbers[place] - max) / sum;
        }

        return result;
    }

    private NamedArray Evaluate(LogSumExp sum)
    {
        NamedArray input = _values[sum.Input], result = New(sum);
        int[] places = PlacesIn(input, result, sum.Over.Name);
        int[] along = Places.Of([input.Size(sum.Over.Name)], [input.Stride(sum.Over.Name)]);
        for (int i = 0; i < result.Numbers.Length; i++)
        {
            double max = along.Max(step => input.Numbers[places[i] + step]);
            result.Numbers[i] = max + Math.Log(along.Sum(step => Math.Exp(input.Numbers[places[i] + step] - max)));
        }

        return result;
    }

    private NamedArray Evaluate(Rotary rotary)
    {
        NamedArray input = Lay(_values[rotary.Input], rotary);
        NamedArray result = New(rotary);
        int[] positions = Positions(rotary, result);
        int stride = result.Stride(rotary.Along.Name);
        int[][] rows = Rows(result, rotary.Along.Name);
        if (rotary.Table.Dimension != rotary.Along.Size)
            throw new ArgumentException($"a table of {rotary.Table.Dimension} angles for {rotary.Along.Size} numbers");
        foreach (int[] row in rows)
        {
            for (int pair = 0; pair < row.Length / 2; pair++)
            {
                int first = row[2 * pair];
                int second = first + stride;
                double angle = positions[first] * rotary.Table.InverseFrequencies[pair];
                double cosine = Math.Cos(angle) * rotary.Table.Magnitude;
                double sine = Math.Sin(angle) * rotary.Table.Magnitude;
                result.Numbers[first] = input.Numbers[first] * cosine - input.Numbers[second] * sine;
                result.Numbers[second] = input.Numbers[first] * sine + input.Numbers[second] * cosine;
            }
        }

        return result;
    }

    private NamedArray Evaluate(Causal causal)
    {
        NamedArray result = Lay(_values[causal.Input], causal);
        int[] query = Indices(result, AxisOf(causal, Extent.Tokens));
        int[] key = Indices(result, AxisOf(causal, Extent.Positions));
        for (int i = 0; i < result.Numbers.Length; i++)
        {
            if (key[i] > firstPosition + query[i]) result.Numbers[i] = double.NegativeInfinity;
        }

        return result;
    }

    private NamedArray Evaluate(Choose choose)
    {
        NamedArray scores = _values[choose.Scores];
        NamedArray result = New(choose);
        string among = choose.Among.Name;
        string chosen = result.Axes.Single(axis => !scores.Has(axis));
        int[] along = Places.Of([scores.Size(among)], [scores.Stride(among)]);
        int[] places = PlacesIn(scores, result, among, chosen);
        int[] rank = Indices(result, chosen);
        for (int i = 0; i < result.Numbers.Length; i++)
        {
            double[] row = [.. along.Select(step => scores.Numbers[places[i] + step])];
            result.Numbers[i] = Candidates(row, choose).OrderByDescending(member => row[member]).ElementAt(rank[i]);
        }

        return result;
    }

    /// <summary>Who may be chosen, in ascending order; OrderBy is stable, so that the lower index wins among equals.</summary>
    private static IEnumerable<int> Candidates(double[] scores, Choose choose)
    {
        int size = scores.Length / choose.Groups;
        IEnumerable<int> kept = Enumerable.Range(0, choose.Groups)
            .OrderByDescending(group => Worth(scores[(group * size)..((group + 1) * size)], choose.GroupScore))
            .Take(choose.Groups == 1 ? 1 : choose.Keep);
        return kept.Order().SelectMany(group => Enumerable.Range(group * size, size));
    }

    private static double Worth(double[] members, GroupScore score) => score switch
    {
        GroupScore.Max => members.Max(),
        GroupScore.Top2Sum => members.OrderDescending().Take(2).Sum(),
        _ => throw new NotSupportedException($"the reference knows no {score}"),
    };

    private NamedArray Evaluate(Take take)
    {
        NamedArray values = _values[take.Values];
        NamedArray index = _values[take.Index];
        NamedArray result = New(take);
        int[] indexPlaces = PlacesIn(index, result);
        int[] places = PlacesIn(values, result, take.Among.Name);
        for (int i = 0; i < result.Numbers.Length; i++)
        {
            int chosen = (int)index.Numbers[indexPlaces[i]];
            result.Numbers[i] = values.Numbers[places[i] + chosen * values.Stride(take.Among.Name)];
        }

        return result;
    }

    private NamedArray Evaluate(Cached cached)
    {
        NamedArray input = _values[cached.Input];
        string positions = AxisOf(cached, Extent.Positions);
        string token = input.Axes.Single(axis => !cached.Axes.Any(other => other.Name == axis));
        string[] row = [.. Names(cached).Where(axis => axis != positions)];
        NamedArray appended = ContractionReference.Contract([token, .. row], [input]);

        List<double[]> rows = caches.Rows(cached.Cache, layer);
        if (rows.Count != firstPosition)
            throw new InvalidOperationException($"cache {cached.Cache} holds {rows.Count} rows before position {firstPosition}");
        for (int i = 0; i < tokens; i++) rows.Add(appended.Row(i));
        return Lay(new NamedArray([positions, .. row], [rows.Count, .. row.Select(input.Size)], [.. rows.SelectMany(numbers => numbers)]), cached);
    }

    private NamedArray Evaluate(OneHot hot)
    {
        NamedArray index = _values[hot.Index];
        NamedArray result = New(hot);
        int[] places = PlacesIn(index, result);
        int[] among = Indices(result, hot.Among.Name);
        for (int i = 0; i < places.Length; i++) result.Numbers[i] = index.Numbers[places[i]] == among[i] ? 1 : 0;
        return result;
    }

    private NamedArray Evaluate(Rename rename)
    {
        NamedArray input = _values[rename.Input];
        string[] names = [.. input.Axes.Select(axis => axis == rename.From.Name ? rename.To.Name : axis)];
        return Lay(new NamedArray(names, input.Sizes, input.Numbers), rename);
    }

    private NamedArray Evaluate(Assemble assemble)
    {
        NamedArray result = New(assemble);
        foreach (Part part in assemble.Parts)
        {
            NamedArray value = _values[part.Value];
            int[] places = Places.Of(value.Sizes, [.. part.Strides]);
            for (int i = 0; i < places.Length; i++) result.Numbers[part.Offset + places[i]] += value.Numbers[i];
        }

        return result;
    }

    private double[] Stored(WeightTensor tensor, int expert)
    {
        string name = Publish(tensor.Name, expert);
        StoredTensor? stored = weights.Find(name);
        if (stored is null && tensor.Otherwise is not null) stored = weights.Find(Publish(tensor.Otherwise, expert));
        if (stored is null) throw new ArgumentException($"there is no tensor {name}");
        if (!stored.Shape.SequenceEqual(tensor.Shape))
            throw new ArgumentException($"{name} is [{string.Join(",", stored.Shape)}], the graph wants [{string.Join(",", tensor.Shape)}]");
        return stored.Numbers;
    }

    private string Publish(string name, int expert)
    {
        if (name.Contains("{layer}") && layer < 0) throw new ArgumentException($"{name} is asked for outside the layers");
        return name.Replace("{layer}", $"{layer}").Replace("{expert}", $"{expert}");
    }

    private int SizeOf(Axis axis) => axis.Extent switch
    {
        Extent.Tokens => tokens,
        Extent.Positions => firstPosition + tokens,
        _ => axis.Size,
    };

    private NamedArray New(Node node) => new(Names(node), [.. node.Axes.Select(SizeOf)]);

    /// <summary>A copy of a value with the axes of a node, which must be the same ones.</summary>
    private NamedArray Lay(NamedArray value, Node node)
    {
        NamedArray result = New(node);
        if (result.Axes.Count != value.Axes.Count) throw new ArgumentException($"{value} is not laid out as {result}");
        int[] places = PlacesIn(value, result);
        for (int i = 0; i < places.Length; i++) result.Numbers[i] = value.Numbers[places[i]];
        return result;
    }

    /// <summary>For each place of a result the place in an operand, which repeats along the axes that it lacks.</summary>
    private static int[] PlacesIn(NamedArray operand, NamedArray result, params string[] apart)
    {
        foreach (string axis in operand.Axes.Except(apart))
        {
            if (!result.Has(axis) || result.Size(axis) != operand.Size(axis))
                throw new ArgumentException($"operand {operand} does not fit {result} along {axis}");
        }

        return Places.Of(result.Sizes, operand.Strides(result.Axes));
    }

    /// <summary>The places of each row along an axis.</summary>
    private static int[][] Rows(NamedArray value, string axis)
    {
        string[] others = [.. value.Axes.Where(other => other != axis)];
        int[] starts = Places.Of([.. others.Select(value.Size)], value.Strides(others));
        return [.. starts.Select(start => Enumerable.Range(0, value.Size(axis)).Select(i => start + i * value.Stride(axis)).ToArray())];
    }

    /// <summary>For each place its index along an axis.</summary>
    private static int[] Indices(NamedArray value, string axis) =>
        [.. Enumerable.Range(0, value.Numbers.Length).Select(place => place / value.Stride(axis) % value.Size(axis))];

    /// <summary>For each place the position of its token.</summary>
    private int[] Positions(Node node, NamedArray value) => node.Axes.Any(axis => axis.Extent == Extent.Tokens)
        ? [.. Indices(value, AxisOf(node, Extent.Tokens)).Select(token => firstPosition + token)]
        : Indices(value, AxisOf(node, Extent.Positions));

    private static string AxisOf(Node node, Extent extent) => node.Axes.Single(axis => axis.Extent == extent).Name;

    private static string[] Names(Node node) => [.. node.Axes.Select(axis => axis.Name)];
}
