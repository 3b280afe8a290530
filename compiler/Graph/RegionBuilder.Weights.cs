using System.Collections.Generic;
using System.Linq;
using Sinter.Compiler.Binding;
using Sinter.Compiler.Syntax;

namespace Sinter.Compiler.Graph;

internal sealed partial class RegionBuilder
{
    /// <param name="Node">-1 while its index is not built yet or a sum axis is not taken apart.</param>
    private sealed record WeightView(List<Use> Uses, int Node);

    /// <summary>A name in the checkpoint, and the expert that it may name.</summary>
    private sealed record WeightPath(string Name, ExpertChoice? Expert);

    private WeightView? View(Reference reference, Frame frame)
    {
        if (reference.Path.Count == 1)
        {
            ReportUnknown(reference.Path[0].Name, frame);
            return null;
        }

        Segment last = reference.Path[reference.Path.Count - 1];
        return PathOf(reference.Path, reference.Path.Count, frame) is { } path
            ? View(path, null, last.Indices, reference, frame)
            : null;
    }

    private WeightView? View(Alternatives alternatives, Frame frame)
    {
        if (alternatives.First is not Reference first || alternatives.Otherwise is not Reference otherwise
            || IsIndexed(first.Path) || otherwise.Path.Any(segment => segment.IsIndexed) || ReferenceEquals(first, otherwise))
        {
            Diagnostics.Add(Compiler.Diagnostics.WrongKindOfName, alternatives.Span, "only a weight takes axes behind a bracket: (shared_head.head.weight or lm_head.weight)[v,d]");
            return null;
        }

        return PathOf(first.Path, first.Path.Count, frame) is { } path
            ? View(path, otherwise.Path.Print(), alternatives.Indices, alternatives, frame)
            : null;
    }

    /// <summary>The full name of a weight, or of the module that a block stands for.</summary>
    private WeightPath? PathOf(EquatableArray<Segment> path, int count, Frame frame)
    {
        string name = frame.Path;
        ExpertChoice? expert = frame.Expert;
        for (int i = 0; i < count; i++)
        {
            Segment segment = path[i];
            name += (i == 0 ? "" : ".") + segment.Name.Text;
            if (!segment.IsIndexed || i == path.Count - 1) continue;
            if (segment.Indices.Count != 1)
            {
                Diagnostics.Add(Compiler.Diagnostics.WrongAxisCount, segment.Name.Span, $"'{segment.Name.Text}' takes one number: a layer, or the expert");
                return null;
            }

            Expression index = segment.Indices[0];
            if (index is Reference { Path: { Count: 1 } inner } && inner[0].IsIndexed)
            {
                if (IndexOf(index, frame, out _) is not { } chosen) return null;
                if (expert is not null)
                {
                    Diagnostics.Add(Compiler.Diagnostics.WrongKindOfName, index.Span, "an expert inside an expert cannot be chosen");
                    return null;
                }

                expert = new ExpertChoice(chosen.Node, chosen.Axes, chosen.Range);
                name += ".{expert}";
            }
            else if (LayerOf(index, frame) is { } layer)
            {
                name += "." + layer;
            }
            else
            {
                return null;
            }
        }

        return new WeightPath(name, expert);
    }

    private string? LayerOf(Expression index, Frame frame)
    {
        bool outerRead = HasReadLayer;
        HasReadLayer = false;
        var evaluator = new ConstantEvaluator(new FrameNames(this, frame), Diagnostics);
        int? number = evaluator.Whole(index, 0, 1_000_000);
        bool hasRead = HasReadLayer;
        HasReadLayer |= outerRead;
        if (number is null) return null;
        if (!hasRead) return number.Value.ToString(System.Globalization.CultureInfo.InvariantCulture);
        if (number == Layer) return "{layer}";
        Diagnostics.Add(Compiler.Diagnostics.WrongKindOfName, index.Span, $"a layer uses its own weights; {index.Print()} is another layer's number");
        return null;
    }

    private WeightView? View(WeightPath path, string? otherwise, EquatableArray<Expression> indices, Expression written, Frame frame)
    {
        var dimensions = new List<Dimension>();
        IndexUse? lookup = null;
        int lookupPlace = -1;
        for (int i = 0; i < indices.Count; i++)
        {
            if (IndexOf(indices[i], frame, out bool isIndex) is { } found)
            {
                if (lookup is not null || path.Expert is not null)
                {
                    Diagnostics.Add(Compiler.Diagnostics.WrongKindOfName, indices[i].Span, "a weight takes one index: a row of a table, or an expert");
                    return null;
                }

                (lookup, lookupPlace) = (found, i);
                dimensions.Add(new Dimension(found.Range, default));
                continue;
            }

            if (isIndex || ReadDimension(indices[i], frame) is not { } dimension) return null;
            dimensions.Add(dimension);
        }

        if (dimensions.SelectMany(dimension => dimension.Axes).GroupBy(axis => axis).FirstOrDefault(group => group.Count() > 1) is { } twice)
        {
            Diagnostics.Add(Compiler.Diagnostics.WrongAxisCount, written.Span, $"axis {twice.Key.Name} is written twice; {twice.Key.Name}' is a further axis of the same size");
            return null;
        }

        if (dimensions.SelectMany(dimension => dimension.Axes).FirstOrDefault(axis => axis.Extent != Extent.Fixed) is { } open)
        {
            Diagnostics.Add(Compiler.Diagnostics.WrongType, written.Span, $"a weight has no axis {open.Name}: its size is not fixed");
            return null;
        }

        if (Declare(path, otherwise, dimensions, written) is not { } tensor) return null;
        ExpertChoice? expert = path.Expert;
        IReadOnlyList<Axis> indexAxes = expert?.IndexAxes ?? lookup?.Axes ?? [];
        var layout = new ViewLayout();
        layout.Axes.AddRange(indexAxes);
        layout.Strides.AddRange(indexAxes.Select(_ => 0));
        int stride = 1, indexStride = 0;
        var places = new int[dimensions.Count];
        for (int i = dimensions.Count - 1; i >= 0; stride *= tensor.Shape[i--]) places[i] = stride;
        bool isWhole = true;
        for (int i = 0; i < dimensions.Count; i++)
        {
            if (i == lookupPlace) indexStride = places[i];
            else isWhole &= Place(dimensions[i], places[i], layout);
        }

        // Inside an expert's block the axes that choose it are understood.
        List<Use> uses = indexAxes.Where(axis => !frame.Ambient.Contains(axis)).Select(axis => (Use)new AxisUse(axis)).ToList();
        for (int i = 0; i < dimensions.Count; i++)
        {
            if (i != lookupPlace) uses.AddRange(UsesOf(dimensions[i]));
        }

        int index = expert?.Index ?? lookup?.Node ?? -1;
        if (!isWhole || index < 0 && indexAxes.Count > 0) return new WeightView(uses, -1);
        return new WeightView(uses, AddView(new Weight(
            NameOf(tensor.Name, layout.Part),
            layout.Axes.ToEquatable(),
            tensor,
            layout.Offset,
            layout.Strides.ToEquatable(),
            index,
            indexStride)));
    }

    /// <summary>Without the layer's own path: <c>self_attn.q_b_proj.weight</c>.</summary>
    private static string NameOf(string tensor, string part)
    {
        const string Mark = "{layer}.";
        int layer = tensor.IndexOf(Mark, System.StringComparison.Ordinal);
        string name = layer < 0 ? tensor : tensor.Substring(layer + Mark.Length);
        return name.Replace(".{expert}", "") + part;
    }

    /// <summary>One dimension of a stored tensor: a product of axes, the last of which may be a sum of such products.</summary>
    private sealed record Dimension(Axis? Single, EquatableArray<DimensionFactor> Factors)
    {
        public IEnumerable<Axis> Axes => Single is { } axis ? [axis] : Factors.SelectMany(factor => factor.Parts.SelectMany(part => part));
    }

    /// <summary>A factor of a dimension: one part is one axis; several are a sum.</summary>
    private sealed record DimensionFactor(EquatableArray<EquatableArray<Axis>> Parts)
    {
        public long Size => Parts.Aggregate(0L, (sum, part) => SaturatingSum(sum, part.Aggregate(1L, SaturatingProduct)));
    }

    private sealed class ViewLayout
    {
        public List<Axis> Axes { get; } = [];

        public List<int> Strides { get; } = [];

        public int Offset { get; set; }

        public string Part { get; set; } = "";
    }

    private Dimension? ReadDimension(Expression expression, Frame frame)
    {
        IEnumerable<Expression> written = expression is Product { Factors: var all } && all.All(factor => !factor.IsInverse)
            ? all.Select(factor => factor.Value)
            : [expression];
        var factors = new List<DimensionFactor>();
        foreach (Expression factor in written)
        {
            if (ReadUse(factor, frame) is not { } use) return null;
            factors.Add(new DimensionFactor(use is SumUse sum ? sum.Parts : new[] { new[] { ((AxisUse)use).Axis }.ToEquatable() }.ToEquatable()));
        }

        return new Dimension(null, factors.ToEquatable());
    }

    private List<Use> UsesOf(Dimension dimension)
    {
        var uses = new List<Use>();
        foreach (DimensionFactor factor in dimension.Factors)
        {
            var sum = new SumUse(factor.Parts);
            if (factor.Parts.Count == 1) uses.AddRange(factor.Parts[0].Select(axis => new AxisUse(axis)));
            else if (_choices.TryGetValue(sum, out int part)) uses.AddRange(factor.Parts[part].Select(axis => new AxisUse(axis)));
            else uses.Add(sum);
        }

        return uses;
    }

    /// <summary>Adds a dimension's axes and their strides to a view; false where it has a sum axis that is not taken apart.</summary>
    private bool Place(Dimension dimension, int stride, ViewLayout layout)
    {
        var places = new List<(Axis Axis, int Stride)>();
        foreach (DimensionFactor factor in dimension.Factors.Reverse())
        {
            int part = 0;
            if (factor.Parts.Count > 1)
            {
                if (!_choices.TryGetValue(new SumUse(factor.Parts), out part)) return false;
                long before = factor.Parts.Take(part).Sum(earlier => earlier.Aggregate(1L, (product, axis) => product * axis.Size));
                layout.Offset += (int)(before * stride);
                layout.Part += $".{string.Join("*", factor.Parts[part])}";
            }

            int inner = stride;
            foreach (Axis axis in factor.Parts[part].Reverse())
            {
                places.Add((axis, inner));
                inner *= axis.Size;
            }

            stride *= (int)factor.Size;
        }

        places.Reverse();
        layout.Axes.AddRange(places.Select(place => place.Axis));
        layout.Strides.AddRange(places.Select(place => place.Stride));
        return true;
    }

    private WeightTensor? Declare(WeightPath path, string? otherwise, List<Dimension> dimensions, Expression written)
    {
        List<long> sizes = dimensions.ConvertAll(dimension => dimension.Single is { } axis
            ? axis.Size
            : dimension.Factors.Aggregate(1L, (product, factor) => SaturatingProduct(product, factor.Size)));
        if (sizes.Aggregate(1L, SaturatingProduct) > int.MaxValue)
        {
            Diagnostics.Add(Compiler.Diagnostics.SizeOutOfRange, written.Span, $"{path.Name} would hold {string.Join(" × ", sizes)} numbers; {int.MaxValue} are the most");
            return null;
        }

        var tensor = new WeightTensor(path.Name, sizes.Select(size => (int)size).ToEquatable(), path.Expert?.Among.Size ?? 0, otherwise);
        if (!state.Weights.TryGetValue(path.Name, out (WeightTensor Tensor, SourceSpan Span) known))
        {
            state.Weights.Add(path.Name, (tensor, written.Span));
            return tensor;
        }

        if (known.Tensor.Equals(tensor)) return tensor;
        string Shape(WeightTensor t) => $"[{string.Join(", ", t.Shape)}]{(t.Experts > 0 ? $" × {t.Experts} experts" : "")}{(t.Otherwise is { } o ? $" or {o}" : "")}";
        Diagnostics.Add(Compiler.Diagnostics.WeightShapesDiffer, written.Span,
            $"{path.Name} is {Shape(tensor)} here and {Shape(known.Tensor)} in line {known.Span.Line}");
        return null;
    }

    private static long SaturatingProduct(long product, Axis axis) => SaturatingProduct(product, (long)axis.Size);

    private static long SaturatingProduct(long a, long b) => a > int.MaxValue || b > int.MaxValue ? long.MaxValue : a * b;

    private static long SaturatingSum(long a, long b) => a > long.MaxValue - b ? long.MaxValue : a + b;
}
