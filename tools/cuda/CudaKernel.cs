using System;
using System.Collections.Generic;
using System.Linq;
using System.Reflection;
using Sinter.Cuda.Kernels;
using Sinter.Devices.Cuda.Instructions;
using Sinter.Devices.Cuda.Kernels;

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
/// <param name="Opcodes">Machine instructions that the kernel stands on, a product's first; a test looks for them.</param>
/// <param name="RoundProducts">Products on tensor cores that a warp does in a round of the main loop: a piece in depth, or some positions. 0 without.</param>
/// <param name="RoundInstructions">Machine instructions that a warp issues for that; a test compares.</param>
/// <param name="RoundLoads">Of these, ldmatrix of four matrices, which reads 512 bytes of shared memory.</param>
public sealed record CudaKernel(
    string Name, string Target, MethodInfo Method, int Threads, int SharedBytes, int TileRows, int TileColumns, int Registers, IReadOnlyList<string> Opcodes,
    int RoundProducts = 0, int RoundInstructions = 0, int RoundLoads = 0)
{
    /// <summary>All kernels, in the order of the table in docs/cuda.md.</summary>
    public static IReadOnlyList<CudaKernel> All { get; } =
    [
        Product<BF16, Tile64x128>("sm_80", 96, 343), Product<BF16, Tile128x64>("sm_80", 96, 336), Product<BF16, Tile128x128>("sm_80", 100, 319),
        Product<E4M3, Tile64x128>("sm_89", 198, 512), Product<E4M3, Tile128x64>("sm_89", 198, 506), Product<E4M3, Tile128x128>("sm_89", 198, 488),
        Warpgroups<BF16, Warpgroup64x128>(90, 71), Warpgroups<BF16, Warpgroup128x128>(90, 70),
        Warpgroups<E4M3, Warpgroup64x128>(152, 163), Warpgroups<E4M3, Warpgroup128x128>(152, 162),
        Gated<BF16, EndsInBF16>("sm_80", 122, 348), Gated<E4M3, EndsInE4M3>("sm_89", 198, 514),
        new("latent_attention", "sm_80", typeof(LatentAttention).GetMethod(nameof(LatentAttention.Run))!, LatentAttention.Threads, LatentAttention.SharedBytes, 0, 0, 126,
            ["HMMA", "LDSM", "LDGSTS", "MUFU"], 68, 500, 72),
        new("merge_attention", "sm_80", typeof(MergeAttention).GetMethod(nameof(MergeAttention.Run))!, MergeAttention.Threads, 0, 0, 0, 33, ["MUFU"]),
        Flash<Heads192x128, EndsInBF16>("sm_80", 127, 490), Flash<Heads192x128, EndsInE4M3>("sm_89", 127, 490), Flash<Heads48x64, EndsInBF16>("sm_80", 80, 343),
        new("cast_e4m3", "sm_89", typeof(CastE4M3).GetMethod(nameof(CastE4M3.Run))!, CastE4M3.Rows * 32, 0, 0, 0, 27, ["F2FP", "SHFL"]),
    ];

    /// <summary>The kernel of a name.</summary>
    public static CudaKernel Named(string name) => All.Single(kernel => kernel.Name == name);

    /// <summary>Whether it is one product, and not a cast, attention or two products in one.</summary>
    public bool IsProduct => Name.StartsWith("gemm", StringComparison.Ordinal);

    /// <summary>Whether it is attention over expanded keys and values.</summary>
    public bool IsFlash => Name.StartsWith("flash_attention", StringComparison.Ordinal);

    /// <summary>Whether it is a product of E4M3 with scales.</summary>
    public bool IsE4M3 => Name.StartsWith("gemm_e4m3", StringComparison.Ordinal) || Name.StartsWith("swiglu_e4m3", StringComparison.Ordinal);

    /// <summary>Whether it is gate, up and what joins them.</summary>
    public bool IsGated => Name.StartsWith("swiglu", StringComparison.Ordinal);

    /// <summary>Whether it uses what only SM 90a has.</summary>
    public bool IsForHopper => Target == "sm_90a";

    /// <summary>The kernel's PTX.</summary>
    public string Print() => PtxPrinter.Print(Method, Name, Target, Threads);

    private static CudaKernel Product<TElement, TTile>(string target, int registers, int instructions)
        where TElement : struct, IElement
        where TTile : struct, ITile
    {
        var tile = default(TTile);
        var (rows, columns) = (tile.WarpRows * Gemm.WarpRows, tile.WarpColumns * Gemm.WarpColumns);
        var name = $"gemm_{typeof(TElement).Name}_{rows}x{columns}".ToLowerInvariant();
        var method = typeof(Gemm).GetMethod(nameof(Gemm.Run))!.MakeGenericMethod(typeof(TElement), typeof(TTile));
        return new CudaKernel(
            name, target, method, 32 * tile.WarpRows * tile.WarpColumns, tile.Stages * (rows + columns) * Gemm.Piece, rows, columns, registers,
            [default(TElement).Scaled ? "QMMA" : "HMMA", "LDSM", "LDGSTS"], 64, instructions, 24);
    }

    private static CudaKernel Warpgroups<TElement, TTile>(int registers, int instructions)
        where TElement : struct, IElement
        where TTile : struct, IWarpgroupTile
    {
        var tile = default(TTile);
        var rows = tile.Groups * Warpgroup.Rows;
        var name = $"gemm_{typeof(TElement).Name}_{rows}x{Warpgroup.Columns}_hopper".ToLowerInvariant();
        var method = typeof(WarpgroupGemm).GetMethod(nameof(WarpgroupGemm.Run))!.MakeGenericMethod(typeof(TElement), typeof(TTile));
        return new CudaKernel(
            name, "sm_90a", method, (128 * tile.Groups) + 32, tile.Stages * (WarpgroupGemm.StageBytes<TTile>() + 16), rows, Warpgroup.Columns, registers,
            [default(TElement).Scaled ? "QGMMA" : "HGMMA", "UTMALDG", "SYNCS"], 4, instructions);
    }

    private static CudaKernel Gated<TElement, TEnding>(string target, int registers, int instructions)
        where TElement : struct, IElement
        where TEnding : struct, IEnding
    {
        var (rows, columns) = (default(Tile64x256).WarpRows * Gemm.WarpRows, GatedGemm.Columns<Tile64x256>());
        var name = $"swiglu_{typeof(TElement).Name}_{rows}x{columns}".ToLowerInvariant();
        var method = typeof(GatedGemm).GetMethod(nameof(GatedGemm.Run))!.MakeGenericMethod(typeof(TElement), typeof(Tile64x256), typeof(TEnding));
        return new CudaKernel(
            name, target, method, GatedGemm.Threads, GatedGemm.SharedBytes<Tile64x256>(), rows, columns, registers,
            [default(TElement).Scaled ? "QMMA" : "HMMA", "LDSM", "LDGSTS", "MUFU"], 64, instructions, 24);
    }

    private static CudaKernel Flash<TShape, TEnding>(string target, int registers, int instructions)
        where TShape : struct, IAttentionShape
        where TEnding : struct, IEnding
    {
        var shape = default(TShape);
        var depth = shape.NoRope + shape.Rope;
        var name = $"flash_attention_{depth}x{shape.Values}_{(default(TEnding).Scaled ? "e4m3" : "bf16")}";
        var method = typeof(FlashAttention).GetMethod(nameof(FlashAttention.Run))!.MakeGenericMethod(typeof(TShape), typeof(TEnding));
        // Products of 16 by 8 and 16 deep: of 32 positions with rows padded to 64, and with their values.
        var steps = (depth + 63) / 64 * 4;
        var (products, loads) = ((steps * 4) + (shape.Values / 8 * 2), (steps * 3) + (shape.Values / 16 * 2));
        return new CudaKernel(
            name, target, method, FlashAttention.Threads, FlashAttention.SharedBytes<TShape>(), 0, 0, registers, ["HMMA", "LDSM", "LDGSTS", "MUFU"], products, instructions, loads);
    }
}
