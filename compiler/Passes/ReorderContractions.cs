using System.Collections.Generic;
using System.Linq;
using Sinter.Compiler.Graph;

namespace Sinter.Compiler.Passes;

/// <summary>
/// Takes contractions apart into products of two factors, in the order that costs least for a workload.
/// Nested contractions are first flattened into one product over all their factors, so that (qn·Wkn)·latent, the absorbed
/// form of latent attention, is just another order of qn·(Wkn·latent), the expanded one.
/// </summary>
public static class ReorderContractions
{
    // The search over subsets of factors grows as 3^n; no published model has more than five.
    private const int MaxFactors = 8;

    public static TensorGraph Run(TensorGraph graph, Workload workload)
    {
        int[] uses = graph.CountUses();
        var editor = new GraphEditor(graph);
        var flattened = new HashSet<int>();
        var factors = new Dictionary<int, List<int>>();
        for (int i = graph.Nodes.Count - 1; i >= 0; i--)
        {
            if (graph.Nodes[i] is Contract contract && !flattened.Contains(i)) factors[i] = Flatten(graph, contract, uses, flattened);
        }

        for (int i = 0; i < graph.Nodes.Count; i++)
        {
            if (flattened.Contains(i)) continue;
            if (graph.Nodes[i] is not Contract contract) editor.Copy(i);
            else editor.Replace(i, new Product(editor, contract, factors[i], flattened, workload).Write());
        }

        return editor.Finish();
    }

    /// <summary>
    /// The factors of a contraction, with contractions among them that serve nothing else replaced by their own factors,
    /// unless an axis that one of them sums has another meaning here.
    /// </summary>
    private static List<int> Flatten(TensorGraph graph, Contract contract, int[] uses, HashSet<int> flattened)
    {
        List<int> factors = [.. contract.Factors];
        for (int k = 0; k < factors.Count;)
        {
            int factor = factors[k];
            if (graph.Nodes[factor] is Contract inner && uses[factor] == 1
                && factors.Count - 1 + inner.Factors.Count <= MaxFactors
                && !Summed(graph, inner).Any(axis => contract.Axes.Contains(axis)
                    || factors.Any(other => other != factor && graph.Nodes[other].Axes.Contains(axis))))
            {
                factors.RemoveAt(k);
                factors.InsertRange(k, inner.Factors);
                flattened.Add(factor);
            }
            else
            {
                k++;
            }
        }

        return factors;
    }

    private static IEnumerable<Axis> Summed(TensorGraph graph, Contract contract) =>
        contract.Factors.SelectMany(factor => graph.Nodes[factor].Axes).Distinct().Where(axis => !contract.Axes.Contains(axis));

    /// <summary>One product of many factors, and the search for its cheapest order.</summary>
    private sealed class Product
    {
        private readonly GraphEditor _editor;
        private readonly Contract _contract;
        private readonly Workload _workload;
        private readonly int[] _factors;
        private readonly Dictionary<string, string> _names = [];
        private readonly Dictionary<int, (double Cost, int Left)> _best = [];

        public Product(GraphEditor editor, Contract contract, List<int> factors, HashSet<int> flattened, Workload workload)
        {
            (_editor, _contract, _workload) = (editor, contract, workload);
            _factors = factors.Select(editor.Place).ToArray();
            _factors = MultiplyScales().ToArray();

            // An intermediate product that the description has already keeps its name.
            TensorGraph source = editor.Source;
            for (int i = 0; i < source.Nodes.Count; i++)
            {
                if (flattened.Contains(i)) _names[Key(source.Nodes[i].Axes)] = source.Nodes[i].Name;
            }
        }

        public int Write()
        {
            int all = (1 << _factors.Length) - 1;
            Cost(all);
            return Write(all);
        }

        /// <summary>A factor without weights whose axes another such factor has too scales that one, place by place: no order is cheaper.</summary>
        private List<int> MultiplyScales()
        {
            List<int> factors = [.. _factors];
            for (int i = 0; i < factors.Count; i++)
            {
                for (int k = 0; k < factors.Count && factors.Count > 1; k++)
                {
                    if (i == k || i >= factors.Count || !IsScaleOf(_editor[factors[i]], _editor[factors[k]])) continue;
                    Node scaled = _editor[factors[k]];
                    var function = new Binary(BinaryOperator.Multiply, new Argument(0), new Argument(1));
                    string name = factors.Count == 2 ? _contract.Name : $"{scaled.Name}_{_editor[factors[i]].Name}";
                    factors[k] = _editor.Add(new Map(name, scaled.Axes, function, new int[] { factors[k], factors[i] }.ToEquatable()));
                    factors.RemoveAt(i);
                    i = -1;
                    break;
                }
            }

            return factors;
        }

        private static bool IsScaleOf(Node scale, Node value) =>
            scale is not Weight && value is not Weight && scale.Axes.All(axis => value.Axes.Contains(axis));

        private double Cost(int set)
        {
            if ((set & (set - 1)) == 0) return 0;
            if (_best.TryGetValue(set, out (double Cost, int Left) known)) return known.Cost;

            (double Cost, int Left) best = (double.PositiveInfinity, 0);
            for (int left = (set - 1) & set; left > 0; left = (left - 1) & set)
            {
                int right = set & ~left;
                if ((left & set & -set) == 0) continue;
                double cost = Cost(left) + Cost(right) + _workload.Size(Axes(left).Union(Axes(right))) + _workload.Size(Axes(set));

                // A product of weights alone would be as large as both and be made in every step.
                if (OnlyWeights(set)) cost = double.PositiveInfinity;
                if (cost < best.Cost || best.Left == 0) best = (cost, left);
            }

            _best[set] = best;
            return best.Cost;
        }

        private bool OnlyWeights(int set) => Members(set).All(factor => _editor[factor] is Weight);

        private IEnumerable<int> Members(int set)
        {
            for (int i = 0; i < _factors.Length; i++)
            {
                if ((set & (1 << i)) != 0) yield return _factors[i];
            }
        }

        /// <summary>The axes of a partial product: those that the result or a factor outside still needs.</summary>
        private IEnumerable<Axis> Axes(int set)
        {
            int outside = (1 << _factors.Length) - 1 & ~set;
            HashSet<Axis> needed = [.. _contract.Axes, .. Members(outside).SelectMany(factor => _editor[factor].Axes)];
            return Members(set).SelectMany(factor => _editor[factor].Axes).Distinct()
                .Where(axis => (set & (set - 1)) == 0 || needed.Contains(axis));
        }

        private int Write(int set)
        {
            if ((set & (set - 1)) == 0)
            {
                int factor = Members(set).Single();
                return _factors.Length > 1 ? factor : Sum(factor);
            }

            int left = Write(_best[set].Left), right = Write(set & ~_best[set].Left);
            if (_editor[left] is Weight || !HasTokens(left) && HasTokens(right)) (left, right) = (right, left);
            bool isWhole = set == (1 << _factors.Length) - 1;
            EquatableArray<Axis> axes = isWhole ? _contract.Axes : Order(Axes(set), _editor[left], _editor[right]).ToEquatable();
            string name = isWhole ? _contract.Name : NameOf(axes, left, right);
            EquatableArray<int> factors = new int[] { left, right }.ToEquatable();
            bool sums = _editor[left].Axes.Union(_editor[right].Axes).Count() > axes.Count;
            return _editor.Add(sums || _editor[left] is Weight || _editor[right] is Weight
                ? new Contract(name, axes, factors)
                : new Map(name, axes, new Binary(BinaryOperator.Multiply, new Argument(0), new Argument(1)), factors));
        }

        /// <summary>A factor that stands alone, summed over the axes that the result lacks.</summary>
        private int Sum(int factor)
        {
            List<Axis> summed = [.. _editor[factor].Axes.Where(axis => !_contract.Axes.Contains(axis))];
            for (int i = 0; i < summed.Count; i++)
            {
                bool isLast = i == summed.Count - 1;
                EquatableArray<Axis> axes = isLast ? _contract.Axes : _editor[factor].Axes.Where(axis => axis != summed[i]).ToEquatable();
                factor = _editor.Add(new Reduce(isLast ? _contract.Name : $"{_contract.Name}_{i}", axes, Reduction.Sum, factor, summed[i]));
            }

            return factor;
        }

        private bool HasTokens(int node) => _editor[node].Axes.Any(axis => axis.Extent == Extent.Tokens);

        private string NameOf(EquatableArray<Axis> axes, int left, int right)
        {
            if (_names.TryGetValue(Key(axes), out string? name)) return name;
            IEnumerable<Axis> gained = axes.Where(axis => !_editor[left].Axes.Contains(axis));
            return _editor[left].Name + "_" + string.Concat(gained.Select(axis => axis.Name));
        }

        private static string Key(IEnumerable<Axis> axes) =>
            string.Join(",", axes.Select(axis => axis.Name).OrderBy(name => name, System.StringComparer.Ordinal));

        /// <summary>Rows first (tokens or positions), then what both factors have, then what the right one adds.</summary>
        private static IEnumerable<Axis> Order(IEnumerable<Axis> axes, Node left, Node right) =>
            axes.OrderBy(axis => axis.Extent == Extent.Tokens ? 0 : axis.Extent == Extent.Positions ? 1
                : left.Axes.Contains(axis) && right.Axes.Contains(axis) ? 2 : left.Axes.Contains(axis) ? 3 : 4);
    }
}
