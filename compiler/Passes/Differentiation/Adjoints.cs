using System;
using System.Collections.Generic;
using System.Linq;
using Sinter.Compiler.Graph;
using static Sinter.Compiler.Passes.Differentiation.ScalarDerivative;

namespace Sinter.Compiler.Passes.Differentiation;

/// <summary>
/// The rule of each operator: what the gradient of its value says about the gradients of its operands. Nodes are visited
/// from the last to the first, so that all uses of a node have spoken before it does.
/// </summary>
internal sealed class Adjoints
{
    private readonly TensorGraph _forward;
    private readonly bool[] _active;
    private readonly BackwardGraph _graph;
    private readonly List<int>[] _contributions;
    private readonly int[] _gradients;
    private readonly int[] _uses;
    private readonly bool[] _isMasked;
    private readonly WeightGradients _weights;

    public Adjoints(TensorGraph forward, bool[] active)
    {
        (_forward, _active) = (forward, active);
        _graph = new BackwardGraph(forward);
        _weights = new WeightGradients(forward, _graph);
        _contributions = Enumerable.Range(0, forward.Nodes.Count).Select(_ => new List<int>()).ToArray();
        _gradients = Enumerable.Repeat(-1, forward.Nodes.Count).ToArray();
        _uses = forward.CountUses();
        _isMasked = OnlySoftmaxReads();
    }

    /// <summary>Lets the gradient of an output come in from outside.</summary>
    public void Seed(Output output)
    {
        Node node = _forward.Nodes[output.Node];
        Contribute(output.Node, _graph.Add(new Input(Differentiate.Gradient(output.Name), node.Axes, IsIndex: false)));
    }

    public void Propagate(int place)
    {
        if (!_active[place] || _contributions[place].Count == 0) return;
        Node node = _forward.Nodes[place];
        if (node is Weight weight)
        {
            _weights.Add(weight, _contributions[place]);
            return;
        }

        int gradient = _gradients[place] = Sum(node, _contributions[place]);
        switch (node)
        {
            case Input: break;
            case Contract contract: Propagate(contract, gradient); break;
            case Map map: Propagate(map, gradient); break;
            case Reduce reduce: Propagate(reduce, gradient); break;
            case Softmax softmax: Propagate(softmax, place, gradient); break;
            case LogSumExp sum: Propagate(sum, place, gradient); break;
            case Causal causal: Propagate(causal, place, gradient); break;
            case Attend attend: Propagate(attend, gradient); break;
            case Take take: Propagate(take, gradient); break;
            case Rotary rotary:
                // A rotation is orthogonal: its transpose turns back by the same angle.
                RotaryTable back = rotary.Table with { InverseFrequencies = rotary.Table.InverseFrequencies.Select(frequency => -frequency).ToEquatable() };
                Contribute(rotary.Input, _graph.Add(rotary with { Name = Name(rotary.Input, node), Axes = Axes(rotary.Input), Input = gradient, Table = back }));
                break;
            case Rename rename:
                Contribute(rename.Input, _graph.Add(new Rename(Name(rename.Input, node), Axes(rename.Input), gradient, rename.To, rename.From)));
                break;
            case Cached cached:
                (Axis token, Axis position) = BackwardGraph.CachedAxes(cached, _forward.Nodes[cached.Input]);
                Contribute(cached.Input, _graph.Add(new Rename(Name(cached.Input, node), Axes(cached.Input), gradient, position, token)));
                break;
            default:
                throw new NotSupportedException($"'{node.Name}' ({node.GetType().Name}) has no rule: differentiate before the pass that forms it.");
        }
    }

    /// <summary>The graph, once every node has spoken.</summary>
    public TensorGraph Write(int[] wanted)
    {
        var outputs = new List<Output>();
        foreach (int place in wanted)
        {
            Node input = _forward.Nodes[place];
            string name = Differentiate.Gradient(input.Name);
            int gradient = _gradients[place] >= 0 ? _gradients[place] : _graph.Map(name, input.Axes, Zero);
            outputs.Add(new Output(name, gradient));
        }

        outputs.AddRange(_weights.Write());
        return _graph.Write(outputs);
    }

    /// <summary>
    /// Σ of products by one factor: Σ of products of the gradient and the other factors. An axis that only this factor has
    /// was summed over it alone: each of its entries has the same part in the sum.
    /// </summary>
    private void Propagate(Contract contract, int gradient)
    {
        for (int i = 0; i < contract.Factors.Count; i++)
        {
            int target = contract.Factors[i];
            if (!_active[target]) continue;
            List<int> factors = [gradient];
            for (int other = 0; other < contract.Factors.Count; other++)
            {
                if (other != i) factors.Add(_graph.Forward(contract.Factors[other]));
            }

            string name = Name(target, contract);
            if (_forward.Nodes[target] is Weight { Index: >= 0 } weight)
            {
                // The taken weights' gradient would be a copy of the weights for each token; its sum by index is not.
                factors.Add(_weights.OneHot(weight));
                _contributions[target].Add(Spread(_graph.Contract(name, _weights.Axes(weight), factors), _weights.Axes(weight)));
            }
            else
            {
                Contribute(target, _graph.Contract(name, Axes(target), factors));
            }
        }
    }

    /// <summary>A function by an argument: its partial derivative there; summed along the axes that the argument repeats along.</summary>
    private void Propagate(Map map, int gradient)
    {
        for (int i = 0; i < map.Inputs.Count; i++)
        {
            int target = map.Inputs[i];
            Scalar partial = _active[target] ? map.Function.By(i) : Zero;
            if (partial.Equals(Zero)) continue;
            string name = Name(target, map);
            if (Axes(target).Count == map.Axes.Count)
            {
                Scalar function = Multiply(new Argument(map.Inputs.Count), partial);
                Contribute(target, _graph.Map(name, Axes(target), function, [.. map.Inputs.Select(Lazily), () => gradient]));
            }
            else
            {
                List<int> factors = [gradient];
                if (partial is Argument other) factors.Add(_graph.Forward(map.Inputs[other.Index]));
                else if (!partial.Equals(One)) factors.Add(Partial(map, partial, name));
                Contribute(target, _graph.Contract(name, Axes(target), factors));
            }
        }
    }

    /// <summary>A partial derivative over no more axes than it depends on.</summary>
    private int Partial(Map map, Scalar partial, string name)
    {
        HashSet<Axis> axes = [.. partial.Arguments().SelectMany(argument => _forward.Nodes[map.Inputs[argument]].Axes)];
        return _graph.Map($"{name}.slope", map.Axes.Where(axes.Contains).ToEquatable(), partial, [.. map.Inputs.Select(Lazily)]);
    }

    private void Propagate(Reduce reduce, int gradient)
    {
        EquatableArray<Axis> axes = Axes(reduce.Input);
        string name = Name(reduce.Input, reduce);
        switch (reduce.Reduction)
        {
            case Reduction.Sum:
                Contribute(reduce.Input, _graph.Map(name, axes, new Argument(0), () => gradient));
                break;
            case Reduction.Mean when reduce.Over.Extent == Extent.Fixed:
                Contribute(reduce.Input, _graph.Map(name, axes, Multiply(new Argument(0), new Constant(1.0 / reduce.Over.Size)), () => gradient));
                break;
            case Reduction.Mean:
                int length = _graph.Length(reduce.Over);
                Contribute(reduce.Input, _graph.Map(name, axes, Divide(new Argument(0), new Argument(1)), () => gradient, () => length));
                break;
            case Reduction.Max:
                // To the largest alone, and to the first of equals, as a choice of one.
                var one = new Axis($"{reduce.Over.Name}.largest", 1);
                EquatableArray<Axis> chosen = reduce.Axes.Append(one).ToEquatable();
                int largest = _graph.Add(new Choose($"{reduce.Name}.place", chosen, _graph.Forward(reduce.Input), reduce.Over));
                Contribute(reduce.Input, _graph.Contract(name, axes, [gradient, _graph.OneHot(largest, reduce.Over)]));
                break;
            default:
                throw new NotSupportedException(reduce.Reduction.ToString());
        }
    }

    /// <summary>p·(g − Σ g·p) along the axis.</summary>
    private void Propagate(Softmax softmax, int place, int gradient)
    {
        int p = _graph.Forward(place);
        EquatableArray<Axis> rows = softmax.Axes.Where(axis => axis != softmax.Over).ToEquatable();
        string name = Name(softmax.Input, softmax);
        int mean = _graph.Contract($"{name}.mean", rows, [gradient, p]);
        Scalar function = Multiply(new Argument(0), Subtract(new Argument(1), new Argument(2)));
        Contribute(softmax.Input, _graph.Map(name, Axes(softmax.Input), function, () => p, () => gradient, () => mean));
    }

    /// <summary>One kernel makes the gradients of all operands; a key that heads share has the sum over them.</summary>
    private void Propagate(Attend attend, int gradient)
    {
        var forward = (Attend)attend.WithOperands(_graph.Forward);
        int[] operands = [.. attend.Operands];
        for (int i = 0; i < operands.Length; i++)
        {
            if (!_active[operands[i]]) continue;
            EquatableArray<Axis> axes = Axes(operands[i]);
            Axis[] lacking = [.. attend.Heads.Where(head => !axes.Contains(head))];
            EquatableArray<Axis> own = lacking.Length == 0 ? axes : axes.Take(1).Concat(lacking).Concat(axes.Skip(1)).ToEquatable();
            string name = Name(operands[i], attend);
            int part = _graph.Add(new AttendGradient(lacking.Length == 0 ? name : $"{name}.heads", own, forward, gradient, i));
            Contribute(operands[i], _graph.Contract(name, axes, [part]));
        }
    }

    /// <summary>exp(x − log Σ exp x), the softmax, times the gradient.</summary>
    private void Propagate(LogSumExp sum, int place, int gradient)
    {
        Scalar power = new Unary(UnaryOperator.Exp, Subtract(new Argument(0), new Argument(1)));
        int scores = _graph.Forward(sum.Input), all = _graph.Forward(place);
        Contribute(sum.Input, _graph.Map(Name(sum.Input, sum), Axes(sum.Input), Multiply(power, new Argument(2)), () => scores, () => all, () => gradient));
    }

    /// <summary>Nothing of what is masked gets through; a softmax has seen to that already, its probability being zero there.</summary>
    private void Propagate(Causal causal, int place, int gradient)
    {
        string name = Name(causal.Input, causal);
        if (!_isMasked[place])
        {
            Axis[] positions = causal.Axes.Where(axis => axis.Extent != Extent.Fixed).ToArray();
            int zero = _graph.Map($"{name}.zero", positions.ToEquatable(), Zero);
            int masked = _graph.Add(new Causal($"{name}.masked", positions.ToEquatable(), zero));
            Scalar function = Multiply(new Argument(0), new Unary(UnaryOperator.Exp, new Argument(1)));
            gradient = _graph.Map(name, causal.Axes, function, () => gradient, () => masked);
        }

        Contribute(causal.Input, gradient);
    }

    private void Propagate(Take take, int gradient)
    {
        if (!_active[take.Values]) return;
        int hot = _graph.OneHot(_graph.Forward(take.Index), take.Among);
        Contribute(take.Values, _graph.Contract(Name(take.Values, take), Axes(take.Values), [gradient, hot]));
    }

    /// <summary>Adds to what a node's gradient is the sum of.</summary>
    private void Contribute(int target, int gradient)
    {
        Node node = _forward.Nodes[target];
        gradient = Spread(gradient, node.Axes);
        if (node is Weight { Index: >= 0 } weight)
            gradient = _graph.Contract(Differentiate.Gradient(node.Name), _weights.Axes(weight), [gradient, _weights.OneHot(weight)]);
        _contributions[target].Add(gradient);
    }

    /// <summary>A value in the order of some axes, repeated along those that it lacks.</summary>
    private int Spread(int value, EquatableArray<Axis> axes) =>
        _graph[value].Axes.Equals(axes) ? value : _graph.Map(_graph[value].Name, axes, new Argument(0), () => value);

    private int Sum(Node node, List<int> contributions)
    {
        if (contributions.Count == 1) return contributions[0];
        Scalar sum = new Argument(0);
        for (int i = 1; i < contributions.Count; i++) sum = Add(sum, new Argument(i));
        return _graph.Map(Differentiate.Gradient(node.Name), node.Axes, sum, [.. contributions.Select<int, Func<int>>(place => () => place)]);
    }

    /// <summary>What a node's gradient is called, or the part of it that came by one of several uses.</summary>
    private string Name(int target, Node by)
    {
        string name = Differentiate.Gradient(_forward.Nodes[target].Name);
        return _uses[target] == 1 ? name : $"{name}.{by.Name}";
    }

    private EquatableArray<Axis> Axes(int place) => _forward.Nodes[place].Axes;

    private Func<int> Lazily(int place) => () => _graph.Forward(place);

    private bool[] OnlySoftmaxReads()
    {
        var reads = new int[_forward.Nodes.Count];
        foreach (Softmax softmax in _forward.Nodes.OfType<Softmax>()) reads[softmax.Input]++;
        return reads.Select((count, place) => count == _uses[place]).ToArray();
    }
}
