using System.Collections.Generic;
using System.Linq;
using Sinter.Compiler.Graph;

namespace Sinter.Compiler.Operations.Lowering;

// Everything that happens along a row: norms, softmax, rotations, the sum over chosen experts.
internal sealed partial class RegionLowering
{
    /// <summary>Stores a value that a row operation can make.</summary>
    private void LowerRow(int root)
    {
        var row = new Row(this, root);
        Scalar value = row.Value(root, isRoot: true);
        int target = BufferFor(root);
        var outputs = new[] { new RowOutput(RowTarget.Buffer, row.Target, value) };
        AddCall(row.Operation(outputs), [.. row.Arguments, new BufferArgument(target)], [target]);
        _stored[root] = new Storage(target);
    }

    /// <summary>Appends a value to a cache; it is made on the way unless it is in memory already.</summary>
    private void LowerAppend(Cached cached)
    {
        var row = new Row(this, cached.Input);
        Scalar value = row.Value(cached.Input, isRoot: _stored[cached.Input] is null);
        var outputs = new[] { new RowOutput(RowTarget.Cache, row.Target, value) };
        AddCall(row.Operation(outputs), [.. row.Arguments, new CacheArgument(cached.Cache)], [], [cached.Cache]);
    }

    private void CopyRow(int node, int target)
    {
        var row = new Row(this, node);
        var outputs = new[] { new RowOutput(RowTarget.Buffer, row.Target, row.Value(node, isRoot: false)) };
        AddCall(row.Operation(outputs), [.. row.Arguments, new BufferArgument(target)], [target]);
    }

    /// <summary>One row operation in the making: what it reads, reduces and computes for the value at its root.</summary>
    private sealed class Row
    {
        // Reductions are numbered after the inputs, whose number is known only at the end.
        private const int FirstReduction = 1 << 16;

        private readonly RegionLowering _lowering;
        private readonly int _root;
        private readonly EquatableArray<Axis> _axes;
        private readonly Axis? _inner;
        private readonly List<Axis> _repeats;
        private readonly List<RowInput> _inputs = [];
        private readonly List<int> _inputNodes = [];
        private readonly List<RowReduction> _reductions = [];
        private readonly Dictionary<int, Scalar> _reduced = [];

        public Row(RegionLowering lowering, int root)
        {
            (_lowering, _root) = (lowering, root);
            _axes = lowering.Graph.Nodes[root].Axes;
            if (_axes.Count == 0 || _axes[0].Extent != Extent.Tokens || _axes.Skip(1).Any(axis => axis.IsRow()))
            {
                throw new UnsupportedException($"'{lowering.Graph.Nodes[root].Name}' has no rows of tokens: no schedule makes it");
            }

            _inner = _axes.Count > 1 ? _axes[_axes.Count - 1] : null;
            _repeats = [.. _axes.Skip(1).Where(axis => axis != _inner)];
        }

        public List<CallArgument> Arguments { get; } = [];

        /// <summary>Where the root's values go in a buffer of its own.</summary>
        public Layout Target => new(_axes.Width(), _repeats.Count > 0 ? _inner!.Size : 0);

        public RowOperation Operation(RowOutput[] outputs)
        {
            RowOutput Finished(RowOutput output) => output with { Value = Renumber(output.Value) };
            return new RowOperation(
                Name(),
                Equation(),
                _repeats.Width(),
                _inner?.Size ?? 1,
                _inputs.ToEquatable(),
                _reductions.Select(reduction => reduction with { Value = Renumber(reduction.Value) }).ToEquatable(),
                outputs.Select(Finished).ToEquatable());
        }

        private Scalar Renumber(Scalar value) =>
            value.Substitute(index => new Argument(index >= FirstReduction ? index - FirstReduction + _inputs.Count : index));

        /// <summary>A value as a function of the row's inputs and reductions.</summary>
        public Scalar Value(int node, bool isRoot = false)
        {
            if (!isRoot && _lowering._stored[node] is { } storage) return Stored(node, storage);
            switch (_lowering.Graph.Nodes[node])
            {
                case Map map:
                    return map.Function.Substitute(index => Value(map.Inputs[index]));
                case Reduce reduce:
                    return Reduced(node, reduce.Over, () => AddReduction(reduce.Reduction, Value(reduce.Input)));
                case Softmax softmax:
                    return Softmax(node, softmax);
                case Rotary rotary:
                    return Rotated(rotary);
                case Take take:
                    return Taken(take);
                case Weight weight:
                    return Stored(node, weight);
                case Contract when _lowering._stored[node] is { } parts:
                    return Stored(node, parts);
                default:
                    throw new UnsupportedException($"'{_lowering.Graph.Nodes[node].Name}' cannot be part of a row of '{_lowering.Graph.Nodes[_root].Name}'");
            }
        }

        private Scalar Softmax(int node, Softmax softmax)
        {
            Scalar x = Value(softmax.Input);
            Scalar max = Reduced(node, softmax.Over, () => AddReduction(Reduction.Max, x));
            var power = new Unary(UnaryOperator.Exp, new Binary(BinaryOperator.Subtract, x, max));
            Scalar sum = Reduced(~node, softmax.Over, () => AddReduction(Reduction.Sum, power));
            return new Binary(BinaryOperator.Divide, power, sum);
        }

        private Scalar Reduced(int key, Axis over, System.Func<Scalar> add)
        {
            if (over != _inner) throw new UnsupportedException($"a reduction over '{over}' within rows over '{_inner?.Name ?? "nothing"}': no schedule does that");
            if (!_reduced.TryGetValue(key, out Scalar? value)) _reduced.Add(key, value = add());
            return value;
        }

        private Argument AddReduction(Reduction reduction, Scalar value)
        {
            _reductions.Add(new RowReduction(reduction, value));
            return new Argument(FirstReduction + _reductions.Count - 1);
        }

        private Scalar Stored(int node, Storage storage)
        {
            Node value = _lowering.Graph.Nodes[node];
            if (storage.Form == StorageForm.ExpertParts)
            {
                GroupSpecification groups = _lowering._groups[storage.Groups];
                if (!value.Axes.Equals(_axes) || _repeats.Count > 0) throw new UnsupportedException($"the experts' sum '{value.Name}' is used with other axes than its own");
                return Add(node, new RowInput(RowInputKind.GatheredSum, new Layout(value.Axes.Width()), groups.Chosen),
                    new BufferArgument(storage.Buffer), new BufferArgument(groups.Rank));
            }

            if (storage.Form == StorageForm.ByExpert) throw new UnsupportedException($"'{value.Name}' is ordered by expert and cannot be read token by token");
            return Add(node, Input(value), new BufferArgument(storage.Buffer));
        }

        private RowInput Input(Node value)
        {
            bool isPerRow = _inner is null || !value.Axes.Contains(_inner);
            int repeat = value.Axes.JoinedStride(_repeats);
            if (repeat < 0 || !isPerRow && value.Axes.Stride(_inner!) != 1) throw new UnsupportedException($"'{value.Name}' has its axes in another order than '{_lowering.Graph.Nodes[_root].Name}'");
            return new RowInput(isPerRow ? RowInputKind.PerRow : RowInputKind.Elements, new Layout(value.Axes.Width(), repeat));
        }

        private Scalar Stored(int node, Weight weight)
        {
            var tensor = new WeightArgument(weight.Tensor);
            if (weight.Index >= 0)
            {
                if (weight.IndexStride == 0) throw new UnsupportedException($"the experts' '{weight.Name}' is used outside a product");
                return Add(node, new RowInput(RowInputKind.TableRow, new Layout(0, 0, weight.Offset)), tensor, new BufferArgument(_lowering._stored[weight.Index]!.Buffer));
            }

            if (_inner is null || weight.StrideOf(_inner) != 1) throw new UnsupportedException($"'{weight.Name}' has no axis '{_inner?.Name}' side by side: no schedule reads it along a row");
            return Add(node, new RowInput(RowInputKind.Vector, new Layout(0, Batched(weight.JoinedStride(_repeats), weight), weight.Offset)), tensor);
        }

        private Scalar Rotated(Rotary rotary)
        {
            Node value = _lowering.Graph.Nodes[rotary.Input];
            if (rotary.Along != _inner) throw new UnsupportedException($"'{rotary.Name}' rotates an axis that is not the last: write '{rotary.Along}' last");
            RowInput input = Input(value) with { Kind = RowInputKind.Rotated };
            return Add(~rotary.Input, input, new BufferArgument(_lowering._stored[rotary.Input]!.Buffer), new RotaryArgument(rotary.Table));
        }

        private Scalar Taken(Take take)
        {
            int width = _lowering.Graph.Nodes[take.Values].Axes.Width();
            return Add(~take.Values, new RowInput(RowInputKind.Taken, new Layout(width)),
                new BufferArgument(_lowering._stored[take.Values]!.Buffer), new BufferArgument(_lowering._stored[take.Index]!.Buffer));
        }

        private Argument Add(int key, RowInput input, params CallArgument[] arguments)
        {
            int place = _inputNodes.IndexOf(key);
            if (place < 0)
            {
                place = _inputs.Count;
                _inputs.Add(input);
                _inputNodes.Add(key);
                Arguments.AddRange(arguments);
            }

            return new Argument(place);
        }

        private string Name()
        {
            bool Has(RowInputKind kind) => _inputs.Any(input => input.Kind == kind);
            string kind = Has(RowInputKind.TableRow) ? "Embed"
                : Has(RowInputKind.GatheredSum) ? "AddExperts"
                : Has(RowInputKind.Rotated) ? "Rotate"
                : Has(RowInputKind.Taken) ? "ExpertWeights"
                : _reductions.Count > 0 && Has(RowInputKind.Vector) ? "RmsNorm"
                : Naming.Pascal(_lowering.Graph.Nodes[_root].Name);
            return $"{kind}_{(_repeats.Count > 0 ? $"{_repeats.Width()}x" : "")}{_inner?.Size ?? 1}";
        }

        /// <summary>The root's equation, after those of the values that are made on the way.</summary>
        private string Equation()
        {
            List<int> inlined = [];
            void Visit(int node, bool isRoot)
            {
                if (inlined.Contains(node) || _lowering.Graph.Nodes[node] is Weight or Contract || !isRoot && _lowering._stored[node] is not null) return;
                foreach (int operand in _lowering.Graph.Nodes[node].Operands) Visit(operand, false);
                inlined.Add(node);
            }

            Visit(_root, true);
            return inlined.Count == 0
                ? Equations.Reference(_lowering.Graph, _root)
                : string.Join("\n", inlined.Select(node => Equations.Of(_lowering.Graph, node)));
        }
    }
}
