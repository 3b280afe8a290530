using System.Collections.Generic;
using System.Linq;
using Sinter.Compiler.Graph;

namespace Sinter.Compiler.Passes.Training;

/// <summary>
/// Prepares a graph of a training step for lowering: products of at most two values (and the one-hot factor by which they are
/// grouped), softmax as reductions and maps, and the sequence itself in place of its cache.
/// </summary>
public static class TakeProductsApart
{
    public static TensorGraph Run(TensorGraph graph, Workload workload)
    {
        var editor = new GraphEditor(graph);
        for (int i = 0; i < graph.Nodes.Count; i++)
        {
            switch (graph.Nodes[i])
            {
                case Contract contract:
                    editor.Replace(i, new Factors(editor, contract, workload).Write());
                    break;
                case Softmax softmax:
                    editor.Replace(i, Write(editor, softmax));
                    break;
                case LogSumExp sum:
                    editor.Replace(i, Write(editor, sum));
                    break;
                case Cached cached:
                    Node input = graph.Nodes[cached.Input];
                    Axis token = input.Axes.Single(axis => !cached.Axes.Contains(axis)), position = cached.Axes.Single(axis => !input.Axes.Contains(axis));
                    editor.Replace(i, editor.Add(new Rename(cached.Name, cached.Axes, editor.Place(cached.Input), token, position)));
                    break;
                default:
                    editor.Copy(i);
                    break;
            }
        }

        return editor.Finish();
    }

    /// <summary>e[s] = exp(x[s] − max x), p[s] = e[s] / Σ e.</summary>
    private static int Write(GraphEditor editor, Softmax softmax)
    {
        int input = editor.Place(softmax.Input);
        EquatableArray<Axis> rows = softmax.Axes.Where(axis => axis != softmax.Over).ToEquatable();
        int max = editor.Add(new Reduce($"{softmax.Name}.max", rows, Reduction.Max, input, softmax.Over));
        var shifted = new Unary(UnaryOperator.Exp, new Binary(BinaryOperator.Subtract, new Argument(0), new Argument(1)));
        int power = editor.Add(new Map($"{softmax.Name}.exp", softmax.Axes, shifted, new[] { input, max }.ToEquatable()));
        int sum = editor.Add(new Reduce($"{softmax.Name}.sum", rows, Reduction.Sum, power, softmax.Over));
        var share = new Binary(BinaryOperator.Divide, new Argument(0), new Argument(1));
        return editor.Add(new Map(softmax.Name, softmax.Axes, share, new[] { power, sum }.ToEquatable()));
    }

    /// <summary>max x + log Σ exp(x − max x)</summary>
    private static int Write(GraphEditor editor, LogSumExp node)
    {
        int input = editor.Place(node.Input);
        int max = editor.Add(new Reduce($"{node.Name}.max", node.Axes, Reduction.Max, input, node.Over));
        var shifted = new Unary(UnaryOperator.Exp, new Binary(BinaryOperator.Subtract, new Argument(0), new Argument(1)));
        int power = editor.Add(new Map($"{node.Name}.exp", editor[input].Axes, shifted, new[] { input, max }.ToEquatable()));
        int sum = editor.Add(new Reduce($"{node.Name}.sum", node.Axes, Reduction.Sum, power, node.Over));
        var result = new Binary(BinaryOperator.Add, new Unary(UnaryOperator.Log, new Argument(0)), new Argument(1));
        return editor.Add(new Map(node.Name, node.Axes, result, new[] { sum, max }.ToEquatable()));
    }

    /// <summary>The factors of one contraction, two of which at a time become one.</summary>
    private sealed class Factors(GraphEditor editor, Contract contract, Workload workload)
    {
        private readonly List<int> _factors = [.. contract.Factors.Select(editor.Place).Where(factor => editor[factor] is not OneHot)];
        private readonly List<int> _hot = [.. contract.Factors.Select(editor.Place).Where(factor => editor[factor] is OneHot)];

        public int Write()
        {
            MultiplyScales();
            while (_factors.Count > 2)
            {
                (int left, int right) = Cheapest();
                int product = Multiply($"{contract.Name}.part", Needed(left, right), _factors[left], _factors[right]);
                _factors.RemoveAt(right);
                _factors[left] = product;
                MultiplyScales();
            }

            List<int> all = [.. _factors, .. _hot];
            if (all.Count == 1 && editor[all[0]].Axes.Equals(contract.Axes)) return all[0];
            return Multiply(contract.Name, contract.Axes, [.. all]);
        }

        /// <summary>A factor whose axes another has too scales that one, place by place: no order is cheaper.</summary>
        private void MultiplyScales()
        {
            for (int i = 0; i < _factors.Count; i++)
            {
                // Of two factors alone the product itself is what is wanted.
                if (_factors.Count == (_hot.Count == 0 ? 2 : 1)) return;
                int k = _factors.FindIndex(factor => factor != _factors[i] && IsScaleOf(editor[_factors[i]], editor[factor]));
                if (k < 0) continue;
                Node scaled = editor[_factors[k]];
                _factors[k] = Multiply($"{scaled.Name}.{editor[_factors[i]].Name}", scaled.Axes, _factors[k], _factors[i]);
                _factors.RemoveAt(i);
                i = -1;
            }
        }

        private static bool IsScaleOf(Node scale, Node value) =>
            scale is not Weight && value is not Weight && scale.Axes.All(axis => value.Axes.Contains(axis));

        private (int Left, int Right) Cheapest()
        {
            (int Left, int Right) best = (0, 1);
            double least = double.PositiveInfinity;
            for (int left = 0; left < _factors.Count; left++)
            {
                for (int right = left + 1; right < _factors.Count; right++)
                {
                    if (editor[_factors[left]] is Weight && editor[_factors[right]] is Weight) continue;
                    double cost = workload.Size(editor[_factors[left]].Axes.Union(editor[_factors[right]].Axes)) + workload.Size(Needed(left, right));
                    if (cost < least) (least, best) = (cost, (left, right));
                }
            }

            return best;
        }

        /// <summary>The axes of the product of two factors that the result or another factor still needs.</summary>
        private EquatableArray<Axis> Needed(int left, int right)
        {
            HashSet<Axis> needed = [.. contract.Axes, .. _hot.SelectMany(factor => editor[factor].Axes)];
            for (int i = 0; i < _factors.Count; i++)
            {
                if (i != left && i != right) needed.UnionWith(editor[_factors[i]].Axes);
            }

            (Node a, Node b) = (editor[_factors[left]], editor[_factors[right]]);
            if (a is Weight) (a, b) = (b, a);
            return a.Axes.Union(b.Axes).Where(needed.Contains).ToEquatable();
        }

        private int Multiply(string name, EquatableArray<Axis> axes, params int[] factors)
        {
            HashSet<Axis> all = [.. factors.SelectMany(factor => editor[factor].Axes)];
            bool sums = all.Count > axes.Count;
            if (sums || factors.Any(factor => editor[factor] is Weight { Index: >= 0 })) return editor.Add(new Contract(name, axes, factors.ToEquatable()));
            Scalar function = new Argument(0);
            for (int i = 1; i < factors.Length; i++) function = new Binary(BinaryOperator.Multiply, function, new Argument(i));
            return editor.Add(new Map(name, axes, function, factors.ToEquatable()));
        }
    }
}
