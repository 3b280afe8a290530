using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using Sinter.Compiler.Binding;
using Sinter.Compiler.Syntax;

namespace Sinter.Compiler.Graph;

/// <summary>A value that an earlier region, or the caller of the model, provides.</summary>
/// <param name="IsBroken">Whether its definition is wrong, which is reported there.</param>
internal sealed record OuterValue(IReadOnlyList<Axis> Axes, Axis? Range, bool IsBroken = false);

/// <summary>
/// Builds the graph of one region: unfolds calls, chooses branches, and turns index notation into contractions and maps.
/// This file holds the nodes; the others say what statements, expressions, axes, calls and weights mean.
/// </summary>
internal sealed partial class RegionBuilder(ModelState state, IReadOnlyDictionary<string, OuterValue> outer, int layer)
{
    // A scalar function deeper than this is cut in two.
    private const int DeepestFormula = 60;

    private const int WidestRow = int.MaxValue / sizeof(float);

    private readonly List<Node> _nodes = [];
    private readonly HashSet<string> _names = [];
    private readonly Dictionary<Node, int> _views = [];
    private readonly Dictionary<int, Axis> _ranges = [];
    private readonly List<Trace> _traces = [];
    private string _statement = "value";
    private bool _isTracing;

    public ModelState State => state;

    /// <summary>The layer that is being built, or the one that its conditions are tried for.</summary>
    public int Layer { get; set; } = layer;

    /// <summary>Set whenever the layer's number is read.</summary>
    public bool HasReadLayer { get; set; }

    /// <summary>The names that the region takes from outside.</summary>
    public SortedSet<string> Taken { get; } = new(StringComparer.Ordinal);

    public IReadOnlyList<Trace> Traces => _traces;

    private DiagnosticBag Diagnostics => state.Diagnostics;

    public TensorGraph ToGraph(IEnumerable<Output> outputs) =>
        new(_nodes.ToEquatable(), outputs.ToEquatable(), _traces.ToEquatable());

    /// <summary>An input of the region, under the name it has outside.</summary>
    public ValueLocal Take(string name, OuterValue value)
    {
        Taken.Add(name);
        int node = Add(new Input(name, value.Axes.ToEquatable(), value.Range is not null));
        if (value.Range is not null) _ranges[node] = value.Range;
        return new ValueLocal(value.Axes.Select(axis => (Use)new AxisUse(axis)).ToList(), [node], value.Range);
    }

    public bool IsInput(int node, string name) => _nodes[node] is Input input && input.Name == name;

    public List<Axis>? ReadAxes(EquatableArray<Name> names, Frame frame)
    {
        List<Axis?> axes = names.Select(name => ReadAxis(name, frame)).ToList();
        return axes.Contains(null) ? null : axes.ConvertAll(axis => axis!);
    }

    public List<Axis>? ReadAxes(Left left, Frame frame) =>
        LeftAxes(left, frame) is { } uses && uses.All(use => use is AxisUse) ? uses.ConvertAll(use => ((AxisUse)use).Axis) : null;

    /// <summary>The node of a promised result.</summary>
    public int? ResultOf(Left result, Frame frame)
    {
        if (ReadAxes(result, frame) is not { } axes) return null;
        frame.Values.TryGetValue(result.Name.Text, out Local? local);
        if (local is ValueLocal { Nodes.Count: 1 } value && value.Uses.SequenceEqual(axes.Select(axis => new AxisUse(axis)))) return value.Nodes[0];
        if (local is not BrokenLocal)
        {
            Diagnostics.Add(Compiler.Diagnostics.MissingPart, result.Span, local is ValueLocal other
                ? $"{result.Name.Text}[{string.Join(",", axes)}] is promised and {Written(result.Name.Text, other.Uses)} defined"
                : $"the result '{result.Name.Text}' is not defined{NearestName.Suggest(result.Name.Text, frame.Values.Keys)}");
        }

        return null;
    }

    private int Add(Node node)
    {
        CheckWidth(node);
        string name = node.Name;
        for (int i = 2; !_names.Add(name); i++) name = $"{node.Name}.{i}";
        _nodes.Add(name == node.Name ? node : node with { Name = name });
        return _nodes.Count - 1;
    }

    /// <summary>A row of a value is addressed by bytes in 32 bits.</summary>
    private void CheckWidth(Node node)
    {
        if (node is Weight || state.IsTooWide) return;
        double width = node.Axes.Where(axis => axis.Extent == Extent.Fixed).Aggregate(1.0, (product, axis) => product * axis.Size);
        if (width <= WidestRow) return;
        state.IsTooWide = true;
        Diagnostics.Add(Compiler.Diagnostics.SizeOutOfRange, state.Model.Span,
            $"a row of {node.Name}[{string.Join(",", node.Axes)}] would have {width.ToString("R", CultureInfo.InvariantCulture)} numbers in {state.Model.Name}; {WidestRow} are the most");
    }

    /// <summary>The same view of the same tensor is one node.</summary>
    private int AddView(Weight view)
    {
        Node key = view with { Name = "" };
        if (!_views.TryGetValue(key, out int node)) _views[key] = node = Add(view);
        return node;
    }

    private IReadOnlyList<Axis> AxesOf(int node) => _nodes[node].Axes;

    private List<Axis> AxesOf(Formula formula)
    {
        var axes = new List<Axis>();
        foreach (int input in formula.Inputs) Unite(axes, AxesOf(input));
        return axes;
    }

    /// <summary>Makes a node of a formula, its axes in the order of <paramref name="kept"/>.</summary>
    private int Materialise(Formula formula, IReadOnlyList<Axis> kept, string hint) =>
        formula.Node >= 0
            ? formula.Node
            : Add(new Map(Named(hint), Sorted(AxesOf(formula), kept), formula.Scalar, formula.Inputs.ToEquatable()));

    private Formula Shallow(Formula formula, IReadOnlyList<Axis> kept) =>
        formula.Depth < DeepestFormula ? formula : Formula.Of(Materialise(formula, kept, "part"));

    private string Named(string hint) => $"{_statement}.{hint}";

    private static EquatableArray<Axis> Sorted(IEnumerable<Axis> axes, IReadOnlyList<Axis> order)
    {
        var places = new Dictionary<Axis, int>();
        for (int i = 0; i < order.Count; i++) places[order[i]] = i;
        return axes.OrderBy(axis => places.TryGetValue(axis, out int place) ? place : int.MaxValue).ToEquatable();
    }

    private static void Unite(List<Axis> axes, IEnumerable<Axis> more)
    {
        foreach (Axis axis in more)
        {
            if (!axes.Contains(axis)) axes.Add(axis);
        }
    }

    private static List<Axis> United(IEnumerable<Axis> axes, IEnumerable<Axis> more)
    {
        List<Axis> all = [.. axes];
        Unite(all, more);
        return all;
    }

    public static string Written(string name, IEnumerable<Use> uses) => $"{name}[{string.Join(",", uses)}]";

    /// <summary>«d = 7168», or the name alone where the size is not fixed.</summary>
    private static string Sized(Axis axis) => axis.Extent == Extent.Fixed ? $"{axis.Name} = {axis.Size}" : axis.Name;
}
