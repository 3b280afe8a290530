using System.Linq;
using Sinter.Compiler.Kernels.Loops;
using Sinter.Compiler.Operations;
using static Sinter.Compiler.Kernels.Device.GroupCode;
using static Sinter.Compiler.Kernels.Loops.Build;

namespace Sinter.Compiler.Kernels.Device;

/// <summary>Many rows: tiles of rows × columns that pass the depth together, staged in the group's memory.</summary>
internal sealed partial class DeviceContractionSchedule
{
    private static readonly Name s_first = new(Kind.Integer, "first");
    private static readonly Name s_end = new(Kind.Integer, "end");

    private DeviceKernel Tiled(Procedure epilogue)
    {
        ContractionTile tile = ContractionTile.Choose(operation);
        int blocks = (operation.Columns + tile.Columns - 1) / tile.Columns;
        Name tileRows = new(Kind.Integer, "TileRows"), tileColumns = new(Kind.Integer, "TileColumns"), tileDepth = new(Kind.Integer, "TileDepth");
        Name threads = new(Kind.Integer, "Threads"), rowPitch = new(Kind.Integer, "RowPitch"), columnPitch = new(Kind.Integer, "ColumnPitch");

        var body = new Body();
        if (operation.Batch > 1) body.Let(s_batch.Text, GroupX / blocks);
        Name column0 = body.Let("column0", (operation.Batch > 1 ? GroupX % blocks : GroupX) * tileColumns);
        Expression? slot = null, firstKey = null, expert = null;
        switch (operation.Rows)
        {
            case RowSource.Keys:
                Name range = body.Let("range", Range(GroupZ));
                body.Let(s_first.Text, GroupY * tileRows);
                body.Let(s_end.Text, range.Field("Length", Kind.Integer));
                slot = body.Let("slot", range.Field("Slot", Kind.Integer));
                firstKey = body.Let("firstKey", range.Field("FirstKey", Kind.Integer));
                break;
            case RowSource.Experts:
                expert = WriteExpertOfTile(body, tileRows);
                break;
            default:
                body.Let(s_first.Text, GroupY * tileRows);
                body.Let(s_end.Text, RowCount);
                break;
        }

        // A group without rows makes no rounds, but it leaves no barrier out: that confuses some devices' compilers.
        Name isEmpty = body.Let("isEmpty", s_first >= s_end);
        Expression[] weights = WeightsOf(body, expert);
        Name[] rowsOf = [.. operation.Inputs.Select((input, i) => body.InGroup(_inputs[i].Text + "Tile", tile.Depth * (tile.Rows + ContractionTile.Pad)))];
        Name[] columnsOf = [.. operation.Weights.Select((_, i) => body.InGroup(_weights[i].Text + "Tile", tile.Depth * (tile.Columns + ContractionTile.Pad)))];
        Name ownColumn = body.Let("ownColumn", Thread % tile.ColumnThreads), ownRow = body.Let("threadRow", Thread / tile.ColumnThreads);
        Name[,,] sums = Sums(body, tile);
        foreach (int input in Enumerable.Range(0, operation.Inputs.Count))
        {
            (int Accumulator, Term Term)[] terms = [.. _terms.Where(t => t.Term.Input == input)];
            int[] used = [.. terms.Select(t => t.Term.Weight).Distinct()];
            Name deep = body.Let($"deep{input}", new Conditional(isEmpty, 0, DepthName(input)));
            body.For($"start{input}", 0, deep, tileDepth, (inner, start) =>
            {
                inner.For("i", Thread, tileRows * tileDepth, threads, (each, i) =>
                {
                    Name row = each.Let("tileRow", i / tileDepth), d = each.Let("d", i % tileDepth), from = each.Let("from", s_first + row);
                    Expression source = InputRow(input, operation.Inputs[input].Indexed ? Indexed(from) : from, slot);
                    each.Set(
                        rowsOf[input][d * rowPitch + row],
                        new Conditional(from < s_end & start + d < DepthName(input), Data(input)[source + (start + d)], Zero));
                });
                foreach (int weight in used) WriteWeights(inner, weight, weights[weight], columnsOf[weight], column0, start, DepthName(input));
                inner.Barrier();
                inner.For("d", 0, tileDepth, (each, d) => WriteProducts(each, tile, d, rowsOf[input], columnsOf, ownRow, ownColumn, terms, sums));
                inner.Barrier();
            });
        }

        for (int r = 0; r < tile.ThreadRows; r++)
        {
            Name row = body.Let($"row{r}", s_first + ownRow + r * tile.RowThreads);
            for (int c = 0; c < tile.ThreadColumns; c++)
            {
                Expression column = column0 + ownColumn + c * tile.ColumnThreads;
                Expression[] own = [.. Enumerable.Range(0, operation.Accumulators.Count).Select(a => sums[a, r, c])];
                Expression output = firstKey is null ? row : firstKey + row;
                body.If(row < s_end & column < s_columns, inner => Store(inner, epilogue, row, output, column, own));
            }
        }

        var sizes = Sizes([
            ("Columns", operation.Columns), .. Depths, ("TileRows", tile.Rows), ("TileColumns", tile.Columns), ("TileDepth", tile.Depth),
            ("RowPitch", tile.Rows + ContractionTile.Pad), ("ColumnPitch", tile.Columns + ContractionTile.Pad), ("Threads", tile.Threads)]);
        var entry = new Procedure(operation.Name, "", _parameters.Names, body.Statements, IsWidening: true);
        var parts = operation.Rows == RowSource.Keys ? new[] { epilogue } : [];
        string what = operation.Rows == RowSource.Keys ? operation.Equation + "\n" : $"{operation.Name}Few for more rows. ";
        var kernel = new Kernel(what + tile.Describe(operation), sizes, entry, parts.ToEquatable(), _parameters.Formats);
        Expression tiles = operation.Rows == RowSource.Experts
            ? Min(RowCount, RowCount / tile.Rows + _groups!.Field("Experts", Kind.Integer))
            : Blocks(RowCount, tile.Rows);
        return new(kernel, null, tile.Threads, blocks * operation.Batch, tiles, operation.Rows == RowSource.Keys ? Sequences : 1);
    }

    /// <summary>Stages a tile of a stored matrix, [depth, columns], neighbouring threads along the stored rows.</summary>
    private void WriteWeights(Body body, int number, Expression weight, Name tile, Name column0, Name start, Name depth)
    {
        ContractionWeight view = operation.Weights[number];
        Name tileColumns = new(Kind.Integer, "TileColumns"), tileDepth = new(Kind.Integer, "TileDepth"), columnPitch = new(Kind.Integer, "ColumnPitch");
        bool along = view.DepthStride == 1;
        body.For("i", Thread, tileColumns * tileDepth, new Name(Kind.Integer, "Threads"), (each, i) =>
        {
            Name column = each.Let("tileColumn", along ? i / tileDepth : i % tileColumns), d = each.Let("d", along ? i % tileDepth : i / tileColumns);
            Expression element = Element(number, column0 + column) + (start + d) * view.DepthStride;
            each.Set(
                tile[d * columnPitch + column],
                new Conditional(column0 + column < s_columns & start + d < depth, Widen(weight, element), Zero));
        });
    }

    private Name[,,] Sums(Body body, ContractionTile tile)
    {
        var sums = new Name[operation.Accumulators.Count, tile.ThreadRows, tile.ThreadColumns];
        for (int a = 0; a < operation.Accumulators.Count; a++)
        {
            for (int r = 0; r < tile.ThreadRows; r++)
            {
                for (int c = 0; c < tile.ThreadColumns; c++)
                    sums[a, r, c] = body.Let($"{(operation.Accumulators.Count == 1 ? "sum" : $"sum{(char)('A' + a)}")}{r}{c}", Zero);
            }
        }

        return sums;
    }

    private void WriteProducts(
        Body body, ContractionTile tile, Name d, Name rows, Name[] columns, Name ownRow, Name ownColumn, (int Accumulator, Term Term)[] terms, Name[,,] sums)
    {
        Name rowPitch = new(Kind.Integer, "RowPitch"), columnPitch = new(Kind.Integer, "ColumnPitch");
        Name[] x = [.. Enumerable.Range(0, tile.ThreadRows).Select(r => body.Let($"a{r}", rows[d * rowPitch + ownRow + r * tile.RowThreads]))];
        foreach (int weight in terms.Select(t => t.Term.Weight).Distinct())
        {
            string stem = terms.Select(t => t.Term.Weight).Distinct().Count() == 1 ? "b" : $"{(char)('b' + weight)}";
            Name[] w = [.. Enumerable.Range(0, tile.ThreadColumns).Select(c => body.Let($"{stem}{c}", columns[weight][d * columnPitch + ownColumn + c * tile.ColumnThreads]))];
            foreach (int a in terms.Where(t => t.Term.Weight == weight).Select(t => t.Accumulator))
            {
                for (int r = 0; r < tile.ThreadRows; r++)
                {
                    for (int c = 0; c < tile.ThreadColumns; c++) body.Set(sums[a, r, c], sums[a, r, c] + x[r] * w[c]);
                }
            }
        }
    }

    /// <summary>The expert that a tile of rows belongs to, and the tile's rows; none where there are fewer tiles than were launched.</summary>
    private Name WriteExpertOfTile(Body body, Name tileRows)
    {
        Expression offsets = _groups!.Field("Offsets", Kind.Integers), experts = _groups!.Field("Experts", Kind.Integer);
        Name expert = body.Let("expert", 0), left = body.Let("left", GroupY), tiles = body.Let("tiles", Blocks(offsets[1] - offsets[0], tileRows));
        body.While(expert < experts - 1 & left >= tiles, search =>
        {
            search.Set(left, left - tiles);
            search.Set(expert, expert + 1);
            search.Set(tiles, Blocks(offsets[expert + 1] - offsets[expert], tileRows));
        });
        body.Let(s_end.Text, offsets[expert + 1]);
        body.Let(s_first.Text, offsets[expert] + left * tileRows);
        return expert;
    }
}
