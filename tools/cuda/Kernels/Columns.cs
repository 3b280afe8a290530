using ILGPU;
using Sinter.Devices.Cuda.Instructions;

namespace Sinter.Cuda.Kernels;

/// <summary>Which columns of a product's weights a tile holds.</summary>
public interface IColumns
{
    /// <summary>Products with the same rows: 1, or 2 whose weights lie one after the other in each expert.</summary>
    int Products { get; }

    /// <summary>Asks for a piece of the tile's columns; zeroes where there are none.</summary>
    /// <param name="to">A stage's weights in shared memory.</param>
    /// <param name="from">The tile's first column of the first product.</param>
    /// <param name="existing">Columns of a product from there on.</param>
    /// <param name="columns">Of a product.</param>
    /// <param name="depthStart">The piece's first byte.</param>
    /// <param name="depth">Bytes in depth.</param>
    void Fetch<TTile>(long to, long from, int existing, int columns, int depthStart, int depth)
        where TTile : struct, ITile;
}

/// <summary>One product: as many neighbours as the tile has columns.</summary>
public struct PlainColumns : IColumns
{
    public readonly int Products => 1;

    public readonly void Fetch<TTile>(long to, long from, int existing, int columns, int depthStart, int depth)
        where TTile : struct, ITile
        => Gemm.Fetch<TTile>(to, from, default(TTile).WarpColumns * Gemm.WarpColumns, existing, depthStart, depth);
}

/// <summary>
/// Two products, gate and up: a warp's 32 columns are 16 of the first and the same 16 of the second, so that a lane has both sums
/// of a result.
/// </summary>
public struct PairedColumns : IColumns
{
    public readonly int Products => 2;

    public readonly void Fetch<TTile>(long to, long from, int existing, int columns, int depthStart, int depth)
        where TTile : struct, ITile
    {
        // 256 threads: a thread's rows of the tile are 32 apart, so that its product, chunk and place stay, and its column goes by 16.
        var (row, chunk) = (Group.IdxX >> 3, Group.IdxX & 7);
        var column = row & 15;
        var place = depthStart + (chunk * 16);
        var target = to + (row * Gemm.Piece) + ((chunk ^ (row & 7)) * 16);
        var source = from + ((((long)(row >> 4) * columns) + column) * depth) + place;
        for (var i = 0; i < default(TTile).WarpColumns; i++)
        {
            AsyncCopy.Copy(target, source, column < existing && place < depth ? 16 : 0);
            column += 16;
            target += Gemm.WarpColumns * Gemm.Piece;
            source += 16L * depth;
        }
    }
}
