using System.Collections.Generic;
using System.Linq;
using Sinter.Compiler.Syntax;

namespace Sinter.Compiler.Graph;

/// <summary>Which axes the formal ones of a call stand for. Written axes settle that first; what is left of a product is summed.</summary>
internal sealed partial class RegionBuilder
{
    private sealed record CallBinding(Dictionary<string, Axis> Axes, List<BoundParameter> Parameters);

    /// <param name="Axes">Its formal axes, as the axes they stand for.</param>
    private sealed record BoundParameter(Parameter Parameter, Expression Argument, List<Axis> Axes, Axis? Range)
    {
        public string Name => Parameter.Name.Text;

        public ValueLocal Shape() => new(Axes.ConvertAll(axis => (Use)new AxisUse(axis)), [], Range);
    }

    private CallBinding? Bind(EquatableArray<Parameter> parameters, Call call, Frame frame)
    {
        string name = call.Path[call.Path.Count - 1].Name.Text;
        if (call.Arguments.Count != parameters.Count || call.Arguments.Any(argument => argument.Label is not null))
        {
            Diagnostics.Add(Compiler.Diagnostics.WrongArguments, call.Span,
                $"{name} takes ({string.Join(", ", parameters.Select(Written))}); {(call.Arguments.Count == parameters.Count ? "its arguments have no labels" : $"{call.Arguments.Count} given")}");
            return null;
        }

        var axes = new Dictionary<string, Axis>();
        var open = new List<int>();
        for (int i = 0; i < parameters.Count; i++)
        {
            bool isWidth = parameters[i].Kind == ParameterKind.Width;
            if (isWidth != call.Arguments[i].IsWidth)
            {
                Diagnostics.Add(Compiler.Diagnostics.WrongArguments, call.Arguments[i].Value.Span, $"{name} takes {Written(parameters[i])} at this place");
                return null;
            }

            if (isWidth)
            {
                if (ReadAxis(((Reference)call.Arguments[i].Value).Path[0].Name, frame) is not { } width) return null;
                if (!BindAxis(parameters[i].Name.Text, width, axes, call.Arguments[i].Value, name)) return null;
            }
        }

        for (int i = 0; i < parameters.Count; i++)
        {
            if (parameters[i].Kind != ParameterKind.Value) continue;
            Expression argument = call.Arguments[i].Value;
            while (argument is Conditional conditional)
            {
                if (Truth(conditional.Condition, frame) is not { } isTrue) return null;
                argument = isTrue ? conditional.Then : conditional.Otherwise;
            }

            if (argument is not (Reference or Alternatives or Call)) open.Add(i);
            else if (!BindWritten(parameters[i], argument, axes, frame, name)) return null;
        }

        foreach (int i in open)
        {
            if (!BindLeft(parameters[i], call.Arguments[i].Value, axes, frame, name)) return null;
        }

        var bound = new List<BoundParameter>();
        for (int i = 0; i < parameters.Count; i++)
        {
            Axis? range = null;
            if (parameters[i].Range is { } named && !axes.TryGetValue(named.Text, out range) && (range = ReadAxis(named, frame)) is null) return null;
            bound.Add(new BoundParameter(parameters[i], call.Arguments[i].Value, parameters[i].Axes.Select(axis => axes[axis.Text]).ToList(), range));
        }

        return new CallBinding(axes, bound);
    }

    /// <summary>An argument that names its axes gives them to the formal ones, in order.</summary>
    private bool BindWritten(Parameter parameter, Expression argument, Dictionary<string, Axis> axes, Frame frame, string callee)
    {
        if (Uses(argument, frame) is not { } uses) return false;
        if (uses.Count != parameter.Axes.Count || uses.Any(use => use is SumUse))
        {
            Diagnostics.Add(Compiler.Diagnostics.WrongAxisCount, argument.Span,
                $"{callee} takes {Written(parameter)}; {Tokens.Shorten(argument.Print())} has axes [{string.Join(",", uses)}]");
            return false;
        }

        for (int i = 0; i < uses.Count; i++)
        {
            if (!BindAxis(parameter.Axes[i].Text, ((AxisUse)uses[i]).Axis, axes, argument, callee)) return false;
        }

        return true;
    }

    private bool BindAxis(string formal, Axis axis, Dictionary<string, Axis> axes, Expression argument, string callee)
    {
        if (!axes.TryGetValue(formal, out Axis? known))
        {
            axes.Add(formal, axis);
            return true;
        }

        if (known == axis) return true;
        Diagnostics.Add(Compiler.Diagnostics.AxesDisagree, argument.Span,
            $"axis {formal} of {callee} is {Sized(known)} already; {Tokens.Shorten(argument.Print())} has {Sized(axis)} in its place");
        return false;
    }

    /// <summary>A product or sum: formal axes without a meaning yet take the caller's axis of the same name, or the only one left.</summary>
    private bool BindLeft(Parameter parameter, Expression argument, Dictionary<string, Axis> axes, Frame frame, string callee)
    {
        if (Uses(argument, frame) is not { } uses) return false;
        List<Axis> present = uses.OfType<AxisUse>().Select(use => use.Axis).ToList();
        List<string> open = parameter.Axes.Select(axis => axis.Text).Where(formal => !axes.ContainsKey(formal)).ToList();
        foreach (string formal in open.ToList())
        {
            if ((frame.Axes.TryGetValue(formal, out Axis? same) || state.Axes.TryGetValue(formal, out same)) && same is not null && present.Contains(same))
            {
                axes.Add(formal, same);
                open.Remove(formal);
            }
        }

        if (open.Count == 0) return true;
        List<Axis> left = present.Where(axis => !parameter.Axes.Any(formal => axes.TryGetValue(formal.Text, out Axis? taken) && taken == axis)).ToList();
        if (open.Count == 1 && left.Count == 1)
        {
            axes.Add(open[0], left[0]);
            return true;
        }

        Diagnostics.Add(Compiler.Diagnostics.ArgumentAxisUnclear, argument.Span,
            $"which axis of {Tokens.Shorten(argument.Print())} is {open[0]} of {callee}'s {Written(parameter)} is not clear; give the argument a name first: {parameter.Name.Text}[…] = …");
        return false;
    }

    private static string Written(Parameter parameter) => parameter.Kind switch
    {
        ParameterKind.Width => $"width {parameter.Name.Text}",
        ParameterKind.Number => parameter.Name.Text,
        _ => $"{parameter.Name.Text}[{string.Join(",", parameter.Axes.Select(axis => axis.Text))}]",
    };
}
