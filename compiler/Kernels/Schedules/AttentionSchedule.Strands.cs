using Sinter.Compiler.Kernels.Loops;
using static Sinter.Compiler.Kernels.Loops.Build;

namespace Sinter.Compiler.Kernels.Schedules;

/// <summary>
/// Few tokens whose heads share the keys: a strand is every eighth tile of keys, with a softmax of its own, so that workers
/// share the keys and not the heads, read each key once, and have all heads as rows. Which keys a strand has depends on nothing
/// but their places, and strands are merged in their order: the numbers are the same for any number of workers.
/// </summary>
internal sealed partial class AttentionSchedule
{
    /// <summary>As many workers as can share the keys of a tile of rows.</summary>
    private const int StrandCount = 8;

    private static readonly Name s_strandCount = new(Kind.Integer, "StrandCount");

    private void WriteStrands(Body body, Name range, Name rowCount, Rows rows, Strands strands, Procedure gather)
    {
        Expression workers = Worker.Field("Count", Kind.Integer), index = Worker.Field("Index", Kind.Integer);
        Name active = body.Let("active", Min(s_strandCount, Blocks(range.Field("Length", Kind.Integer), s_keyTile)));
        Name tile = body.Let("tile", Min(s_rowTile, Blocks(rowCount * active, workers)));
        Name tiles = body.Let("tiles", Blocks(rowCount, tile));
        Name turned = body.Let("turned", s_fewestTurned <= s_heads);
        Name[] places = WriteKeyPlaces(body, range, 0);
        // As many tiles of rows at once as there are workers: each has room for the strands of one.
        body.For("round", 0, tiles, workers, (inRound, round) =>
        {
            Name side = inRound.Let("side", Min(workers, tiles - round));
            inRound.For("item", index, side * active, workers, (inItem, item) =>
            {
                Name first = inItem.Let("first", (round + item % side) * tile), count = inItem.Let("count", Min(tile, rowCount - first));
                Name slot = inItem.Let("slot", item / workers * s_rowTile);
                inItem.For("i", 0, count, (each, i) =>
                {
                    WriteRow(each, range, first + i, 0, i, rows);
                    each.Set(rows.Outputs[i], strands.Outputs + (slot + i) * s_width);
                    WriteStart(each, i, rows);
                });
                Name turnsQueries = WriteTurns(inItem, turned, count, rows);
                inItem.Run(
                    gather,
                    [.. places, count, item / side * s_keyTile, range.Field("Length", Kind.Integer), s_strandCount * s_keyTile, turned, turnsQueries]);
                inItem.For("i", 0, count, (each, i) =>
                {
                    each.Set(strands.Largest[slot + i], rows.Largest[i]);
                    each.Set(strands.Total[slot + i], rows.Total[i]);
                });
            });
            inRound.Barrier();
            Name firstRow = inRound.Let("firstRow", round * tile);
            inRound.Share(Min(rowCount, (round + side) * tile) - firstRow, out Name from, out Name to);
            inRound.For("row", from, to, (each, row) => WriteMerge(each, range, firstRow + row, row, tile, side, active));
            // The next round, and the next kernel, write where others may still read.
            inRound.Barrier();
        });
    }

    /// <summary>A row's strands, wherever their workers have left them, as one.</summary>
    private void WriteMerge(Body body, Name range, Expression row, Name rowOfRound, Name tile, Name side, Name active)
    {
        Expression workers = Worker.Field("Count", Kind.Integer);
        Name token = body.Let("token", range.Field("First", Kind.Integer) + row / s_heads), head = body.Let("head", row % s_heads);
        Name output = body.Let("output", Place(_output, _operation.Output, token, head), Kind.Floats);
        Name part = body.Let("part", rowOfRound / tile), i = body.Let("i", rowOfRound % tile);
        (Name Item, Expression Place) Strand(Body inner, Name strand)
        {
            Name item = inner.Let("item", strand * side + part);
            return (item, item / workers * s_rowTile + i);
        }

        Name top = body.Let("top", new Real(double.NegativeInfinity));
        body.For("strand", 0, active, (inner, strand) =>
        {
            (Name item, Expression place) = Strand(inner, strand);
            Name largest = inner.Declare(_places.StrandLargest!, "largestThere", item % workers);
            inner.Set(top, Max(top, largest[place]));
        });
        Name sum = body.Let("sum", Zero);
        body.Tile(TileOperation.Clear, output, s_width);
        body.For("strand", 0, active, (inner, strand) =>
        {
            (Name item, Expression place) = Strand(inner, strand);
            Name at = inner.Let("at", place), owner = inner.Let("owner", item % workers);
            Name largest = inner.Declare(_places.StrandLargest!, "largestThere", owner), total = inner.Declare(_places.StrandTotal!, "totalThere", owner);
            Name outputs = inner.Declare(_places.StrandOutputs!, "outputsThere", owner);
            Name factor = inner.Let("factor", Build.Make(Kind.Float, Function.Exp, largest[at] - top));
            inner.Set(sum, sum + total[at] * factor);
            inner.For("column", 0, s_width, Lanes, (each, column) =>
            {
                Name lanes = each.Let("lanes", LanesLeft(s_width, column));
                each.Store(
                    output + column, Build.Make(Kind.Lanes, Function.Fma, Load(outputs + at * s_width + column, lanes), All(factor), Load(output + column, lanes)), lanes);
            });
        });
        Name share = body.Let("share", new Real(1) / sum);
        WriteScaling(body, output, share);
    }
}
