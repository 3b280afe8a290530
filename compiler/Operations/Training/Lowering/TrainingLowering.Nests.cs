using System.Collections.Generic;
using System.Linq;
using Sinter.Compiler.Graph;
using Sinter.Compiler.Operations.Lowering;
using Sinter.Compiler.Passes.Differentiation;

namespace Sinter.Compiler.Operations.Training.Lowering;

// Everything that is no product: maps, reductions and what is read by an index, in one nest of loops for each stored value.
internal sealed partial class TrainingLowering
{
    /// <param name="copy">The value itself, stored elsewhere, where it is only to be copied; else -1.</param>
    private void LowerNest(int root, int copy, Target target)
    {
        var nest = new Nest(this, root);
        AddNest(nest, copy >= 0 ? nest.Read(copy) : nest.Expand(root), target);
        if (copy < 0) _stored[root] = target.Value;
    }

    private void AddNest(Nest nest, Scalar value, Target target)
    {
        Node root = _graph.Nodes[nest.Root];
        bool sharesTokens = root.Axes.Count > 0 && root.Axes[0].IsRow();
        Reduction reduction = root is Reduce reduce && nest.Reduced.Count > 0 ? reduce.Reduction : Reduction.Sum;
        Scalar finish = new Argument(0);
        if (reduction == Reduction.Mean)
        {
            Axis over = ((Reduce)root).Over;
            finish = over.IsRow()
                ? new Binary(BinaryOperator.Divide, finish, new Argument(1))
                : ScalarDerivative.Multiply(finish, new Constant(1.0 / over.Size));
            reduction = Reduction.Sum;
        }

        if (root is Reduce { Reduction: Reduction.Sum } count && count.Over.IsRow() && _graph.Nodes[count.Input] is Map { Function: Constant one, Axes.Count: 1 })
        {
            // So many ones as the sequence has tokens, however many of them pass at a time.
            nest.Reduced.Clear();
            (value, finish) = (one, new Binary(BinaryOperator.Multiply, new Argument(0), new Argument(1)));
        }

        List<Axis> axes = [.. root.Axes, .. nest.Reduced];
        string kind = nest.Reduced.Count > 0 ? (reduction == Reduction.Max ? "Largest" : "Sum") : target.Adds ? "Add" : "Map";
        var operation = new NestOperation(
            $"{kind}_{Naming.Pascal(root.Name)}",
            Equations.Of(_graph, nest.Root),
            axes.Select(axis => axis.Size).ToEquatable(),
            nest.Reduced.Count,
            reduction,
            nest.Inputs.ToEquatable(),
            value,
            finish,
            sharesTokens,
            target.Place,
            target.Adds);
        List<string> own = [.. nest.Own];
        if (sharesTokens && root.Axes.Count(axis => axis.IsRow()) == 1 && target.Argument is BufferArgument) own.Add(target.Key);
        AddCall(operation, [.. nest.Arguments, target.Argument], nest.Reads, target, sharesTokens ? own.Where(key => !nest.Shared.Contains(key)) : []);
    }

    /// <summary>The inputs of a nest in the making.</summary>
    private sealed class Nest
    {
        private readonly TrainingLowering _lowering;
        private readonly List<Axis> _axes;
        private readonly Dictionary<NestInput, List<int>> _places = [];
        private readonly List<(NestInput Input, CallArgument[] Arguments)> _inputs = [];

        public Nest(TrainingLowering lowering, int root)
        {
            (_lowering, Root) = (lowering, root);
            Node node = lowering._graph.Nodes[root];
            Reduced = lowering._stored[root] is not null ? [] : node switch
            {
                Reduce reduce => [reduce.Over],
                Contract contract => [.. contract.Factors.SelectMany(factor => lowering._graph.Nodes[factor].Axes).Distinct().Where(axis => !node.Axes.Contains(axis))],
                _ => [],
            };
            _axes = [.. node.Axes, .. Reduced];
        }

        public int Root { get; }

        public List<Axis> Reduced { get; }

        public IEnumerable<NestInput> Inputs => _inputs.Select(input => input.Input);

        public IEnumerable<CallArgument> Arguments => _inputs.SelectMany(input => input.Arguments);

        public List<string> Reads { get; } = [];

        /// <summary>Buffers of which only the row of the first axis is read.</summary>
        public List<string> Own { get; } = [];

        /// <summary>Buffers of which other rows are read too.</summary>
        public HashSet<string> Shared { get; } = [];

        /// <summary>What the root computes.</summary>
        public Scalar Expand(int index)
        {
            Node node = _lowering._graph.Nodes[index];
            switch (node)
            {
                case Contract contract:
                    return contract.Factors.Select(Value).Aggregate((left, right) => new Binary(BinaryOperator.Multiply, left, right));
                case Reduce reduce:
                    return Value(reduce.Input);
                case Map map:
                    Scalar[] inputs = [.. map.Function.Arguments().Distinct().OrderBy(argument => argument).Select(argument => Value(map.Inputs[argument]))];
                    List<int> read = [.. map.Function.Arguments().Distinct().OrderBy(argument => argument)];
                    return map.Function.Substitute(argument => inputs[read.IndexOf(argument)]);
                case Causal causal:
                    Axis query = causal.Axes.First(axis => axis.Extent == Extent.Tokens), key = causal.Axes.First(axis => axis.Extent == Extent.Positions);
                    return new Binary(BinaryOperator.Add, Value(causal.Input), Add(new MaskInput(_axes.IndexOf(query), _axes.IndexOf(key)), new BeginsArgument()));
                case OneHot hot:
                    StoredValue index2 = _lowering.Value(hot.Index);
                    return Add(new HotInput(PlaceOf(index2), _axes.IndexOf(hot.Among)), Buffer(index2));
                case Take take:
                    StoredValue values = _lowering.Value(take.Values), chosen = _lowering.Value(take.Index);

                    // The index stands for the axis, even where the nest has one of that name.
                    Place without = new(_axes.Select(axis => axis == take.Among ? Stride.None : values.StrideOf(axis)).ToEquatable(), values.Offset);
                    return Add(new TakenInput(without, PlaceOf(chosen), values.StrideOf(take.Among).Numbers), Buffer(values), Buffer(chosen));
                case Rotary rotary:
                    StoredValue turned = _lowering.Value(rotary.Input);
                    if (rotary.Axes[rotary.Axes.Count - 1] != rotary.Along || turned.StrideOf(rotary.Along) != Stride.One)
                        throw new UnsupportedException($"'{rotary.Name}' rotates an axis that is not the last: write '{rotary.Along}' last");
                    return Add(new RotatedInput(PlaceOf(turned), rotary.Axes.ToList().FindIndex(axis => axis.IsRow())), Buffer(turned), new RotaryArgument(rotary.Table));
                case Weight weight:
                    return Stored(weight);
                default:
                    throw new UnsupportedException($"'{node.Name}' ({node.GetType().Name}): no schedule of training computes that");
            }
        }

        /// <summary>A stored value as an argument.</summary>
        public Scalar Read(int index)
        {
            StoredValue value = _lowering.Value(index);
            return Add(new NumberInput(PlaceOf(value)), Buffer(value));
        }

        private Scalar Value(int index) => _lowering._stored[index] is not null ? Read(index) : Expand(index);

        private Scalar Stored(Weight weight)
        {
            Stride StrideOf(Axis axis) => weight.Axes.Contains(axis) ? new Stride(weight.StrideOf(axis)) : Stride.None;
            var place = new Place(_axes.Select(StrideOf).ToEquatable(), weight.Offset);
            var tensor = new WeightArgument(weight.Tensor);
            if (weight.Index < 0) return Add(new NumberInput(place), tensor);
            StoredValue index = _lowering.Value(weight.Index);
            int stride = weight.IndexStride > 0 ? weight.IndexStride : weight.Tensor.Shape.Aggregate(1, (product, size) => checked(product * size));
            return Add(new TakenInput(place, PlaceOf(index), stride), tensor, Buffer(index));
        }

        private Place PlaceOf(StoredValue value) => new(_axes.Select(value.StrideOf).ToEquatable(), value.Offset);

        private BufferArgument Buffer(StoredValue value)
        {
            string key = TrainingRegion.Key(value.Buffer);
            Reads.Add(key);
            bool isOwn = _axes.Count > 0 && value.Axes.Count(axis => axis.IsRow()) == 1 && value.Axes[0] == _axes[0];
            if (isOwn) Own.Add(key);
            else Shared.Add(key);
            return new BufferArgument(value.Buffer);
        }

        private Argument Add(NestInput input, params CallArgument[] arguments)
        {
            for (int i = 0; i < _inputs.Count; i++)
            {
                if (_inputs[i].Input.Equals(input) && _inputs[i].Arguments.SequenceEqual(arguments)) return new Argument(i);
            }

            _inputs.Add((input, arguments));
            return new Argument(_inputs.Count - 1);
        }
    }
}
