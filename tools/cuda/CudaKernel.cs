using System.Collections.Generic;
using System.Linq;
using System.Reflection;
using Sinter.Cuda.Kernels;

namespace Sinter.Cuda;

/// <summary>A kernel in the form in which it is printed.</summary>
/// <param name="Name">The entry's name.</param>
/// <param name="Target">The oldest architecture that runs it, such as sm_89.</param>
/// <param name="Method">What it does.</param>
/// <param name="Threads">Of a block.</param>
/// <param name="SharedBytes">Dynamic shared memory of a block.</param>
/// <param name="TileRows">Rows of the result that a block computes; 0 where that does not apply.</param>
/// <param name="TileColumns">Columns, likewise.</param>
/// <param name="Registers">Of a thread, as ptxas says; a test compares.</param>
/// <param name="Opcodes">Machine instructions that the kernel stands on; a test looks for them.</param>
public sealed record CudaKernel(
    string Name, string Target, MethodInfo Method, int Threads, int SharedBytes, int TileRows, int TileColumns, int Registers, IReadOnlyList<string> Opcodes)
{
    /// <summary>All kernels, in the order of the table in docs/cuda.md.</summary>
    public static IReadOnlyList<CudaKernel> All { get; } =
    [
        Product<BF16, Tile64x128>("sm_80", 126), Product<BF16, Tile128x64>("sm_80", 126), Product<BF16, Tile128x128>("sm_80", 126),
        Product<E4M3, Tile64x128>("sm_89", 168), Product<E4M3, Tile128x64>("sm_89", 168), Product<E4M3, Tile128x128>("sm_89", 172),
        new("cast_e4m3", "sm_89", typeof(CastE4M3).GetMethod(nameof(CastE4M3.Run))!, CastE4M3.Rows * 32, 0, 0, 0, 27, ["F2FP", "SHFL"]),
    ];

    /// <summary>The kernel of a name.</summary>
    public static CudaKernel Named(string name) => All.Single(kernel => kernel.Name == name);

    /// <summary>The kernel's PTX.</summary>
    public string Print() => PtxPrinter.Print(Method, Name, Target, Threads);

    private static CudaKernel Product<TElement, TTile>(string target, int registers)
        where TElement : struct, IElement
        where TTile : struct, ITile
    {
        var tile = default(TTile);
        var (rows, columns) = (tile.WarpRows * Gemm.WarpRows, tile.WarpColumns * Gemm.WarpColumns);
        var name = $"gemm_{typeof(TElement).Name}_{rows}x{columns}".ToLowerInvariant();
        var method = typeof(Gemm).GetMethod(nameof(Gemm.Run))!.MakeGenericMethod(typeof(TElement), typeof(TTile));
        return new CudaKernel(
            name, target, method, 32 * tile.WarpRows * tile.WarpColumns, tile.Stages * (rows + columns) * Gemm.Piece, rows, columns, registers,
            [default(TElement).Scaled ? "QMMA" : "HMMA", "LDSM", "LDGSTS"]);
    }
}
