using System;
using System.Runtime.CompilerServices;
using Sinter.Runtime.Execution;
using Sinter.Runtime.Numerics;

namespace Sinter.Runtime.Training.Kernels;

/// <summary>
/// Products of f32 tensors whose axes lie any way: blocks of rows and panels of two vectors of columns are packed so that
/// depth runs through register tiles. Workers share blocks and panels; every number is summed by one worker in the order of
/// depth, so that results do not depend on how many there are.
/// </summary>
[SkipLocalsInit]
public static unsafe partial class Product
{
    /// <summary>Depth of a panel: with two vectors of columns it stays in the first-level cache or near it.</summary>
    private const int DepthTile = 256;

    /// <summary>Rows that pass one panel, in the second-level cache: a multiple of a register tile's.</summary>
    private const int MostRows = 288;

    /// <summary>The same of rows that are packed first: workers share blocks then, and pack no row twice.</summary>
    private const int MostPackedRows = 144;

    private const int MostColumns = 32;

    /// <summary>Bytes of a worker's scratch memory.</summary>
    public const int ScratchBytes =
        MostPackedRows * DepthTile * sizeof(float) + DepthTile * MostColumns * sizeof(float) + Panel.Rows * MostColumns * sizeof(float)
        + (2 * MostRows + 2 * MostColumns + 2 * DepthTile + MostRows) * sizeof(long) + 2 * 16 * 16 * sizeof(float);

    /// <summary>This worker's share of a product.</summary>
    /// <param name="groups">The order of pairs by expert, where the shape has pairs.</param>
    public static void Run<V>(in Worker worker, in ProductShape shape, float* left, float* right, float* result, ExpertGroups* groups = null)
        where V : struct, ILanes<V>
    {
        var work = new Work<V>(worker, shape, left, right, result, groups);
        if (shape.TokenRows > 0) work.RunByTokens();
        else if (shape.SharesRows) work.RunByColumns();
        else work.RunByBlocks();
    }

    private ref partial struct Work<V>
        where V : struct, ILanes<V>
    {
        private readonly Worker _worker;
        private readonly ref readonly ProductShape _shape;
        private readonly float* _left, _right, _result;
        private readonly ExpertGroups* _groups;
        private readonly float* _packed, _panel, _tile, _square, _turned;
        private readonly long* _rowLeft, _rowResult, _columnRight, _columnResult, _depthLeft, _depthRight;
        private readonly float** _rows;
        private readonly bool _packsRows;

        /// <summary>The rows that are laid out.</summary>
        private (int Batch, int Row) _held = (-1, 0);

        public Work(in Worker worker, in ProductShape shape, float* left, float* right, float* result, ExpertGroups* groups)
        {
            _worker = worker;
            _shape = ref shape;
            _left = left;
            _right = right;
            _result = result;
            _groups = groups;
            _packed = (float*)worker.Scratch;
            _panel = _packed + MostPackedRows * DepthTile;
            _tile = _panel + DepthTile * MostColumns;
            _square = _tile + Panel.Rows * MostColumns;
            _turned = _square + 16 * 16;
            _rowLeft = (long*)(_turned + 16 * 16);
            _rowResult = _rowLeft + MostRows;
            _columnRight = _rowResult + MostRows;
            _columnResult = _columnRight + MostColumns;
            _depthLeft = _columnResult + MostColumns;
            _depthRight = _depthLeft + DepthTile;
            _rows = (float**)(_depthRight + DepthTile);
            _packsRows = shape.CastsDepth || shape.Pairs == PairRole.Depth || !shape.Depth.LeftLiesSideBySide;
        }

        private static int Width => 2 * V.Count;

        private int Panels => (_shape.Columns.Count + Width - 1) / Width;

        private int RowsOf(int batch) => _shape.Pairs == PairRole.Rows ? Segment(batch) : _shape.Rows.Count;

        private int DepthOf(int batch) => _shape.Pairs == PairRole.Depth ? Segment(batch) : _shape.Depth.Count;

        private int FirstPair(int batch) => _groups->Offsets[batch];

        private int Segment(int batch) => _groups->Offsets[batch + 1] - FirstPair(batch);

        /// <summary>Workers share the panels of all blocks of all batches.</summary>
        public void RunByBlocks()
        {
            int batches = _shape.Batch.Count, panels = Panels, all = 0;
            for (int batch = 0; batch < batches; batch++) all += BlocksOf(RowsOf(batch)) * panels;
            Portions portions = _worker.Portions(all);
            while (portions.Next(out int from, out int to))
            {
                int at = 0;
                for (int batch = 0; batch < batches && at < to; batch++)
                {
                    int rows = RowsOf(batch), block = BlockOf(rows);
                    for (int row = 0; row < rows; row += block, at += panels)
                    {
                        int first = Math.Max(from - at, 0), end = Math.Min(to - at, panels);
                        if (first < end) RunBlock(batch, row, Math.Min(block, rows - row), first, end);
                    }
                }
            }
        }

        /// <summary>Workers share the columns: rows that several experts add to are then always one worker's.</summary>
        public void RunByColumns()
        {
            _worker.Share(Panels, out int from, out int to);
            if (from == to) return;
            for (int batch = 0; batch < _shape.Batch.Count; batch++)
            {
                int rows = RowsOf(batch), block = BlockOf(rows);
                for (int row = 0; row < rows; row += block) RunBlock(batch, row, Math.Min(block, rows - row), from, to);
            }
        }

        /// <summary>Each worker has the rows of its own tokens.</summary>
        public void RunByTokens()
        {
            _worker.Share(_shape.Rows.Count / _shape.TokenRows, out int from, out int to);
            int end = to * _shape.TokenRows, block = Even((to - from) * _shape.TokenRows, 1);
            for (int row = from * _shape.TokenRows; row < end; row += block) RunBlock(0, row, Math.Min(block, end - row), 0, Panels);
        }

        private int BlocksOf(int rows) => (rows + BlockOf(rows) - 1) / BlockOf(rows);

        /// <summary>As many blocks as workers where these cannot share the panels evenly, or where each would pack all rows.</summary>
        private int BlockOf(int rows)
        {
            bool shares = _shape.Batch.Count < _worker.Count && (_packsRows || Panels % _worker.Count != 0);
            return Even(rows, shares ? Math.Min(_worker.Count, rows / Panel.Rows) : 1);
        }

        /// <summary>Rows of a block, of whole register tiles, where blocks are equal and at least so many.</summary>
        private int Even(int rows, int blocks)
        {
            int most = _packsRows ? MostPackedRows : MostRows;
            blocks = Math.Max(Math.Max(1, blocks), (rows + most - 1) / most);
            int block = Math.Max(1, (rows + blocks - 1) / blocks);
            return (block + Panel.Rows - 1) / Panel.Rows * Panel.Rows;
        }

        private void RunBlock(int batch, int row, int rows, int firstPanel, int endPanel)
        {
            int depth = DepthOf(batch);
            bool isHeld = _held == (batch, row) && depth <= DepthTile;
            _held = (batch, row);
            float* left = _left + _shape.Batch.Left(batch), right = _right + _shape.Batch.Right(batch), result = _result + _shape.Batch.Result(batch);
            for (int i = 0; i < rows && !isHeld; i++)
            {
                int entry = _shape.Pairs == PairRole.Rows ? _groups->Pairs[FirstPair(batch) + row + i] : row + i;
                _rowLeft[i] = _shape.Rows.Left(entry);
                _rowResult[i] = _shape.Rows.Result(entry);
            }

            // What the pairs of an expert read has just been written; asking for it costs more than it brings.
            bool adds = _shape.Adds, asks = _shape.Pairs != PairRole.Depth;
            int tiles = (rows + Panel.Rows - 1) / Panel.Rows;
            for (int start = 0; start < depth || start == 0; start += DepthTile, adds = true)
            {
                int part = Math.Min(DepthTile, depth - start);
                if (part <= 0 && adds) return;
                for (int k = 0; k < part && !isHeld; k++)
                {
                    int entry = _shape.Pairs == PairRole.Depth ? _groups->Pairs[FirstPair(batch) + start + k] : start + k;
                    _depthLeft[k] = _shape.Depth.Left(entry);
                    _depthRight[k] = _shape.Depth.Right(entry);
                }

                if (!isHeld) TakeRows(left, rows, part);
                long strideRight = Stride(_depthRight, part);
                for (int panel = firstPanel; panel < endPanel; panel++)
                {
                    int columns = Math.Min(Width, _shape.Columns.Count - panel * Width);
                    for (int j = 0; j < columns; j++)
                    {
                        _columnRight[j] = _shape.Columns.Right(panel * Width + j);
                        _columnResult[j] = _shape.Columns.Result(panel * Width + j);
                    }

                    PackPanel(right, columns, part, strideRight);
                    if (_shape.CastsDepth) Casts.Columns(_panel, part, Width, _shape.RoundsRight);
                    bool isEven = Stride(_columnResult, columns) == 1, isWhole = isEven && columns == Width;
                    for (int i = 0; i < rows; i += Panel.Rows)
                    {
                        int last = Math.Min(Panel.Rows, rows - i) - 1;
                        if (asks && panel + 1 < endPanel) Ask(right, panel + 1, part, strideRight, i / Panel.Rows, tiles);
                        if (isWhole)
                        {
                            ProductTile.Run<V>(_rows + i, last, part, _panel, result + _columnResult[0], _rowResult + i, adds);
                            continue;
                        }

                        Tiles.Clear(_tile, Panel.Rows * Width);
                        Panel.Tile<V>(
                            _rows[i], _rows[i + Math.Min(1, last)], _rows[i + Math.Min(2, last)], _rows[i + Math.Min(3, last)], _rows[i + Math.Min(4, last)],
                            _rows[i + Math.Min(5, last)], part, _panel, Width, _tile, Width, last);
                        for (int r = 0; r <= last; r++) Lay(result + _rowResult[i + r], _tile + r * Width, columns, isEven, adds);
                    }
                }
            }
        }
    }
}
