using System.Collections.Generic;
using System.Linq;
using Sinter.Compiler.Graph;
using Sinter.Compiler.Operations.Lowering;

namespace Sinter.Compiler.Operations.Training.Lowering;

/// <summary>
/// Makes the list of kernel calls of one region of a training step: which values get memory, which products run on register
/// tiles, and a nest of loops for everything else.
/// </summary>
internal sealed partial class TrainingLowering
{
    private readonly Region _region;
    private readonly bool _descends;
    private readonly TensorGraph _graph;
    private readonly int[] _uses;
    private readonly bool[] _mustStore;
    private readonly StoredValue?[] _stored;

    /// <summary>Where the gradient of a stored tensor is the only one to want a value: it is added there at once.</summary>
    private readonly Dictionary<int, (WeightTensor Tensor, Part Part)> _sinks = [];
    private readonly List<TrainingBuffer> _buffers = [];
    private readonly List<GroupSpecification> _groups = [];
    private readonly Dictionary<int, int> _groupsOf = [];
    private readonly List<TrainingCall> _calls = [];
    private readonly TrainingNames _names;

    private TrainingLowering(Region region, bool descends, TrainingNames names)
    {
        (_region, _descends, _graph, _names) = (region, descends, region.Graph, names);
        _uses = _graph.CountUses();
        _mustStore = new bool[_graph.Nodes.Count];
        _stored = new StoredValue?[_graph.Nodes.Count];
    }

    /// <param name="region">With its products taken apart.</param>
    /// <param name="descends">Whether its layers run from the last to the first.</param>
    public static TrainingRegion Run(Region region, bool descends, TrainingNames names) => new TrainingLowering(region, descends, names).Run();

    private TrainingRegion Run()
    {
        foreach (Assemble assemble in _graph.Nodes.OfType<Assemble>())
        {
            foreach (Part part in assemble.Parts)
            {
                if (_uses[part.Value] == 1 && _graph.Nodes[part.Value] is Contract or Map or Reduce) _sinks[part.Value] = (assemble.Tensor, part);
            }
        }

        FindStored();
        for (int i = 0; i < _graph.Nodes.Count; i++) Lower(i);

        // What the region took is kept before a result of the same name takes its place.
        foreach (Output output in _graph.Outputs.OrderBy(output => _graph.Nodes[output.Node] is Input ? 0 : 1)) HandOut(output);
        return new TrainingRegion(_region.Name, _region.FirstLayer, _region.EndLayer, _descends, _buffers.ToEquatable(), _groups.ToEquatable(), _calls.ToEquatable());
    }

    /// <summary>A value needs memory where its consumer reads it other than place by place, or where it would be made more than once.</summary>
    private void FindStored()
    {
        for (int i = 0; i < _graph.Nodes.Count; i++)
        {
            Node node = _graph.Nodes[i];
            _mustStore[i] |= node is Contract or Attend or AttendGradient or Reduce or Rotary or Choose or Rename or Cast { IsOfRows: true } || (node is Map map && _uses[i] > 1 && !IsTrivial(map));
            IEnumerable<int> stored = node switch
            {
                Contract contract when IsProduct(contract) => contract.Factors.Select(Uncast).Where(factor => _graph.Nodes[factor] is not (Weight or OneHot)),
                Choose or Attend or AttendGradient or Rotary or Take or Rename or OneHot or Weight or Cast { IsOfRows: true } => node.Operands,
                Assemble assemble => assemble.Parts.Select(part => part.Value).Where(value => !_sinks.ContainsKey(value)),
                _ => [],
            };
            foreach (int operand in stored) _mustStore[operand] |= _graph.Nodes[operand] is not Weight { Index: < 0 };
        }

        foreach (Output output in _graph.Outputs) _mustStore[output.Node] |= _graph.Nodes[output.Node] is not Assemble;
    }

    /// <summary>Not worth memory: a number, or a value repeated along further axes.</summary>
    private static bool IsTrivial(Map map) => map.Function is Constant or Argument;

    private void Lower(int index)
    {
        Node node = _graph.Nodes[index];
        switch (node)
        {
            case Input input:
                _stored[index] = Stored(AddBuffer(_names.Input(input)), input.Axes);
                break;
            case Rename rename:
                // The same numbers: a sequence's positions are its tokens.
                StoredValue value = Value(rename.Input);
                EquatableArray<Axis> axes = value.Axes.Select(axis => axis == rename.From ? rename.To : axis).ToEquatable();
                _stored[index] = value with { Axes = axes };
                break;
            case Choose choose:
                LowerChoice(index, choose);
                break;
            case Assemble assemble:
                foreach (Part part in assemble.Parts)
                {
                    if (!_sinks.ContainsKey(part.Value)) LowerNest(part.Value, part.Value, Sink(assemble.Tensor, part, _graph.Nodes[part.Value].Axes));
                }

                break;
            case Contract contract when IsProduct(contract):
                LowerProduct(index, contract);
                break;
            case Contract contract when IsScatter(contract):
                LowerScatter(index, contract);
                break;
            case Cast { IsOfRows: true } cast:
                LowerCast(index, cast);
                break;
            case Attend attend:
                LowerAttention(index, attend);
                break;
            case AttendGradient gradient:
                LowerAttentionGradients(index, gradient);
                break;
            case OneHot or Cast:
                break;
            default:
                if (_mustStore[index] || _sinks.ContainsKey(index)) LowerNest(index, -1, Target(index));
                break;
        }
    }

    private void LowerChoice(int index, Choose choose)
    {
        StoredValue scores = Value(choose.Scores);
        Target target = Target(index);
        if (choose.Axes.Count != 2 || scores.Strides[1].Numbers != 1)
            throw new UnsupportedException($"'{choose.Name}' chooses along an axis that is not the last: no schedule of training does that");
        int count = choose.Axes[1].Size;
        var operation = new ChooseOperation(
            $"Choose_{count}Of{choose.Among.Size}", Equations.Of(_graph, index), choose.Among.Size, count, choose.Groups, choose.Keep, choose.GroupScore,
            new Layout(scores.Strides[0].Numbers, 0, scores.Offset));
        AddCall(operation, [new BufferArgument(scores.Buffer), target.Argument], [TrainingRegion.Key(scores.Buffer)], target, [TrainingRegion.Key(scores.Buffer), target.Key]);
        _stored[index] = target.Value;
        if (!_descends && _names.Balance(_region, choose) is { } loads)
        {
            var count2 = new CountOperation("CountLoads", "How often each expert was chosen.", count);
            int buffer = AddBuffer(loads);
            AddCall(
                count2, [target.Argument, new BufferArgument(buffer)], [target.Key], new Target(new BufferArgument(buffer), TrainingRegion.Key(buffer), target.Place, true, null), []);
        }
    }

    private void LowerCast(int index, Cast cast)
    {
        StoredValue value = Value(cast.Input);
        Target target = Target(index);
        Axis[] along = [.. cast.Axes.Skip(cast.Axes.Count - cast.Along)];
        int width = along.Width(), repeats = cast.Axes.Take(cast.Axes.Count - cast.Along).Width();
        if (!value.Strides.SequenceEqual(target.Place.Strides) || value.Offset != 0 || cast.Axes.Count(axis => axis.IsRow()) != 1 || along.Any(axis => axis.IsRow()))
            throw new UnsupportedException($"'{cast.Name}' casts numbers that do not lie side by side: no schedule of training does that");
        var operation = new CastOperation($"{cast.Form}_{width}", Equations.Of(_graph, index), repeats, width, cast.Form);
        string key = TrainingRegion.Key(value.Buffer);
        AddCall(operation, [new BufferArgument(value.Buffer), target.Argument], [key], target, cast.Axes[0].IsRow() ? [key, target.Key] : []);
        _stored[index] = target.Value;
    }

    /// <summary>The order of pairs by expert that a choice leads to.</summary>
    private int GroupsOf(int choice, int experts)
    {
        if (_groupsOf.TryGetValue(choice, out int known)) return known;
        StoredValue chosen = Value(choice);
        int count = chosen.Axes[1].Size;
        string name = _graph.Nodes[choice].Name;
        int offsets = AddBuffer(new TrainingBuffer($"{name}.offsets", experts + 1, 0, true));
        int pairs = AddBuffer(new TrainingBuffer($"{name}.pairs", count, 1, true));
        int rank = AddBuffer(new TrainingBuffer($"{name}.rank", count, 1, true));
        _groups.Add(new GroupSpecification(experts, count, offsets, pairs, rank));
        _groupsOf[choice] = _groups.Count - 1;
        var operation = new GroupOperation($"GroupBy{experts}", $"Pairs of {name} in the order of their experts.", experts, count);
        _calls.Add(new TrainingCall(
            operation,
            new CallArgument[] { new BufferArgument(chosen.Buffer), new GroupsArgument(_groups.Count - 1) }.ToEquatable(),
            new[] { TrainingRegion.Key(chosen.Buffer) }.ToEquatable(),
            new[] { TrainingRegion.Key(offsets), TrainingRegion.Key(pairs), TrainingRegion.Key(rank) }.ToEquatable(),
            default));
        return _groups.Count - 1;
    }

    /// <summary>An output that is an input too, or several outputs, or one that already has its buffer, is copied.</summary>
    private void HandOut(Output output)
    {
        if (_graph.Nodes[output.Node] is Assemble) return;
        TrainingBuffer wanted = _names.Output(_region, output, _graph.Nodes[output.Node]);
        if (_stored[output.Node] is { } value && _buffers[value.Buffer].Home == wanted.Home && _buffers[value.Buffer].Name == wanted.Name) return;
        int buffer = _buffers.FindIndex(other => other.Home == wanted.Home && other.Name == wanted.Name);
        if (buffer < 0) buffer = AddBuffer(wanted);
        LowerNest(output.Node, output.Node, TargetOf(buffer, _graph.Nodes[output.Node].Axes, adds: wanted.Home == TrainingHome.Loss || _names.AddsTo(wanted)));
    }

    /// <summary>Where a value goes: to the gradient that alone wants it, to an output's own buffer where nothing reads what was there, or to a new one.</summary>
    private Target Target(int index)
    {
        Node node = _graph.Nodes[index];
        if (_sinks.TryGetValue(index, out (WeightTensor Tensor, Part Part) sink)) return Sink(sink.Tensor, sink.Part, node.Axes);
        foreach (Output output in _graph.Outputs)
        {
            if (output.Node != index) continue;
            TrainingBuffer wanted = _names.Output(_region, output, node);
            if (wanted.Home == TrainingHome.Loss || _names.AddsTo(wanted)) continue;
            int existing = _buffers.FindIndex(buffer => buffer.Home == wanted.Home && buffer.Name == wanted.Name);
            if (existing < 0) return TargetOf(AddBuffer(wanted), node.Axes, adds: false);
        }

        (int numbers, int sequences) = Size(node.Axes);
        return TargetOf(AddBuffer(new TrainingBuffer(node.Name, numbers, sequences, node is Choose)), node.Axes, adds: false);
    }

    private Target TargetOf(int buffer, EquatableArray<Axis> axes, bool adds)
    {
        StoredValue value = Stored(buffer, axes);
        return new Target(new BufferArgument(buffer), TrainingRegion.Key(buffer), new Place(value.Strides), adds, adds ? null : value);
    }

    private static Target Sink(WeightTensor tensor, Part part, EquatableArray<Axis> axes) =>
        new(new GradientArgument(tensor), TrainingRegion.Key(tensor), new Place(part.Strides.Select(stride => new Stride(stride)).ToEquatable(), part.Offset), true, null);

    private StoredValue Value(int index) => _stored[index] ?? throw new UnsupportedException($"'{_graph.Nodes[index].Name}' is read before it has memory: no schedule of training does that");

    private int AddBuffer(TrainingBuffer buffer)
    {
        _buffers.Add(buffer);
        return _buffers.Count - 1;
    }

    private void AddCall(Operation operation, List<CallArgument> arguments, IEnumerable<string> reads, Target target, IEnumerable<string> own)
    {
        _calls.Add(new TrainingCall(
            operation, arguments.ToEquatable(), reads.Where(key => key != target.Key).Distinct().ToEquatable(), new[] { target.Key }.ToEquatable(), own.Distinct().ToEquatable()));
    }

    private static (int Numbers, int Sequences) Size(EquatableArray<Axis> axes) => (axes.Width(), axes.Count(axis => axis.IsRow()));

    private static StoredValue Stored(int buffer, EquatableArray<Axis> axes)
    {
        var strides = new Stride[axes.Count];
        int numbers = 1, sequences = 0;
        for (int i = axes.Count - 1; i >= 0; i--)
        {
            if (sequences > 1) throw new UnsupportedException("a value has more than two axes over the sequence: no schedule of training does that");
            strides[i] = new Stride(numbers, sequences == 1);
            if (axes[i].IsRow()) sequences++;
            else numbers = checked(numbers * axes[i].Size);
        }

        return new StoredValue(buffer, axes, strides.ToEquatable());
    }
}

/// <summary>A value in memory.</summary>
internal sealed record StoredValue(int Buffer, EquatableArray<Axis> Axes, EquatableArray<Stride> Strides, int Offset = 0)
{
    public Stride StrideOf(Axis axis)
    {
        for (int i = 0; i < Axes.Count; i++)
        {
            if (Axes[i] == axis) return Strides[i];
        }

        return Stride.None;
    }
}

/// <summary>Where a call writes, and the value that is there then; none where it adds to what others give.</summary>
internal sealed record Target(CallArgument Argument, string Key, Place Place, bool Adds, StoredValue? Value);
