using System.Collections.Generic;
using System.Linq;
using Sinter.Compiler.Binding;
using Sinter.Compiler.Syntax;

namespace Sinter.Compiler.Graph;

internal sealed partial class RegionBuilder
{
    private readonly List<string> _callers = [];

    /// <summary>A function or block of the description, or null.</summary>
    private (Name Name, EquatableArray<Parameter> Parameters)? Callee(Call call)
    {
        string name = call.Path[call.Path.Count - 1].Name.Text;
        if (state.Functions.TryGetValue(name, out FunctionItem? function)) return (function.Name, function.Parameters);
        return state.Blocks.TryGetValue(name, out BlockItem? block) ? (block.Name, block.Parameters) : null;
    }

    private List<Use>? Uses(Call call, Frame frame)
    {
        if (Callee(call) is not { } callee) return BuiltInUses(call, frame);
        List<Use>? uses = null;

        // The arguments stand outside: F(F(x)) is no recursion.
        if (Bind(callee.Parameters, call, frame) is { } binding && FrameOf(binding, call, frame) is { } inner && Enter(callee.Name.Text, call))
        {
            if (state.Functions.TryGetValue(callee.Name.Text, out FunctionItem? function))
            {
                foreach (BoundParameter parameter in binding.Parameters) inner.Values[parameter.Name] = parameter.Shape();
                uses = Uses(function.Body, inner);
            }
            else
            {
                uses = LeftAxes(state.Blocks[callee.Name.Text].Result, inner);
            }

            // Outside, the axes that choose the expert are axes like others.
            List<Use> chosen = inner.Ambient.Where(axis => !frame.Ambient.Contains(axis)).Select(axis => (Use)new AxisUse(axis)).ToList();
            uses = uses is null ? null : [.. chosen, .. uses.Where(use => !chosen.Contains(use))];
            Leave();
        }

        return uses;
    }

    private Formula? Apply(Call call, IReadOnlyList<Axis> kept, Frame frame)
    {
        if (Callee(call) is not { } callee) return BuiltIn(call, kept, frame);
        string statement = _statement;
        Formula? result = null;
        if (Bind(callee.Parameters, call, frame) is { } binding
            && FrameOf(binding, call, frame) is { } inner
            && GiveArguments(binding, inner, frame)
            && Enter(callee.Name.Text, call))
        {
            result = state.Functions.TryGetValue(callee.Name.Text, out FunctionItem? function)
                ? Body(function, inner)
                : Body(state.Blocks[callee.Name.Text], inner);
            Leave();
        }

        _statement = statement;
        return Checked(result, call, kept);
    }

    private Formula? Body(FunctionItem function, Frame inner)
    {
        if (Uses(function.Body, inner) is not { } uses) return null;
        List<Axis> axes = uses.OfType<AxisUse>().Select(use => use.Axis).ToList();
        return Evaluate(function.Body, WithAmbient(axes, inner), inner);
    }

    private Formula? Body(BlockItem block, Frame inner)
    {
        Run(block.Statements, inner);
        List<Use>? wanted = LeftAxes(block.Result, inner);
        if (!inner.Values.TryGetValue(block.Result.Name.Text, out Local? result))
        {
            Diagnostics.Add(Compiler.Diagnostics.MissingPart, block.Result.Span,
                $"block {block.Name.Text} does not define its result '{block.Result.Name.Text}'{NearestName.Suggest(block.Result.Name.Text, inner.Values.Keys)}");
            return null;
        }

        if (wanted is null || result is not ValueLocal value) return null;
        if (value.Uses.SequenceEqual(wanted) && value.Nodes.Count == 1) return Formula.Of(value.Nodes[0]);
        Diagnostics.Add(Compiler.Diagnostics.AxesDisagree, block.Result.Span,
            $"block {block.Name.Text} promises {Written(block.Result.Name.Text, wanted)} and defines {Written(block.Result.Name.Text, value.Uses)}");
        return null;
    }

    private bool Enter(string name, Call call)
    {
        if (!state.Spend(call.Span)) return false;
        if (_callers.Contains(name))
        {
            Diagnostics.Add(Compiler.Diagnostics.CallsItself, call.Span, $"'{name}' calls itself: {string.Join(" → ", _callers.Skip(_callers.IndexOf(name)).Append(name))}");
            return false;
        }

        if (_callers.Count >= 32)
        {
            Diagnostics.Add(Compiler.Diagnostics.ModelTooLarge, call.Span, "calls are nested more than 32 deep here");
            return false;
        }

        _callers.Add(name);
        return true;
    }

    private void Leave() => _callers.RemoveAt(_callers.Count - 1);

    private Frame? FrameOf(CallBinding binding, Call call, Frame frame)
    {
        if (PathOf(call.Path, call.Path.Count - 1, frame) is not { } path) return null;
        List<Axis> ambient = [.. frame.Ambient];
        if (path.Expert is { } expert) Unite(ambient, expert.IndexAxes);
        string prefix = call.Path.Count == 1 ? frame.Prefix : InRegion(path.Name);
        var inner = new Frame
        {
            Path = call.Path.Count == 1 ? frame.Path : path.Name + ".",
            Prefix = prefix,
            Ambient = ambient,
            Expert = path.Expert,
        };
        foreach (KeyValuePair<string, Axis> axis in binding.Axes) inner.Axes[axis.Key] = axis.Value;
        foreach (BoundParameter parameter in binding.Parameters)
        {
            if (parameter.Parameter.Kind == ParameterKind.Number) inner.Values[parameter.Name] = new NumberLocal(parameter.Argument, frame);
        }

        return inner;
    }

    /// <summary>The names of values leave out where in the model their layer stands.</summary>
    private static string InRegion(string path)
    {
        string name = NameOf(path + ".", "");
        return name.EndsWith("{layer}.", System.StringComparison.Ordinal) ? "" : name;
    }

    private bool GiveArguments(CallBinding binding, Frame inner, Frame frame)
    {
        bool isFine = true;
        string statement = _statement;
        foreach (BoundParameter parameter in binding.Parameters.Where(parameter => parameter.Parameter.Kind == ParameterKind.Value))
        {
            _statement = statement;
            Local argument = Argument(parameter, frame);
            isFine &= argument is ValueLocal;
            inner.Values[parameter.Name] = argument;
        }

        return isFine;
    }

    private Local Argument(BoundParameter parameter, Frame frame)
    {
        List<Axis> kept = WithAmbient(parameter.Axes.ToList(), frame);
        bool wantsIndices = parameter.Range is not null;
        bool outerTracing = _isTracing;
        _isTracing |= wantsIndices;
        Formula? formula = Evaluate(parameter.Argument, kept, frame);
        _isTracing = outerTracing;
        if (formula is null) return new BrokenLocal();
        if (parameter.Axes.FirstOrDefault(axis => !AxesOf(formula).Contains(axis)) is { } missing)
        {
            Diagnostics.Add(Compiler.Diagnostics.AxisMissingOnTheRight, parameter.Argument.Span, $"axis {missing.Name}, which parameter '{parameter.Name}' has, does not occur in {Tokens.Shorten(parameter.Argument.Print())}");
            return new BrokenLocal();
        }

        int node = Materialise(formula, kept, parameter.Name);
        if (Range(node) != parameter.Range)
        {
            Diagnostics.Add(Compiler.Diagnostics.WrongType, parameter.Argument.Span, parameter.Range is { } range
                ? $"parameter '{parameter.Name}' takes indices into axis {range.Name}; {parameter.Argument.Print()} has none"
                : $"parameter '{parameter.Name}' takes numbers; {parameter.Argument.Print()} holds indices");
            return new BrokenLocal();
        }

        return parameter.Shape() with { Nodes = [node] };
    }
}
