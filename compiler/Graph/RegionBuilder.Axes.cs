using System.Collections.Generic;
using System.Linq;
using Sinter.Compiler.Binding;
using Sinter.Compiler.Syntax;

namespace Sinter.Compiler.Graph;

internal sealed partial class RegionBuilder
{
    private readonly Dictionary<SumUse, int> _choices = [];

    /// <summary>
    /// The axes that an expression has if nothing around it sums any of them, in the order of their first use; null where
    /// something is wrong, which is then reported.
    /// </summary>
    private List<Use>? Uses(Expression expression, Frame frame)
    {
        if (!state.Spend(expression.Span)) return null;
        switch (expression)
        {
            case Conditional conditional:
                return Truth(conditional.Condition, frame) is { } isTrue
                    ? Uses(isTrue ? conditional.Then : conditional.Otherwise, frame)
                    : null;
            case Reference reference:
                return Uses(reference, frame);
            case Alternatives alternatives:
                return View(alternatives, frame)?.Uses;
            case Call call:
                return Uses(call, frame);
            case Sum sum:
                return Union(sum.Terms.Select(term => term.Value), frame);
            case Product product:
                return Union(product.Factors.Select(factor => factor.Value), frame);
            case Power power:
                return Uses(power.Base, frame);
            case Negation negation:
                return Uses(negation.Operand, frame);
            default:
                return [];
        }
    }

    private List<Use>? Union(IEnumerable<Expression> expressions, Frame frame)
    {
        List<Use> all = [];
        bool isBroken = false;
        foreach (Expression expression in expressions)
        {
            if (Uses(expression, frame) is { } uses) all.AddRange(uses.Where(use => !all.Contains(use)));
            else isBroken = true;
        }

        return isBroken ? null : all;
    }

    private List<Use>? Uses(Reference reference, Frame frame)
    {
        if (!IsIndexed(reference.Path)) return Find(reference, frame) is ValueLocal { Uses.Count: 0 } or null ? [] : NotWritten(reference, frame);
        return reference.Path.Count > 1 || !HasValue(reference.Path[0].Name.Text, frame)
            ? View(reference, frame)?.Uses
            : ValueUses(reference, frame);
    }

    private static bool IsIndexed(EquatableArray<Segment> path) => path[path.Count - 1].IsIndexed;

    /// <summary>A value of this body, or at the top one of an earlier region.</summary>
    private Local? Find(Reference reference, Frame frame) =>
        reference.Path.Count == 1 ? Find(reference.Path[0].Name.Text, frame) : null;

    private Local? Find(string name, Frame frame)
    {
        if (frame.Values.TryGetValue(name, out Local? local)) return local;
        if (!frame.IsTop || !outer.TryGetValue(name, out OuterValue? value)) return null;
        return frame.Values[name] = value.IsBroken ? new BrokenLocal() : Take(name, value);
    }

    private bool HasValue(string name, Frame frame) => Find(name, frame) is not null;

    private List<Use>? NotWritten(Reference reference, Frame frame)
    {
        if (Find(reference, frame) is not ValueLocal value) return Find(reference, frame) is BrokenLocal ? null : [];
        string name = reference.Path[0].Name.Text;
        Diagnostics.Add(Compiler.Diagnostics.WrongAxisCount, reference.Span, $"'{name}' needs its axes: {Written(name, value.Uses)}");
        return null;
    }

    /// <summary>x[t,d], or s[t,chosen[t,k]], which takes entries along an axis.</summary>
    private List<Use>? ValueUses(Reference reference, Frame frame)
    {
        if (Indexed(reference, frame) is not { } indexed) return null;
        List<Use> uses = [];
        foreach (Use use in indexed.Written)
        {
            if (use is SumUse sum && _choices.TryGetValue(sum, out int part)) uses.AddRange(sum.Parts[part].Select(axis => new AxisUse(axis)));
            else uses.Add(use);
        }

        if (indexed.Index is { } index) uses.AddRange(index.Axes.Select(axis => (Use)new AxisUse(axis)).Where(use => !uses.Contains(use)).ToList());
        return uses;
    }

    /// <param name="Renamed">Axes of the value that are written with other primes than it has.</param>
    private sealed record IndexedValue(ValueLocal Value, IReadOnlyList<Use> Written, IndexUse? Index, IReadOnlyList<(Axis From, Axis To)> Renamed);

    /// <param name="Node">Of indices, or -1 while only axes are asked for.</param>
    private sealed record IndexUse(int Node, IReadOnlyList<Axis> Axes, Axis Range);

    private IndexedValue? Indexed(Reference reference, Frame frame)
    {
        string name = reference.Path[0].Name.Text;
        if (Find(name, frame) is not ValueLocal value)
        {
            if (Find(name, frame) is not BrokenLocal)
                Diagnostics.Add(Compiler.Diagnostics.WrongKindOfName, reference.Span, $"'{name}' is a number and has no axes");
            return null;
        }

        EquatableArray<Expression> indices = reference.Path[0].Indices;
        if (indices.Count != value.Uses.Count)
        {
            Diagnostics.Add(Compiler.Diagnostics.WrongAxisCount, reference.Span, $"{Written(name, value.Uses)} has {Count(value.Uses.Count)}; {indices.Count} written here");
            return null;
        }

        List<Use> written = [];
        List<(Axis From, Axis To)> renamed = [];
        IndexUse? index = null;
        for (int i = 0; i < indices.Count; i++)
        {
            if (IndexOf(indices[i], frame, out bool isIndex) is { } found)
            {
                if (index is not null || value.Uses[i] is not AxisUse { Axis: var along } || along != found.Range)
                {
                    Diagnostics.Add(Compiler.Diagnostics.AxesDisagree, indices[i].Span,
                        $"{indices[i].Print()} counts entries of axis {found.Range.Name}; {name} has axis {value.Uses[i]} at this place");
                    return null;
                }

                index = found;
                continue;
            }

            if (isIndex || ReadUse(indices[i], frame) is not { } use) return null;
            if (use is AxisUse { Axis: var to } && value.Uses[i] is AxisUse { Axis: var from } && from != to && Stem(from) == Stem(to))
            {
                renamed.Add((from, to));
            }
            else if (!use.Equals(value.Uses[i]))
            {
                Diagnostics.Add(Compiler.Diagnostics.AxesDisagree, indices[i].Span,
                    $"{Written(name, value.Uses)} has {Sized(value.Uses[i])} at this place, not {Sized(use)}");
                return null;
            }

            written.Add(use);
        }

        return new IndexedValue(value, written, index, renamed);
    }

    /// <summary>Reads an index that is itself a value of indices: chosen[t,k].</summary>
    private IndexUse? IndexOf(Expression expression, Frame frame, out bool isIndex)
    {
        isIndex = expression is Reference { Path: { Count: 1 } path } && path[0].IsIndexed;
        if (!isIndex) return null;
        var reference = (Reference)expression;
        if (!HasValue(reference.Path[0].Name.Text, frame))
        {
            ReportUnknown(reference.Path[0].Name, frame);
            return null;
        }

        if (ValueUses(reference, frame) is not { } uses || Find(reference, frame) is not ValueLocal value) return null;
        if (value.Range is null)
        {
            Diagnostics.Add(Compiler.Diagnostics.WrongType, expression.Span, $"{expression.Print()} holds numbers, not indices");
            return null;
        }

        if (!uses.SequenceEqual(value.Uses))
        {
            Diagnostics.Add(Compiler.Diagnostics.AxesDisagree, expression.Span, $"an index is written with its own axes: {Written(reference.Path[0].Name.Text, value.Uses)}");
            return null;
        }

        return new IndexUse(value.Nodes.Count > 0 ? value.Nodes[0] : -1, uses.OfType<AxisUse>().Select(use => use.Axis).ToList(), value.Range);
    }

    private List<Use>? LeftAxes(Left target, Frame frame)
    {
        List<Use> uses = [];
        foreach (Expression index in target.Axes)
        {
            if (ReadUse(index, frame) is not { } use) return null;
            if (uses.SelectMany(AxesIn).Intersect(AxesIn(use)).FirstOrDefault() is { } twice)
            {
                Diagnostics.Add(Compiler.Diagnostics.WrongAxisCount, index.Span, $"axis {twice.Name} is written twice; {twice.Name}' is a further axis of the same size");
                return null;
            }

            uses.Add(use);
        }

        return uses;
    }

    private static IEnumerable<Axis> AxesIn(Use use) => use is AxisUse single ? [single.Axis] : ((SumUse)use).Parts.SelectMany(part => part);

    /// <summary>An axis, or a sum of axes or products of axes, as written in brackets.</summary>
    private Use? ReadUse(Expression expression, Frame frame)
    {
        if (expression is Reference) return ReadAxis(expression, frame) is { } axis ? new AxisUse(axis) : null;
        if (expression is not Sum sum || sum.Terms.Any(term => term.IsNegative))
        {
            Diagnostics.Add(Compiler.Diagnostics.WrongKindOfName, expression.Span, $"{Tokens.Shorten(expression.Print())} is not an axis; a name, or a sum of names such as n+r, is needed");
            return null;
        }

        var parts = new List<EquatableArray<Axis>>();
        foreach (Term term in sum.Terms)
        {
            IEnumerable<Expression> factors = term.Value is Product product ? product.Factors.Select(factor => factor.Value) : [term.Value];
            List<Axis?> axes = factors.Select(factor => ReadAxis(factor, frame)).ToList();
            if (axes.Contains(null)) return null;
            parts.Add(axes.Select(axis => axis!).ToEquatable());
        }

        if (parts.Distinct().Count() == parts.Count) return new SumUse(parts.ToEquatable());
        Diagnostics.Add(Compiler.Diagnostics.SumAxisUnclear, expression.Span, $"{expression.Print()} has two equal parts; d' is a further axis of the size of d");
        return null;
    }

    private Axis? ReadAxis(Expression expression, Frame frame)
    {
        if (expression is Reference { Path: { Count: 1 } path } && !path[0].IsIndexed) return ReadAxis(path[0].Name, frame);
        Diagnostics.Add(Compiler.Diagnostics.WrongKindOfName, expression.Span, $"{Tokens.Shorten(expression.Print())} is not the name of an axis");
        return null;
    }

    private Axis? ReadAxis(Name name, Frame frame)
    {
        string stem = name.Text.TrimEnd('\''), primes = name.Text.Substring(stem.Length);
        if (!frame.Axes.TryGetValue(stem, out Axis? axis) && !state.Axes.TryGetValue(stem, out axis))
        {
            Diagnostics.Add(Compiler.Diagnostics.UnknownName, name.Span,
                $"there is no axis '{stem}'{NearestName.Suggest(stem, frame.Axes.Keys.Concat(state.Axes.Keys))}");
            return null;
        }

        if (axis is null)
        {
            Diagnostics.Add(Compiler.Diagnostics.AxisIsNone, name.Span, $"axis {stem} is none in {state.Model.Name}; 'has {stem} ? … : …' guards its uses");
            return null;
        }

        return primes.Length == 0 ? axis : axis with { Name = axis.Name + primes };
    }

    /// <summary>d', d'' and d are of one size, and can stand for each other.</summary>
    private static string Stem(Axis axis) => axis.Name.TrimEnd('\'');

    private void ReportUnknown(Name name, Frame frame)
    {
        IEnumerable<string> known = frame.Values.Keys.Concat(frame.IsTop ? outer.Keys : []).Concat(state.Functions.Keys);
        Diagnostics.Add(Compiler.Diagnostics.UnknownName, name.Span, $"there is no value '{name.Text}' here{NearestName.Suggest(name.Text, known)}");
    }

    private static string Count(int axes) => axes == 1 ? "1 axis" : $"{axes} axes";

    private static string Sized(Use use) => use is AxisUse single ? Sized(single.Axis) : use.ToString()!;
}
