using System.Collections.Generic;
using System.Linq;
using Sinter.Compiler.Graph;
using Sinter.Compiler.Operations.Lowering;

namespace Sinter.Compiler.Operations.Training.Lowering;

// Attention that a pass has formed: one call forward, and one for the gradients of all operands.
internal sealed partial class TrainingLowering
{
    private const int MostTerms = 2;

    /// <summary>Whether the schedule can run it: scores of at most two terms, scaled, all operands with a row for each token.</summary>
    public static bool Supports(Attend attend) =>
        attend.Terms.Count <= MostTerms && ScaleOf(attend.Map) is not null && attend.Heads.Count == 1 && attend.Axes.Count == 3
        && attend.Axes[0].IsRow() && attend.Axes[1] == attend.Heads[0];

    private static double? ScaleOf(Scalar map) => map switch
    {
        Argument => 1,
        Binary { Operator: BinaryOperator.Multiply, Left: Argument, Right: Constant scale } => scale.Value,
        Binary { Operator: BinaryOperator.Multiply, Left: Constant scale, Right: Argument } => scale.Value,
        Binary { Operator: BinaryOperator.Divide, Left: Argument, Right: Constant scale } => 1 / scale.Value,
        _ => null,
    };

    private void LowerAttention(int index, Attend attend)
    {
        Target target = Target(index);
        var output = new HeadLayout(attend.Axes[2].Size, target.Place.Strides[0].Numbers, target.Place.Strides[1].Numbers);
        SequenceAttentionOperation operation = Operation(attend, output, isBackward: false) with { Name = "Attention", Equation = Equations.Of(_graph, index) };
        List<CallArgument> arguments = [.. Operands(attend), target.Argument];
        AddCall(operation, arguments, attend.Operands.Select(operand => TrainingRegion.Key(Value(operand).Buffer)), target, []);
        _stored[index] = target.Value;
    }

    /// <summary>The first gradient of an attention brings all others along.</summary>
    private void LowerAttentionGradients(int index, AttendGradient first)
    {
        if (_stored[index] is not null) return;
        Attend attend = first.Attend;
        StoredValue gradient = Value(first.Gradient);
        var output = new HeadLayout(attend.Axes[2].Size, gradient.Strides[0].Numbers, gradient.Strides[1].Numbers);
        SequenceAttentionOperation operation = Operation(attend, output, isBackward: true) with { Name = "AttentionGradients", Equation = $"The gradients of the operands of {Equations.Right(_graph, attend)}" };
        var places = new CallArgument?[attend.Operands.Count()];
        List<string> writes = [];
        for (int i = 0; i < _graph.Nodes.Count; i++)
        {
            if (_graph.Nodes[i] is not AttendGradient other || other.Gradient != first.Gradient || !other.Attend.Equals(attend)) continue;
            (int numbers, int sequences) = Size(other.Axes);
            int buffer = AddBuffer(new TrainingBuffer(other.Name, numbers, sequences, false));
            places[other.Of] = new BufferArgument(buffer);
            writes.Add(TrainingRegion.Key(buffer));
            _stored[i] = Stored(buffer, other.Axes);
        }

        if (places.Any(place => place is null)) throw new UnsupportedException($"'{attend.Name}' has operands without gradients: no schedule of training does that");
        List<CallArgument> gradients = [.. places.Take(places.Length - 1).Select(place => place!)];
        while (gradients.Count < 2 * MostTerms) gradients.Add(new NothingArgument());
        List<CallArgument> arguments = [.. Operands(attend), new BufferArgument(gradient.Buffer), .. gradients, places[places.Length - 1]!];
        IEnumerable<string> reads = attend.Operands.Append(first.Gradient).Select(operand => TrainingRegion.Key(Value(operand).Buffer));
        _calls.Add(new TrainingCall(operation, arguments.ToEquatable(), reads.Distinct().ToEquatable(), writes.ToEquatable(), default));
    }

    private SequenceAttentionOperation Operation(Attend attend, HeadLayout output, bool isBackward)
    {
        QueryKey main = attend.Terms[0];
        QueryKey? other = attend.Terms.Count > 1 ? attend.Terms[1] : null;
        return new SequenceAttentionOperation(
            "", "", isBackward, attend.Heads[0].Size, ScaleOf(attend.Map)!.Value, attend.IsCausal, Layout(attend, main.Query), Layout(attend, main.Key),
            other is null ? null : Layout(attend, other.Query), other is null ? null : Layout(attend, other.Key), Layout(attend, attend.Value), output);
    }

    private HeadLayout Layout(Attend attend, int operand)
    {
        StoredValue value = Value(operand);
        Axis[] rest = [.. value.Axes.Where(axis => !axis.IsRow() && axis != attend.Heads[0])];
        if (rest.Length != 1 || !value.Axes[0].IsRow() || value.StrideOf(rest[0]) != Stride.One || value.Offset != 0)
            throw new UnsupportedException($"'{_graph.Nodes[operand].Name}' is not laid out as attention reads it: write its tokens first and what is summed last");
        return new HeadLayout(rest[0].Size, value.Strides[0].Numbers, value.StrideOf(attend.Heads[0]).Numbers);
    }

    private IEnumerable<CallArgument> Operands(Attend attend)
    {
        yield return new BeginsArgument();
        CallArgument Of(int operand) => new BufferArgument(Value(operand).Buffer);
        for (int i = 0; i < MostTerms; i++)
        {
            bool has = i < attend.Terms.Count;
            yield return has ? Of(attend.Terms[i].Query) : new NothingArgument();
            yield return has ? Of(attend.Terms[i].Key) : new NothingArgument();
        }

        yield return Of(attend.Value);
    }
}
