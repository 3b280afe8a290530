using System.Collections.Generic;
using System.Linq;
using Sinter.Compiler.Binding;
using Sinter.Compiler.Syntax;

namespace Sinter.Compiler.Graph;

internal sealed partial class RegionBuilder
{
    private readonly List<(Expression Expression, Frame Frame, ConfigValue Value)> _conditions = [];

    /// <summary>Whether another layer would be built alike: all that the layer's number decided comes out the same.</summary>
    public bool IsAlike(int other)
    {
        int own = Layer;
        Layer = other;
        bool isAlike = _conditions.All(condition => condition.Value.Equals(
            new ConstantEvaluator(new FrameNames(this, condition.Frame), Diagnostics).Evaluate(condition.Expression)));
        Layer = own;
        return isAlike;
    }

    public void Run(IEnumerable<Statement> statements, Frame frame)
    {
        foreach (Statement statement in statements)
        {
            if (!state.Spend(statement.Span)) return;
            switch (statement)
            {
                case Assignment assignment:
                    Assign(assignment, frame);
                    break;
                case CacheStatement cache:
                    Cache(cache, frame);
                    break;
                case TraceStatement trace:
                    Show(trace, frame);
                    break;
                case IfStatement choice:
                    if (Truth(choice.Condition, frame) is { } isTrue) Run(isTrue ? choice.Then : choice.Otherwise, frame);
                    break;
                case RepeatStatement:
                    Diagnostics.Add(Compiler.Diagnostics.WrongKindOfName, statement.Span with { Length = 6 },
                        "'repeat' can stand only directly in 'model(…)', where layers are");
                    break;
            }
        }
    }

    /// <summary>A constant; null where something is wrong, which is then reported.</summary>
    private ConfigValue? Constant(Expression expression, Frame frame)
    {
        bool outer = HasReadLayer;
        HasReadLayer = false;
        ConfigValue? value = new ConstantEvaluator(new FrameNames(this, frame), Diagnostics).Evaluate(expression);
        if (HasReadLayer && value is not null) _conditions.Add((expression, frame, value));
        HasReadLayer |= outer;
        return value;
    }

    private bool? Truth(Expression expression, Frame frame)
    {
        ConfigValue? value = Constant(expression, frame);
        if (value is null) return null;
        if (value is TruthValue truth) return truth.Value;
        Diagnostics.Add(Compiler.Diagnostics.WrongType, expression.Span, $"{expression.Print()} is {value.Kind} ({value.Text}) where true or false is needed");
        return null;
    }

    private void Assign(Assignment assignment, Frame frame)
    {
        bool isSplit = assignment.Targets.Count > 1;
        foreach (Left target in assignment.Targets)
        {
            Local local = Assign(target, assignment.Value, isSplit, frame);
            Define(target.Name, local, frame);
        }
    }

    private void Define(Name name, Local local, Frame frame)
    {
        // At the top a layer takes x and gives x; elsewhere a name means one thing.
        if (!frame.IsTop && frame.Values.ContainsKey(name.Text))
        {
            Diagnostics.Add(Compiler.Diagnostics.DefinedTwice, name.Span, $"'{name.Text}' is defined already; a block gives each value a name of its own");
            return;
        }

        frame.Values[name.Text] = local;
    }

    private Local Assign(Left target, Expression value, bool isSplit, Frame frame)
    {
        List<Use>? left = LeftAxes(target, frame);
        List<Use>? right = Uses(value, frame);
        if (left is null || right is null) return new BrokenLocal();

        _statement = frame.Prefix + target.Name.Text;
        List<SumUse> sums = left.OfType<SumUse>().ToList();
        if (sums.Count == 0)
        {
            List<(SumUse, int)> choices = [];
            if (isSplit && !ChooseParts(target, left, right, choices)) return new BrokenLocal();
            int? node = Evaluate(target, left, value, choices, frame);
            return node is { } single ? new ValueLocal(left, [single], Range(single)) : new BrokenLocal();
        }

        if (sums.Count > 1 || isSplit)
        {
            Diagnostics.Add(Compiler.Diagnostics.SumAxisUnclear, target.Span, "a value on the left can have one sum axis, and then stands alone");
            return new BrokenLocal();
        }

        var nodes = new List<int>();
        for (int part = 0; part < sums[0].Parts.Count; part++)
        {
            List<Use> axes = left.SelectMany(use => use is SumUse ? sums[0].Parts[part].Select(axis => (Use)new AxisUse(axis)) : [use]).ToList();
            if (Evaluate(target, axes, value, [(sums[0], part)], frame) is not { } node) return new BrokenLocal();
            nodes.Add(node);
        }

        return new ValueLocal(left, nodes, null);
    }

    /// <summary>Which part of each sum axis on the right a value on the left takes.</summary>
    private bool ChooseParts(Left target, List<Use> left, List<Use> right, List<(SumUse, int)> choices)
    {
        List<Axis> axes = left.OfType<AxisUse>().Select(use => use.Axis).ToList();
        List<SumUse> sums = right.OfType<SumUse>().ToList();
        if (sums.Count == 0)
        {
            Diagnostics.Add(Compiler.Diagnostics.SumAxisUnclear, target.Span, "several values on the left take a sum axis such as n+r apart; there is none on the right");
            return false;
        }

        foreach (SumUse sum in sums)
        {
            List<int> fitting = Enumerable.Range(0, sum.Parts.Count).Where(i => sum.Parts[i].All(axes.Contains)).ToList();
            if (fitting.Count == 1) choices.Add((sum, fitting[0]));
            if (fitting.Count <= 1) continue;
            Diagnostics.Add(Compiler.Diagnostics.SumAxisUnclear, target.Span, $"{target.Name.Text} could be several parts of the axis {sum}");
            return false;
        }

        if (choices.Count > 0) return true;
        Diagnostics.Add(Compiler.Diagnostics.SumAxisUnclear, target.Span, $"{Written(target.Name.Text, left)} is no part of the axis {string.Join(" or ", sums)} on the right");
        return false;
    }

    private int? Evaluate(Left target, List<Use> left, Expression value, IReadOnlyList<(SumUse, int)> choices, Frame frame)
    {
        List<Axis> axes = left.OfType<AxisUse>().Select(use => use.Axis).ToList();
        List<Axis> kept = WithAmbient(axes, frame);
        int first = _nodes.Count;
        foreach ((SumUse sum, int part) in choices) _choices.Add(sum, part);
        Formula? formula = value is Call { Path: { Count: 1 } path } call && path[0].Name.Text == "top_k"
            ? TopK(call, target, axes, kept, frame)
            : Evaluate(value, kept, frame);
        foreach ((SumUse sum, int _) in choices) _choices.Remove(sum);
        if (formula is null) return null;

        Axis? missing = axes.FirstOrDefault(axis => !AxesOf(formula).Contains(axis));
        if (missing is not null)
        {
            Diagnostics.Add(Compiler.Diagnostics.AxisMissingOnTheRight, target.Span, $"axis {missing.Name} of {Written(target.Name.Text, left)} does not occur on the right");
            return null;
        }

        return Finish(formula, kept, first);
    }

    /// <summary>Gives the last node of a statement the statement's name and the order of its axes.</summary>
    private int Finish(Formula formula, List<Axis> kept, int first)
    {
        EquatableArray<Axis> wanted = Sorted(AxesOf(formula), kept);
        int node = formula.Node;
        if (node >= first && _nodes[node] is not (Input or Weight))
        {
            _names.Remove(_nodes[node].Name);
            string name = _statement;
            for (int i = 2; !_names.Add(name); i++) name = $"{_statement}.{i}";
            _nodes[node] = _nodes[node] with { Name = name };
        }

        if (node >= 0 && _nodes[node].Axes.Equals(wanted)) return node;
        return Add(new Map(_statement, wanted, formula.Scalar, formula.Inputs.ToEquatable()));
    }

    private Axis? Range(int node) => _ranges.TryGetValue(node, out Axis? range) ? range : null;

    private static List<Axis> WithAmbient(List<Axis> axes, Frame frame)
    {
        List<Axis> kept = [.. axes];
        int last = kept.FindLastIndex(frame.Ambient.Contains);
        foreach (Axis axis in frame.Ambient)
        {
            if (!kept.Contains(axis)) kept.Insert(++last, axis);
        }

        return kept;
    }

    private void Cache(CacheStatement cache, Frame frame)
    {
        Left target = cache.Target;
        List<Use>? left = LeftAxes(target, frame);
        if (left is null)
        {
            Define(target.Name, new BrokenLocal(), frame);
            return;
        }

        List<Axis> axes = left.OfType<AxisUse>().Select(use => use.Axis).ToList();
        if (axes.Count != left.Count || axes.Count < 2 || axes[0] != ModelState.Positions || axes.Skip(1).Any(axis => axis.Extent != Extent.Fixed) || frame.Ambient.Count > 0)
        {
            Diagnostics.Add(Compiler.Diagnostics.WrongAxisCount, target.Span, "a cache is over the positions s first, then over axes of fixed size: cache latent[s,c]");
            Define(target.Name, new BrokenLocal(), frame);
            return;
        }

        string name = frame.Prefix + target.Name.Text;
        _statement = $"{name}.row";
        List<Axis> row = [ModelState.Tokens, .. axes.Skip(1)];
        List<Use> rowUses = row.Select(axis => (Use)new AxisUse(axis)).ToList();
        if (Uses(cache.Value, frame) is null || Evaluate(target, rowUses, cache.Value, [], frame) is not { } node)
        {
            Define(target.Name, new BrokenLocal(), frame);
            return;
        }

        long width = axes.Skip(1).Aggregate(1L, SaturatingProduct);
        var specification = new CacheSpecification(name, (int)System.Math.Min(width, int.MaxValue));
        if (state.Caches.TryGetValue(name, out CacheSpecification? known) && known != specification)
            Diagnostics.Add(Compiler.Diagnostics.AxesDisagree, target.Span, $"cache {name} has rows of {known.Width} numbers elsewhere, and of {width} here");
        state.Caches[name] = specification;
        Define(target.Name, new ValueLocal(left, [Add(new Cached(name, axes.ToEquatable(), node, name))], null), frame);
    }

    private void Show(TraceStatement trace, Frame frame)
    {
        if (Uses(trace.Value, frame) is not { } uses) return;
        _statement = trace.Name.Text;
        List<Axis> axes = uses.OfType<AxisUse>().Select(use => use.Axis).ToList();
        int first = _nodes.Count;
        _isTracing = true;
        Formula? formula = axes.Count < uses.Count ? null : Evaluate(trace.Value, WithAmbient(axes, frame), frame);
        _isTracing = false;
        if (formula is null) return;
        if (_traces.Any(known => known.Name == trace.Name.Text))
        {
            Diagnostics.Add(Compiler.Diagnostics.DefinedTwice, trace.Name.Span, $"this region traces '{trace.Name.Text}' already");
            return;
        }

        _traces.Add(new Trace(trace.Name.Text, Finish(formula, WithAmbient(axes, frame), first)));
    }
}
