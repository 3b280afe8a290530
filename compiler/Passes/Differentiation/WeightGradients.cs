using System.Collections.Generic;
using System.Linq;
using Sinter.Compiler.Graph;

namespace Sinter.Compiler.Passes.Differentiation;

/// <summary>
/// Gathers, for each stored tensor, what its views give. A view that reads by an index has the gradient of the whole table,
/// or of all experts: a contraction with the index as a factor, over all places that read.
/// </summary>
internal sealed class WeightGradients(TensorGraph forward, BackwardGraph graph)
{
    // In the order in which they come up, so that the graph is the same at every run.
    private readonly List<WeightTensor> _tensors = [];
    private readonly Dictionary<string, List<Part>> _parts = [];

    /// <summary>The axes of a view's gradient: a taken view's rows or experts stand in place of the axes of its index.</summary>
    public EquatableArray<Axis> Axes(Weight weight) => weight.Index < 0
        ? weight.Axes
        : weight.Axes.Skip(IndexAxes(weight)).Prepend(Rows(weight)).ToEquatable();

    /// <summary>The factor that adds up by the index of a taken view.</summary>
    public int OneHot(Weight weight) => graph.OneHot(graph.Forward(weight.Index), Rows(weight));

    /// <summary>Adds values over <see cref="Axes"/>, or over some of them in any order, to a view's tensor.</summary>
    public void Add(Weight weight, IEnumerable<int> gradients)
    {
        // A copy that the checkpoint may lack is the other tensor: in training there is one of it, with one gradient.
        WeightTensor tensor = weight.Tensor with { Name = weight.Tensor.Otherwise ?? weight.Tensor.Name, Otherwise = null };
        if (!_parts.TryGetValue(tensor.Name, out List<Part>? parts))
        {
            _parts[tensor.Name] = parts = [];
            _tensors.Add(tensor);
        }

        List<Axis> axes = [.. Axes(weight)];
        List<int> strides = weight.Index < 0
            ? [.. weight.Strides]
            : [weight.IndexStride > 0 ? weight.IndexStride : Count(weight.Tensor), .. weight.Strides.Skip(IndexAxes(weight))];
        foreach (int gradient in gradients)
        {
            parts.Add(new Part(gradient, weight.Offset, graph[gradient].Axes.Select(axis => strides[axes.IndexOf(axis)]).ToEquatable()));
        }
    }

    /// <summary>One output for each tensor.</summary>
    public IEnumerable<Output> Write()
    {
        foreach (WeightTensor tensor in _tensors)
        {
            IEnumerable<Axis> axes = tensor.Shape.Select((size, i) => new Axis($"{tensor.Name}.{i}", size));
            if (tensor.Experts > 0) axes = axes.Prepend(new Axis($"{tensor.Name}.expert", tensor.Experts));
            string name = Differentiate.Gradient(tensor.Name);
            yield return new Output(name, graph.Add(new Assemble(name, axes.ToEquatable(), tensor, _parts[tensor.Name].ToEquatable())));
        }
    }

    private int IndexAxes(Weight weight) => forward.Nodes[weight.Index].Axes.Count;

    /// <summary>What the index of a taken view chooses among: by the name it was chosen by, unless that means something else nearby.</summary>
    private Axis Rows(Weight weight)
    {
        int count = weight.IndexStride > 0 ? Count(weight.Tensor) / weight.IndexStride : weight.Tensor.Experts;
        if (forward.Nodes[weight.Index] is Choose choose && choose.Among.Size == count && !IsTaken(choose.Among, weight.Index)) return choose.Among;
        return new Axis($"{weight.Tensor.Name}.row", count);
    }

    /// <summary>Whether an axis occurs beside a view that reads by this index.</summary>
    private bool IsTaken(Axis axis, int index)
    {
        bool Reads(int node) => forward.Nodes[node] is Weight weight && weight.Index == index;
        return forward.Nodes.Any(node => node is Weight weight && weight.Index == index && weight.Axes.Contains(axis))
            || forward.Nodes.OfType<Contract>().Any(contract => contract.Factors.Any(Reads)
                && contract.Factors.Any(factor => forward.Nodes[factor].Axes.Contains(axis)));
    }

    private static int Count(WeightTensor tensor) => tensor.Shape.Aggregate(1, (product, size) => product * size);
}
