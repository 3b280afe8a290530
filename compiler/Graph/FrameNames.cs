using System.Collections.Generic;
using System.Linq;
using Sinter.Compiler.Binding;

namespace Sinter.Compiler.Graph;

/// <summary>The names that a constant expression inside a body can use: numbers, the layer, axis sizes, config names.</summary>
internal sealed class FrameNames(RegionBuilder region, Frame frame) : IConstantNames
{
    private ModelState State => region.State;

    public IEnumerable<string> Known =>
        frame.Values.Keys.Concat(frame.Axes.Keys).Concat(State.Axes.Keys).Concat(State.Values.Keys).Concat(State.Settings.Keys);

    public string ModelName => State.Model.Name;

    public bool IsConfigName(string name) =>
        !frame.Values.ContainsKey(name) && !frame.Axes.ContainsKey(name) && !State.Axes.ContainsKey(name) && !State.Values.ContainsKey(name);

    public ConfigValue? Find(string name, SourceSpan span, out bool isKnown)
    {
        isKnown = true;
        if (!State.Spend(span)) return null;
        if (frame.Values.TryGetValue(name, out Local? local)) return Find(name, local, span);
        if (frame.Axes.TryGetValue(name, out Axis? axis)) return Size(axis, span);
        if (State.Axes.TryGetValue(name, out axis)) return axis is null ? NoneValue.Instance : Size(axis, span);
        if (State.Values.TryGetValue(name, out ConfigValue? value)) return value;
        isKnown = State.Settings.TryGetValue(name, out value);
        if (isKnown) State.Read[name] = value!;
        return value;
    }

    private ConfigValue? Find(string name, Local local, SourceSpan span)
    {
        switch (local)
        {
            case LayerLocal:
                region.HasReadLayer = true;
                return new NumberValue(region.Layer);
            case NumberLocal number:
                return new ConstantEvaluator(new FrameNames(region, number.Frame), State.Diagnostics).Evaluate(number.Expression);
            case ValueLocal value:
                State.Diagnostics.Add(Diagnostics.WrongType, span,
                    $"'{name}' is a value of the model ({RegionBuilder.Written(name, value.Uses)}), not a number known when it is compiled");
                return null;
            default:
                return null;
        }
    }

    private NumberValue? Size(Axis axis, SourceSpan span)
    {
        if (axis.Extent == Extent.Fixed) return new NumberValue(axis.Size);
        State.Diagnostics.Add(Diagnostics.WrongType, span, $"axis {axis.Name} has no fixed size: it runs over the {(axis.Extent == Extent.Tokens ? "tokens of a step" : "positions in the cache")}");
        return null;
    }
}
