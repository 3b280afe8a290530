using System;
using System.Collections.Generic;
using System.Linq;
using Sinter.Compiler.Graph;
using Sinter.Compiler.Kernels.Loops;
using Sinter.Compiler.Operations;
using static Sinter.Compiler.Kernels.Device.GroupCode;
using static Sinter.Compiler.Kernels.Loops.Build;

namespace Sinter.Compiler.Kernels.Device;

/// <summary>Attention of many tokens on tensor cores: queries, keys and values rounded to BF16, scores, softmax and results in float32.</summary>
internal sealed partial class DeviceAttentionSchedule
{
    // As Sinter.Devices.Cuda.Kernels.TensorAttention has them.
    private const int TensorThreads = 128;
    private const int Warps = 4;
    private const int WarpRows = 16;

    /// <summary>Numbers of values that a warp has registers for.</summary>
    private const int WarpColumns = 128;

    // Numbers that become 16 bytes, and those that become a piece of 128, which the other warps' quarters begin with.
    private const int Chunk = 8;
    private const int Piece = 64;

    /// <summary>Bytes that a block has without asking.</summary>
    private const int SharedMemory = 48 * 1024;

    /// <summary>Warps that share rows.</summary>
    private int Parts => operation.Value.Depth <= WarpColumns ? 1 : Warps;

    private int KeysTogether => Parts == 1 ? 32 : 16;

    private int TensorRows => Warps / Parts * WarpRows;

    private int Depth => operation.Terms.Sum(term => term.Key.Depth);

    /// <summary>What scores are multiplied by before the softmax; null where it is more than that.</summary>
    private double? Scale => operation.Map switch
    {
        Argument => 1,
        Binary { Operator: BinaryOperator.Multiply, Left: Argument, Right: Constant factor } => factor.Value,
        Binary { Operator: BinaryOperator.Multiply, Left: Constant factor, Right: Argument } => factor.Value,
        _ => null,
    };

    private bool FitsTensorCores =>
        Scale is > 0 && SharedBytes <= SharedMemory
        && operation.Terms.All(term => term.Key.Depth % Chunk == 0 && AreWhole(term.Query) && AreWhole(term.Key.Layout))
        && operation.Value.Depth % (Parts == 1 ? Chunk : Parts * Piece) == 0 && operation.Value.Depth <= Parts * WarpColumns && AreWhole(operation.Value.Layout);

    private int SharedBytes => TensorRows * Bytes(Depth) + KeysTogether * (Bytes(Depth) + (operation.ValuesAreKeys ? 0 : Bytes(operation.Value.Depth)))
        + (Parts == 1 ? 0 : Warps * WarpRows * KeysTogether * sizeof(float));

    private static int Bytes(int numbers) => (numbers + Piece - 1) / Piece * Piece * 2;

    private DeviceKernel OnTensorCores(Name value, Name output)
    {
        Name tileRows = new(Kind.Integer, "TileRows");
        var body = new Body();
        Name range = body.Let("range", Range(GroupZ));
        body.Remark("Rows stand in the order of their positions: those that see the most keys go first.");
        Expression tiles = Blocks(LongestCount * RowsOfToken, tileRows);
        Name first = body.Let("first", (tiles - 1 - GroupX) * tileRows);
        TensorAttention attention = Shape(range, value);
        body.OnTensorCores(new TensorRows(attention, output, first, range.Field("Count", Kind.Integer) * RowsOfToken));

        var entry = new Procedure(operation.Name + "Tensor", "", _parameters.Names, body.Statements, IsWidening: false);
        string rows = Parts == 1 ? $"{TensorRows} rows, {WarpRows} a warp," : $"{TensorRows} rows, of whose values each warp has {operation.Value.Depth / Parts},";
        var kernel = new Kernel(
            $"{operation.Name} from {DeviceSchedule.FewestOnTensorCores} tokens on: a group carries {rows} through {KeysTogether} keys at a time on tensor cores, queries, keys and values rounded to BF16.",
            Sizes(("TileRows", TensorRows)), entry, default, null);
        return new(
            kernel, Tokens >= DeviceSchedule.FewestOnTensorCores, TensorThreads, Blocks(LongestCount * RowsOfToken, TensorRows), IsShared ? 1 : operation.Heads, Sequences,
            new TensorKernel(attention));
    }

    private TensorAttention Shape(Name range, Name value)
    {
        Name row = TensorAttention.Row, position = TensorAttention.Position, number = TensorAttention.Number;
        Expression token = row / RowsOfToken, head = IsShared ? row % RowsOfToken : GroupY;
        Expression AtToken(Layout layout, Expression column) =>
            Long(range.Field("First", Kind.Integer) + token) * layout.RowStride + (head * layout.RepeatStride + layout.Offset + column);
        Expression AtPosition(Name data, KeyLayout key, Expression column)
        {
            // Where all heads share the keys the repeat's stride is zero.
            Expression within = head * key.Layout.RepeatStride + key.Layout.Offset + column;
            return key.IsCache
                ? Address(data.Field("Data", Kind.Floats), range.Field("Slot", Kind.Integer) * data.Field("SlotStride", Kind.Long) + (Long(position) * key.Layout.RowStride + within))
                : Address(data, Long(range.Field("FirstKey", Kind.Integer) + position) * key.Layout.RowStride + within);
        }

        List<Name> captured = [range, .. _queries, .. _keys];
        if (!operation.ValuesAreKeys) captured.Add(value);
        if (!IsShared) captured.Insert(1, GroupY);
        Expression length = range.Field("Length", Kind.Integer);
        return new TensorAttention(
            operation.Name + "Rows", captured.ToEquatable(), Depth, operation.Value.Depth, Parts, KeysTogether,
            // The softmax is made of powers of two.
            Scale!.Value / Math.Log(2),
            operation.Causal ? length - range.Field("Count", Kind.Integer) + token + 1 : length,
            OfParts((part, column) => Address(_queries[part], AtToken(operation.Terms[part].Query, column))),
            OfParts((part, column) => AtPosition(_keys[part], operation.Terms[part].Key, column)),
            operation.ValuesAreKeys ? null : AtPosition(value, operation.Value, number),
            AtToken(operation.Output, 0));
    }

    /// <summary>The parts of a query or a key one after the other.</summary>
    private Expression OfParts(Func<int, Expression, Expression> address)
    {
        Expression Part(int part, int start)
        {
            int end = start + operation.Terms[part].Key.Depth;
            Expression own = address(part, TensorAttention.Number - start);
            return part == operation.Terms.Count - 1 ? own : new Conditional(TensorAttention.Number < end, own, Part(part + 1, end));
        }

        return Part(0, 0);
    }

    private static Expression Address(Expression place, Expression index) => Build.Make(Kind.Long, Function.AddressAt, place, index);
}
