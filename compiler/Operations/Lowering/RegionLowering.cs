using System.Collections.Generic;
using System.Linq;
using Sinter.Compiler.Graph;

namespace Sinter.Compiler.Operations.Lowering;

/// <summary>
/// Makes the list of kernel calls of one region: decides which values get memory, fuses maps into the contractions before
/// them and everything else along a row into row operations.
/// </summary>
internal sealed partial class RegionLowering
{
    // Values and their uses in a function that is written out; those of published models have some dozen.
    private const int MostWritten = 256;

    private readonly Region _region;
    private readonly int[] _uses;
    private readonly bool[] _mustStore;
    private readonly Storage?[] _stored;
    private readonly ContractionShape?[] _shapes;

    // Contractions that a map takes over, each by that map.
    private readonly Dictionary<int, int> _epilogues = [];
    private readonly List<BufferSpecification> _buffers = [];
    private readonly List<GroupSpecification> _groups = [];
    private readonly Dictionary<int, int> _groupsOf = [];
    private readonly List<Call> _calls = [];

    public RegionLowering(Region region)
    {
        _region = region;
        Graph = region.Graph;
        _uses = Graph.CountUses();
        _mustStore = new bool[Graph.Nodes.Count];
        _stored = new Storage?[Graph.Nodes.Count];
        _shapes = Graph.Nodes.Select(node => node is Contract contract ? ContractionShape.Of(Graph, contract) : null).ToArray();
    }

    private TensorGraph Graph { get; }

    public LoweredRegion Run()
    {
        FindStored();
        ChooseEpilogues();
        for (int i = 0; i < Graph.Nodes.Count; i++)
        {
            Lower(i);
            AttachTraces(i);
        }

        foreach (Output output in Graph.Outputs) CopyOut(output);
        return new LoweredRegion(_region.Name, _region.FirstLayer, _region.EndLayer, _buffers.ToEquatable(), _groups.ToEquatable(), _calls.ToEquatable());
    }

    /// <summary>A value needs memory where its consumer reads it other than place by place along a row.</summary>
    private void FindStored()
    {
        foreach (Node node in Graph.Nodes)
        {
            IEnumerable<int> stored = node switch
            {
                Contract contract => contract.Factors.Where(factor => Graph.Nodes[factor] is not (Weight { IndexStride: 0 } or Cached)),
                Attend attend => attend.Operands.Where(operand => Graph.Nodes[operand] is not Cached),
                Choose or Rotary or Take or Rename => node.Operands,
                Weight => node.Operands,
                _ => [],
            };
            foreach (int operand in stored) _mustStore[operand] = true;
        }

        // Rows of a table are read once and kept: a kernel is specialised for one stored format, and a norm after an
        // embedding may be stored in another.
        for (int i = 0; i < Graph.Nodes.Count; i++)
        {
            if (Graph.Nodes[i] is Weight { Index: >= 0, IndexStride: > 0 } or Rename) _mustStore[i] = true;
        }

        foreach (Output output in Graph.Outputs) _mustStore[output.Node] = true;
        foreach (Trace trace in Graph.Traces) _mustStore[trace.Node] = true;
        BoundFunctions();
    }

    /// <summary>
    /// What happens along a row is written as one function, and a map that uses its argument twice doubles what is written:
    /// where that would grow beyond measure, the values that it starts from get memory.
    /// </summary>
    private void BoundFunctions()
    {
        int[] sizes = new int[Graph.Nodes.Count];
        for (int i = 0; i < sizes.Length; i++)
        {
            if (Graph.Nodes[i] is not (Map or Reduce or Softmax)) continue;
            sizes[i] = Size(Graph.Nodes[i]);
            if (sizes[i] <= MostWritten) continue;
            foreach (int operand in Graph.Nodes[i].Operands) _mustStore[operand] |= Graph.Nodes[operand] is Map or Softmax;
            sizes[i] = Size(Graph.Nodes[i]);
        }

        int Size(Node node) => 1 + (node is Map map ? map.Function.Arguments().Sum(argument => Written(map.Inputs[argument])) : node.Operands.Sum(Written));
        int Written(int node) => _mustStore[node] ? 1 : 1 + sizes[node];
    }

    private void Lower(int index)
    {
        switch (Graph.Nodes[index])
        {
            case Input input:
                _stored[index] = new Storage(AddBuffer(InputBuffer(input)));
                break;
            case Weight:
                // Rows of a table, such as the embedding's, may be a value by themselves.
                if (_mustStore[index]) LowerRow(index);
                break;
            case Rename rename when rename.From.Extent == rename.To.Extent:
                // The same numbers: memory has no names for its axes.
                _stored[index] = _stored[rename.Input];
                break;
            case Contract when _epilogues.ContainsKey(index):
                break;
            case Contract contract when _shapes[index] is { } shape:
                LowerContraction(index, [index], [], new Argument(0));
                if (_mustStore[index] && shape.LeavesParts(contract)) LowerRow(index);
                break;
            case Contract contract:
                throw new UnsupportedException($"'{contract.Name}' is a product of activations outside attention: no schedule does that");
            case Attend attend:
                LowerAttention(index, attend);
                break;
            case Choose choose:
                LowerChoice(index, choose);
                break;
            case Cached cached:
                LowerAppend(cached);
                break;
            case Causal causal:
                throw new UnsupportedException($"'{causal.Name}' masks scores outside attention: no schedule does that");
            case Map when _epilogues.ContainsValue(index):
                LowerEpilogue(index);
                break;
            default:
                if (_mustStore[index]) LowerRow(index);
                break;
        }
    }

    private static BufferSpecification InputBuffer(Input input)
    {
        BufferHome home = input.Name switch
        {
            "token" => BufferHome.TokenIds,
            "next" => BufferHome.NextIds,
            "hidden" => BufferHome.Hidden,
            _ => BufferHome.Boundary,
        };
        return new BufferSpecification(input.Name, BufferRows.Tokens, input.Axes.Width(), input.IsIndex, home);
    }

    /// <summary>The buffer that a node's values go to: an output's own home where nothing reads what was there before, else a new one.</summary>
    private int BufferFor(int index)
    {
        Node node = Graph.Nodes[index];
        bool isIndex = node is Choose;
        foreach (Output output in Graph.Outputs)
        {
            if (output.Node != index) continue;
            BufferHome home = output.Name switch { "hidden" => BufferHome.Hidden, "logits" => BufferHome.Logits, _ => BufferHome.Boundary };
            int existing = _buffers.FindIndex(buffer => buffer.Name == output.Name && buffer.Home == home);
            if (existing < 0) return AddBuffer(new BufferSpecification(output.Name, BufferRows.Tokens, node.Axes.Width(), isIndex, home));
            if (!IsReadAfter(existing, index)) return existing;
        }

        BufferRows rows = node.Axes.Any(axis => axis.Extent == Extent.Positions) ? BufferRows.Positions : BufferRows.Tokens;
        return AddBuffer(new BufferSpecification(node.Name, rows, node.Axes.Width(), isIndex));
    }

    private bool IsReadAfter(int buffer, int index)
    {
        for (int i = index + 1; i < Graph.Nodes.Count; i++)
        {
            if (Graph.Nodes[i].Operands.Any(operand => _stored[operand]?.Buffer == buffer)) return true;
        }

        // A contraction may not overwrite the rows that it still multiplies with.
        return _shapes[index] is { } shape && _stored[shape.Activations]?.Buffer == buffer;
    }

    private void CopyOut(Output output)
    {
        int buffer = _stored[output.Node]!.Buffer;
        if (_buffers[buffer].Name == output.Name && _buffers[buffer].Home != BufferHome.Plan) return;
        int target = _buffers.FindIndex(other => other.Name == output.Name && other.Home != BufferHome.Plan);
        if (target < 0) target = AddBuffer(new BufferSpecification(output.Name, BufferRows.Tokens, _buffers[buffer].Width, false, BufferHome.Boundary));
        CopyRow(output.Node, target);
    }

    private int AddBuffer(BufferSpecification buffer)
    {
        _buffers.Add(buffer);
        return _buffers.Count - 1;
    }

    private void AddCall(Operation operation, List<CallArgument> arguments, int[] writes, string[]? writtenCaches = null)
    {
        IEnumerable<int> buffers = arguments.OfType<BufferArgument>().Select(argument => argument.Buffer);
        IEnumerable<int> grouped = arguments.OfType<GroupsArgument>().SelectMany(argument =>
            new[] { _groups[argument.Groups].Offsets, _groups[argument.Groups].Pairs, _groups[argument.Groups].Rank });
        IEnumerable<string> caches = arguments.OfType<CacheArgument>().Select(argument => argument.Cache);
        _calls.Add(new Call(
            operation,
            arguments.ToEquatable(),
            buffers.Concat(grouped).Where(buffer => !writes.Contains(buffer)).Distinct().ToEquatable(),
            writes.ToEquatable(),
            caches.Where(cache => writtenCaches?.Contains(cache) != true).Distinct().ToEquatable(),
            (writtenCaches ?? []).ToEquatable(),
            default));
    }

    private void AttachTraces(int index)
    {
        foreach (Trace trace in Graph.Traces)
        {
            if (trace.Node != index || _stored[index] is not { Form: StorageForm.Plain } storage) continue;
            if (_calls.Count == 0) throw new UnsupportedException($"trace '{trace.Name}' shows an input: trace the value where it is made");
            Call last = _calls[_calls.Count - 1];
            _calls[_calls.Count - 1] = last with { Traces = last.Traces.Append(new TracedBuffer(trace.Name, storage.Buffer)).ToEquatable() };
        }
    }
}
