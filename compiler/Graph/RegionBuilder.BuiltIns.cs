using System.Collections.Generic;
using System.Linq;
using Sinter.Compiler.Binding;
using Sinter.Compiler.Syntax;

namespace Sinter.Compiler.Graph;

internal sealed partial class RegionBuilder
{
    private static readonly Dictionary<string, UnaryOperator> s_maps = new()
    {
        ["exp"] = UnaryOperator.Exp,
        ["log"] = UnaryOperator.Log,
        ["sqrt"] = UnaryOperator.Sqrt,
        ["rsqrt"] = UnaryOperator.Rsqrt,
        ["sigmoid"] = UnaryOperator.Sigmoid,
        ["silu"] = UnaryOperator.Silu,
        ["tanh"] = UnaryOperator.Tanh,
        ["relu"] = UnaryOperator.Relu,
        ["abs"] = UnaryOperator.Abs,
    };

    // Named with an axis in brackets: mean[d](…).
    private static readonly Dictionary<string, Reduction> s_reductions = new()
    {
        ["sum"] = Reduction.Sum,
        ["mean"] = Reduction.Mean,
        ["max"] = Reduction.Max,
    };

    private static readonly HashSet<string> s_constants = ["attention_scale", "rotary"];

    private static readonly string[] s_others = ["min", "softmax", "normalize", "causal", "concat", "top_k"];

    // What normalize adds to the sum, as the published routers do.
    private const double NormalizeEpsilon = 1e-20;

    private List<Use>? BuiltInUses(Call call, Frame frame)
    {
        if (NameOfBuiltIn(call, frame) is not { } name) return null;
        if (s_constants.Contains(name)) return [];
        if (name == "concat") return Concatenated(call, frame) is { } parts ? [.. parts.Common.Select(axis => (Use)new AxisUse(axis)), parts.Sum is { } sum && _choices.TryGetValue(sum, out int part) ? new AxisUse(sum.Parts[part][0]) : parts.Sum!] : null;
        if (Union(call.Arguments.Where(argument => argument.Label is null).Select(argument => argument.Value), frame) is not { } uses) return null;
        if (!call.Path[0].IsIndexed || name is "softmax" or "normalize") return uses;
        return OverAxis(call, frame) is { } over ? uses.Where(use => !use.Equals(new AxisUse(over))).ToList() : null;
    }

    private Formula? BuiltIn(Call call, IReadOnlyList<Axis> kept, Frame frame)
    {
        if (NameOfBuiltIn(call, frame) is not { } name) return null;
        if (s_constants.Contains(name)) return ConstantFormula(call, frame);
        if (name == "concat") return ConcatPart(call, kept, frame);
        if (name == "top_k")
        {
            Diagnostics.Add(Compiler.Diagnostics.WrongKindOfName, call.Span, "top_k stands alone on the right: chosen[t,k] = top_k[e](scores[t,e])");
            return null;
        }

        bool isPair = name is "max" or "min" && !call.Path[0].IsIndexed;
        if (call.Arguments.Count != (isPair ? 2 : 1) || call.Arguments.Any(argument => argument.Label is not null || argument.IsWidth))
        {
            Diagnostics.Add(Compiler.Diagnostics.WrongArguments, call.Span, $"{name} takes {(isPair ? "two values" : "one value")}");
            return null;
        }

        Expression argument = call.Arguments[0].Value;
        if (call.Path[0].IsIndexed) return Along(name, call, argument, kept, frame);
        if (Evaluate(argument, kept, frame) is not { } value) return null;
        if (isPair)
        {
            return Evaluate(call.Arguments[1].Value, kept, frame) is { } second
                ? Join(name == "max" ? BinaryOperator.Max : BinaryOperator.Min, value, second, kept)
                : null;
        }

        if (s_maps.TryGetValue(name, out UnaryOperator op)) return Formula.Apply(op, Shallow(value, kept));
        int input = Materialise(value, kept, "input");
        EquatableArray<Axis> axes = Sorted(AxesOf(input), kept);
        if (name == "causal") return Mask(call, input, axes);
        return Rotate(name, call, input, axes);
    }

    private string? NameOfBuiltIn(Call call, Frame frame)
    {
        string name = call.Path[call.Path.Count - 1].Name.Text;
        bool isIndexed = call.Path[0].IsIndexed;
        if (call.Path.Count == 1)
        {
            if (isIndexed && (s_reductions.ContainsKey(name) || name is "softmax" or "normalize" or "top_k")) return name;
            if (!isIndexed && (s_maps.ContainsKey(name) || s_constants.Contains(name) || name is "max" or "min" or "causal" or "concat")) return name;
            if (!isIndexed && state.Values.TryGetValue(name, out ConfigValue? value) && value is RotaryValue) return name;
            if (isIndexed ? s_maps.ContainsKey(name) || name == "causal" : s_reductions.ContainsKey(name) || name is "softmax" or "normalize" or "top_k")
            {
                Diagnostics.Add(Compiler.Diagnostics.WrongArguments, call.Path[0].Name.Span,
                    isIndexed ? $"{name} works place by place and takes no axis" : $"{name} needs the axis it goes along: {name}[d](…)");
                return null;
            }
        }

        IEnumerable<string> known = state.Functions.Keys.Concat(state.Blocks.Keys).Concat(s_maps.Keys).Concat(s_reductions.Keys).Concat(s_others);
        bool isValue = HasValue(name, frame) || state.Values.ContainsKey(name);
        Diagnostics.Add(isValue ? Compiler.Diagnostics.WrongKindOfName : Compiler.Diagnostics.UnknownName, call.Path[call.Path.Count - 1].Name.Span,
            isValue ? $"'{name}' is a value, not a function" : $"there is no function or block '{name}'{NearestName.Suggest(name, known)}");
        return null;
    }

    private Axis? OverAxis(Call call, Frame frame)
    {
        EquatableArray<Expression> indices = call.Path[0].Indices;
        if (indices.Count == 1) return ReadAxis(indices[0], frame);
        Diagnostics.Add(Compiler.Diagnostics.WrongAxisCount, call.Path[0].Name.Span, $"{call.Path[0].Name.Text} goes along one axis");
        return null;
    }

    /// <summary>Reductions, softmax and normalize: inside their brackets the axis is wanted.</summary>
    private Formula? Along(string name, Call call, Expression argument, IReadOnlyList<Axis> kept, Frame frame)
    {
        if (OverAxis(call, frame) is not { } over) return null;
        List<Axis> inside = United(kept, [over]);
        if (Evaluate(argument, inside, frame) is not { } value) return null;
        if (!AxesOf(value).Contains(over))
        {
            Diagnostics.Add(Compiler.Diagnostics.AxisMissingOnTheRight, call.Span, $"{Tokens.Shorten(argument.Print())} has no axis {over.Name} for {name} to go along");
            return null;
        }

        int input = Materialise(value, inside, name == "softmax" ? "score" : "term");
        EquatableArray<Axis> axes = Sorted(AxesOf(input), inside);
        EquatableArray<Axis> rest = axes.Where(axis => axis != over).ToEquatable();
        if (name != "softmax" && over.Extent == Extent.Tokens)
        {
            Diagnostics.Add(Compiler.Diagnostics.WrongType, call.Span, $"{name} cannot go over the tokens: those of other sequences are among them");
            return null;
        }

        switch (name)
        {
            case "softmax":
                return Checked(Formula.Of(Add(new Softmax(Named("softmax"), axes, input, over))), call, kept);
            case "normalize":
                int sum = Add(new Reduce(Named("sum"), rest, Reduction.Sum, input, over));
                Formula divisor = Formula.Combine(BinaryOperator.Add, Formula.Of(sum), Formula.Constant(NormalizeEpsilon));
                return Checked(Join(BinaryOperator.Divide, Formula.Of(input), divisor, kept), call, kept);
            default:
                return Formula.Of(Add(new Reduce(Named(name), rest, s_reductions[name], input, over)));
        }
    }

    private Formula? Mask(Call call, int input, EquatableArray<Axis> axes)
    {
        if (axes.Contains(ModelState.Tokens) && axes.Contains(ModelState.Positions)) return Formula.Of(Add(new Causal(Named("causal"), axes, input)));
        Diagnostics.Add(Compiler.Diagnostics.AxisMissingOnTheRight, call.Span, "causal needs scores of tokens t against positions s");
        return null;
    }

    private Formula? Rotate(string name, Call call, int input, EquatableArray<Axis> axes)
    {
        var rotary = (RotaryValue)state.Values[name];
        Axis? along = axes.FirstOrDefault(axis => axis.Name == rotary.Axis);
        if (along is null || !axes.Contains(ModelState.Tokens))
        {
            Diagnostics.Add(Compiler.Diagnostics.AxisMissingOnTheRight, call.Span,
                $"{name} turns pairs along axis {rotary.Axis} by the position of the token t; {Tokens.Shorten(call.Arguments[0].Value.Print())} has axes [{string.Join(",", axes)}]");
            return null;
        }

        var table = new RotaryTable(along.Size, rotary.InverseFrequencies, rotary.Magnitude);
        return Formula.Of(Add(new Rotary(Named(name), axes, input, along, table)));
    }

    private sealed record Concatenation(List<Axis> Common, SumUse? Sum, List<Axis> Parts);

    /// <summary>The arguments share all axes but one each; those become the parts of a sum axis.</summary>
    private Concatenation? Concatenated(Call call, Frame frame)
    {
        var axes = new List<List<Axis>>();
        foreach (CallArgument argument in call.Arguments)
        {
            if (Uses(argument.Value, frame) is not { } uses) return null;
            axes.Add(uses.OfType<AxisUse>().Select(use => use.Axis).ToList());
        }

        List<Axis> common = axes.Count < 2 ? [] : axes[0].Where(axis => axes.All(other => other.Contains(axis))).ToList();
        List<List<Axis>> own = axes.ConvertAll(all => all.Where(axis => !common.Contains(axis)).ToList());
        if (axes.Count >= 2 && own.All(rest => rest.Count == 1) && own.Select(rest => rest[0]).Distinct().Count() == own.Count
            && call.Arguments.All(argument => argument.Label is null && !argument.IsWidth))
        {
            List<Axis> parts = own.ConvertAll(rest => rest[0]);
            return new Concatenation(common, new SumUse(parts.Select(axis => new[] { axis }.ToEquatable()).ToEquatable()), parts);
        }

        Diagnostics.Add(Compiler.Diagnostics.WrongArguments, call.Span, "concat takes two or more values that share all axes but one each: concat(a[t,d'], b[t,d''])");
        return null;
    }

    private Formula? ConcatPart(Call call, IReadOnlyList<Axis> kept, Frame frame)
    {
        if (Concatenated(call, frame) is not { Sum: { } sum } parts) return null;
        if (_choices.TryGetValue(sum, out int part)) return Evaluate(call.Arguments[part].Value, kept, frame);
        Diagnostics.Add(Compiler.Diagnostics.SumAxisUnclear, call.Span, $"the axis {sum} can be used in a product, or taken apart by several values on the left");
        return null;
    }

    /// <summary><c>chosen[t,k] = top_k[e](scores, groups: n_group, keep: topk_group, group_score: top2_sum)</c></summary>
    private Formula? TopK(Call call, Left target, List<Axis> left, IReadOnlyList<Axis> kept, Frame frame)
    {
        if (!call.Path[0].IsIndexed || NameOfBuiltIn(call, frame) is null || OverAxis(call, frame) is not { } among) return null;
        int groups = 1, keep = 1;
        var score = GroupScore.Max;
        bool isFine = call.Arguments.Count > 0 && call.Arguments[0].Label is null && call.Arguments.All(argument => !argument.IsWidth);
        foreach (CallArgument argument in call.Arguments.Skip(1))
        {
            switch (argument.Label?.Text)
            {
                case "groups":
                    isFine &= WholeNumber(argument.Value, among.Size, frame, ref groups);
                    break;
                case "keep":
                    isFine &= WholeNumber(argument.Value, among.Size, frame, ref keep);
                    break;
                case "group_score" when argument.Value.Print() is "max" or "top2_sum":
                    score = argument.Value.Print() == "max" ? GroupScore.Max : GroupScore.Top2Sum;
                    break;
                default:
                    Diagnostics.Add(Compiler.Diagnostics.WrongArguments, argument.Value.Span, "top_k takes scores, and perhaps 'groups: number', 'keep: number' and 'group_score: max' or 'top2_sum'");
                    return null;
            }
        }

        if (!isFine)
        {
            if (call.Arguments.Count == 0 || call.Arguments[0].Label is not null) Diagnostics.Add(Compiler.Diagnostics.WrongArguments, call.Span, "top_k takes scores first");
            return null;
        }

        List<Axis> scoreAxes = left.Where(axis => axis == ModelState.Tokens).ToList();
        List<Axis> counts = left.Where(axis => axis != ModelState.Tokens).ToList();
        if (scoreAxes.Count != 1 || counts.Count != 1 || counts[0].Extent != Extent.Fixed || frame.Ambient.Count > 0)
        {
            Diagnostics.Add(Compiler.Diagnostics.WrongAxisCount, target.Span, "the left of top_k has the token axis and one more, whose size says how many are chosen: chosen[t,k]");
            return null;
        }

        int count = counts[0].Size, size = among.Size / groups;
        if (among.Size % groups != 0 || keep > groups || count > keep * size || score == GroupScore.Top2Sum && size < 2 && groups > 1)
        {
            Diagnostics.Add(Compiler.Diagnostics.ChoiceOutOfRange, call.Span, among.Size % groups != 0
                ? $"{among.Size} entries of {among.Name} cannot be split into {groups} equal groups"
                : keep > groups ? $"{keep} of {groups} groups cannot be kept"
                : count > keep * size ? $"{count} cannot be chosen from {keep} of {groups} groups of {size}"
                : "a group of one has no two best");
            return null;
        }

        List<Axis> inside = [.. scoreAxes, among];
        if (Evaluate(call.Arguments[0].Value, inside, frame) is not { } scores) return null;
        if (AxesOf(scores).Count != 2)
        {
            Diagnostics.Add(Compiler.Diagnostics.WrongAxisCount, call.Arguments[0].Value.Span, $"the scores of top_k have axes [t,{among.Name}]");
            return null;
        }

        int input = Materialise(scores, inside, "score");
        if (groups == 1) (keep, score) = (1, GroupScore.Max);
        int node = Add(new Choose(Named("choice"), left.ToEquatable(), input, among, groups, keep, score));
        _ranges[node] = among;
        return Formula.Of(node);
    }

    private bool WholeNumber(Expression expression, int most, Frame frame, ref int number)
    {
        ConfigValue? value = Constant(expression, frame);
        if (value is NumberValue { IsWhole: true } whole && whole.Value >= 1 && whole.Value <= most)
        {
            number = (int)whole.Value;
            return true;
        }

        if (value is not null) Diagnostics.Add(Compiler.Diagnostics.ChoiceOutOfRange, expression.Span, $"{expression.Print()} is {value.Text}; a whole number from 1 to {most} is needed");
        return false;
    }
}
