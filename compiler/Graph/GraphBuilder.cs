using System;
using System.Collections.Generic;
using System.Linq;
using Sinter.Compiler.Binding;
using Sinter.Compiler.Syntax;

namespace Sinter.Compiler.Graph;

/// <summary>The graph of a model, or null where something is wrong with it.</summary>
public sealed record BuiltGraph(ModelGraph? Graph, EquatableArray<DiagnosticInfo> Diagnostics);

/// <summary>From a bound model to the tensor algebra: one region for what runs once, one for each range of like layers.</summary>
public sealed class GraphBuilder
{
    private const int MostLayers = 10_000;

    private readonly ModelState _state;
    private readonly Dictionary<string, OuterValue> _outer = [];
    private readonly List<BuiltRegion> _regions = [];
    private int _layers;
    private int _depth = 1;

    private GraphBuilder(BoundModel model) => _state = new ModelState(model);

    private sealed record BuiltRegion(string Name, int First, int End, RegionBuilder Builder, Dictionary<string, int> Defined);

    public static BuiltGraph Build(BoundModel model)
    {
        var builder = new GraphBuilder(model);
        ModelGraph? graph = builder.Build();
        return new BuiltGraph(builder._state.Diagnostics.Count == 0 ? graph : null, builder._state.Diagnostics.ToEquatable());
    }

    private ModelGraph? Build()
    {
        BoundArchitecture architecture = _state.Model.Architecture;
        DeclareInputs(architecture.Entry);
        Statement[] statements = architecture.Entry.Statements.ToArray();
        for (int i = 0; i < statements.Length;)
        {
            if (statements[i] is RepeatStatement repeat)
            {
                BuildLayers(repeat);
                i++;
                continue;
            }

            int end = i;
            while (end < statements.Length && statements[end] is not RepeatStatement) end++;
            BuildOnce(statements.Skip(i).Take(end - i).ToList(), i == 0, end == statements.Length);
            i = end;
        }

        HashSet<string> wanted = Results(architecture.Entry);
        Region? prediction = null;
        if (_state.Diagnostics.Count == 0 && architecture.Predict is { } predict) prediction = BuildPrediction(predict, wanted);
        if (_state.Diagnostics.Count > 0) return null;

        return new ModelGraph(
            _state.Model.Name,
            architecture.Name,
            architecture.ModelTypes,
            Config().ToEquatable(),
            _layers,
            Connect(wanted).ToEquatable(),
            prediction,
            _state.Caches.Values.ToEquatable())
        {
            PredictionDepth = prediction is null ? 0 : _depth,
        };
    }

    private void DeclareInputs(EntryItem entry)
    {
        foreach (Parameter parameter in entry.Parameters)
        {
            if (Outer(parameter, new Frame()) is { } value) _outer[parameter.Name.Text] = value;
        }
    }

    private OuterValue? Outer(Parameter parameter, Frame frame)
    {
        var reader = new RegionBuilder(_state, _outer, -1);
        List<Axis>? axes = parameter.Kind == ParameterKind.Value ? reader.ReadAxes(parameter.Axes, frame) : null;
        Axis? range = parameter.Range is { } name ? reader.ReadAxes(new[] { name }.ToEquatable(), frame)?[0] : null;
        if (parameter.Kind != ParameterKind.Value)
        {
            _state.Diagnostics.Add(Diagnostics.WrongKindOfName, parameter.Name.Span, $"an input of the model is a value with axes: {parameter.Name.Text}[t] in v");
            return null;
        }

        return axes is null || parameter.Range is not null && range is null ? null : new OuterValue(axes, range);
    }

    private void BuildOnce(IReadOnlyList<Statement> statements, bool isFirst, bool isLast)
    {
        string name = (isFirst, isLast) switch
        {
            (true, true) => "model",
            (true, _) => "embedding",
            (_, true) => "head",
            _ => "between",
        };
        var builder = new RegionBuilder(_state, Snapshot(), -1);
        var frame = new Frame { IsTop = true };
        builder.Run(statements, frame);
        Keep(name, -1, 0, builder, frame);
    }

    private void BuildLayers(RepeatStatement repeat)
    {
        var reader = new ConstantEvaluator(new FrameNames(new RegionBuilder(_state, _outer, -1), new Frame()), _state.Diagnostics);
        if (reader.Whole(repeat.From, 0, MostLayers) is not { } from || reader.Whole(repeat.To, 0, MostLayers) is not { } to) return;
        if (to <= from)
        {
            _state.Diagnostics.Add(Diagnostics.SizeOutOfRange, repeat.Span with { Length = 6 }, $"layers {from} .. {to}: there is none to repeat");
            return;
        }

        Dictionary<string, OuterValue> before = Snapshot();
        for (int first = from; first < to && !_state.IsExhausted;)
        {
            var builder = new RegionBuilder(_state, before, first);
            var frame = new Frame { IsTop = true };
            frame.Values[repeat.Index.Text] = new LayerLocal();
            builder.Run(repeat.Body, frame);
            int end = first + 1;
            while (end < to && builder.IsAlike(end)) end++;
            frame.Values.Remove(repeat.Index.Text);
            Keep($"layers {first}..{end}", first, end, builder, frame);
            first = end;
        }

        _layers = Math.Max(_layers, to);
    }

    /// <summary>Notes what a region defines, for those after it.</summary>
    private void Keep(string name, int first, int end, RegionBuilder builder, Frame frame)
    {
        var defined = new Dictionary<string, int>();
        foreach (KeyValuePair<string, Local> local in frame.Values)
        {
            if (local.Value is BrokenLocal)
            {
                _outer[local.Key] = new OuterValue([], null, IsBroken: true);
                continue;
            }

            if (local.Value is not ValueLocal { Nodes: { Count: 1 } nodes } value || builder.IsInput(nodes[0], local.Key)) continue;
            defined[local.Key] = nodes[0];
            List<Axis> axes = value.Uses.OfType<AxisUse>().Select(use => use.Axis).ToList();
            if (_outer.TryGetValue(local.Key, out OuterValue? old) && first >= 0 && !old.IsBroken && !old.Axes.SequenceEqual(axes))
            {
                _state.Diagnostics.Add(Diagnostics.AxesDisagree, _state.Model.Architecture.Entry.Span with { Length = 5 },
                    $"a layer takes '{local.Key}' with axes [{string.Join(",", old.Axes)}] and gives it with [{string.Join(",", axes)}]");
            }

            _outer[local.Key] = new OuterValue(axes, value.Range);
        }

        _regions.Add(new BuiltRegion(name, first, end, builder, defined));
    }

    private Dictionary<string, OuterValue> Snapshot() => new(_outer);

    private HashSet<string> Results(EntryItem entry)
    {
        var wanted = new HashSet<string>();
        foreach (Left result in entry.Results)
        {
            wanted.Add(result.Name.Text);
            if (_outer.TryGetValue(result.Name.Text, out OuterValue? value))
            {
                if (value.IsBroken) continue;
                var reader = new RegionBuilder(_state, _outer, -1);
                if (reader.ReadAxes(result, new Frame()) is not { } axes || axes.SequenceEqual(value.Axes)) continue;
                _state.Diagnostics.Add(Diagnostics.AxesDisagree, result.Span, $"the model promises {result.Name.Text}[{string.Join(",", axes)}] and defines {result.Name.Text}[{string.Join(",", value.Axes)}]");
            }
            else if (_state.Diagnostics.Count == 0)
            {
                _state.Diagnostics.Add(Diagnostics.MissingPart, result.Span, $"the model does not define its result '{result.Name.Text}'{NearestName.Suggest(result.Name.Text, _outer.Keys)}");
            }
        }

        return wanted;
    }

    private Region? BuildPrediction(PredictItem predict, HashSet<string> wanted)
    {
        var evaluator = new ConstantEvaluator(new FrameNames(new RegionBuilder(_state, _outer, -1), new Frame()), _state.Diagnostics);
        if (predict.Condition is { } condition && evaluator.Truth(condition) != true) return null;
        if (predict.Times is { } times)
        {
            if (evaluator.Whole(times, 0, MostLayers) is not ({ } depth and > 0)) return null;
            _depth = depth;
        }

        Segment last = predict.At.Path[predict.At.Path.Count - 1];
        int? layer = last is { IsIndexed: true, Indices.Count: 1 } ? evaluator.Whole(last.Indices[0], 0, MostLayers) : null;
        if (layer is null || predict.At.Path.Take(predict.At.Path.Count - 1).Any(segment => segment.IsIndexed))
        {
            _state.Diagnostics.Add(Diagnostics.WrongKindOfName, predict.At.Span, "prediction stands at a layer of its own: at model.layers[layers]");
            return null;
        }

        var inputs = new Dictionary<string, OuterValue>();
        foreach (Parameter parameter in predict.Parameters)
        {
            if (Outer(parameter, new Frame()) is not { } value) return null;
            inputs[parameter.Name.Text] = value;
            if (value.Range is not null) continue;
            if (_outer.TryGetValue(parameter.Name.Text, out OuterValue? main) && main.Axes.Select(Shape).SequenceEqual(value.Axes.Select(Shape)))
            {
                wanted.Add(parameter.Name.Text);
                continue;
            }

            _state.Diagnostics.Add(Diagnostics.AxesDisagree, parameter.Name.Span, main is null
                ? $"the model has no value '{parameter.Name.Text}' for predict to take{NearestName.Suggest(parameter.Name.Text, _outer.Keys)}"
                : $"predict takes {parameter.Name.Text}[{string.Join(",", value.Axes)}]; the model gives it with axes [{string.Join(",", main.Axes)}]");
            return null;
        }

        var builder = new RegionBuilder(_state, inputs, layer.Value);
        string path = string.Join(".", predict.At.Path.Select(segment => segment.Name.Text)) + ".{layer}.";
        var frame = new Frame { IsTop = true, Path = path };
        builder.Run(predict.Statements, frame);
        List<Output> outputs = [.. predict.Results.Select(result => new Output(result.Name.Text, builder.ResultOf(result, frame) ?? 0))];
        if (_state.Diagnostics.Count > 0) return null;
        TensorGraph graph = builder.ToGraph(outputs);
        return new Region("prediction", layer.Value, layer.Value + 1, graph);
    }

    private static (int Size, Extent Extent) Shape(Axis axis) => (axis.Size, axis.Extent);

    /// <summary>Each region hands on what later ones take, and its own next round.</summary>
    private IEnumerable<Region> Connect(HashSet<string> wanted)
    {
        var alive = new HashSet<string>(wanted);
        var regions = new List<Region>();
        foreach (BuiltRegion region in Enumerable.Reverse(_regions))
        {
            bool isRepeated = region.First >= 0;
            if (isRepeated) alive.UnionWith(region.Builder.Taken);
            List<Output> outputs = region.Defined.Where(defined => alive.Contains(defined.Key))
                .OrderBy(defined => defined.Key, StringComparer.Ordinal)
                .Select(defined => new Output(defined.Key, defined.Value)).ToList();
            if (!isRepeated) alive.ExceptWith(region.Defined.Keys);
            alive.UnionWith(region.Builder.Taken);
            regions.Add(new Region(region.Name, region.First, region.End, region.Builder.ToGraph(outputs)));
        }

        return Enumerable.Reverse(regions);
    }

    private IEnumerable<Binding> Config()
    {
        foreach (KeyValuePair<string, ConfigValue> read in _state.Read)
        {
            if (read.Value is not GroupValue group)
            {
                yield return new Binding(read.Key, read.Value.Text);
                continue;
            }

            foreach (NamedValue entry in group.Entries) yield return new Binding($"{read.Key}.{entry.Name}", entry.Value.Text);
        }
    }
}
