using System.Linq;
using Xunit;

namespace Sinter.Cuda.Tests;

/// <summary>The cost model, by hand calculations.</summary>
public sealed class TileCostTests
{
    [Fact]
    public void Blocks_share_a_multiprocessors_registers_and_memory()
    {
        var kernel = CudaKernel.Named("gemm_bf16_64x128") with { Registers = 94 };
        // 3 · 192 · 128 bytes and one more KB: 74,752 into 228 KB, 164 KB, 100 KB.
        Assert.Equal(3, TileCosts.BlocksTogether(kernel, Gpu.H100));
        Assert.Equal(2, TileCosts.BlocksTogether(kernel, Gpu.A100));
        Assert.Equal(1, TileCosts.BlocksTogether(kernel, Gpu.Rtx4090));
        // 184 registers for each of 256 threads: 47,104, so only one of 65,536.
        Assert.Equal(1, TileCosts.BlocksTogether(CudaKernel.Named("gemm_e4m3_128x128") with { Registers = 178 }, Gpu.H100));
    }

    [Fact]
    public void Few_rows_cost_the_bytes_of_the_weights()
    {
        // 256 experts of 2048 by 7168 bytes, a row each: 3.76 GB at 3.35 TB/s.
        var rows = Enumerable.Repeat(1, 256).ToArray();
        var kernel = TileCosts.Choose(e4m3: true, Gpu.H100, rows, 2048, 7168);
        Assert.Equal(((256.0 * 2048 * 7168) + (256 * 7168) + (256 * 2048 * 4)) / 3.35e12, TileCosts.Predict(kernel, Gpu.H100, rows, 2048, 7168).Seconds, 1e-12);
        Assert.Equal(64, kernel.TileRows);
    }

    [Fact]
    public void Many_rows_take_the_tile_that_fetches_least()
        => Assert.Equal((128, 128), Size(TileCosts.Choose(e4m3: false, Gpu.H100, [4096], 7168, 4096)));

    [Fact]
    public void Gate_and_up_together_cost_both_weights_and_one_narrow_result()
    {
        // 256 experts of twice 2048 by 7168 numbers and four rows each, in BF16, at 2.039 TB/s.
        var rows = Enumerable.Repeat(4, 256).ToArray();
        var prediction = TileCosts.Predict(CudaKernel.Named("swiglu_bf16_64x128"), Gpu.A100, rows, 2048, 2 * 7168);
        Assert.Equal(Limit.Memory, prediction.Limit);
        Assert.Equal(((256.0 * 2 * 2048 * 7168 * 2) + (1024 * 7168 * 2) + (1024 * 2048 * 2)) / 2.039e12, prediction.Seconds, 1e-12);
    }

    [Fact]
    public void Padding_counts()
    {
        // 64 rows to an expert would leave half of each tile of 128 empty.
        var rows = Enumerable.Repeat(64, 64).ToArray();
        Assert.Equal((64, 128), Size(TileCosts.Choose(e4m3: false, Gpu.A100, rows, 4096, 14336)));
    }

    [Fact]
    public void A_device_without_the_instruction_is_never_chosen()
        => Assert.Equal(double.PositiveInfinity, TileCosts.Predict(CudaKernel.Named("gemm_e4m3_64x128"), Gpu.A100, [64], 128, 128).Seconds);

    private static (int Rows, int Columns) Size(CudaKernel kernel) => (kernel.TileRows, kernel.TileColumns);
}
