using System;
using System.IO;
using System.Linq;
using Sinter.Cuda.Driver;
using Sinter.CudaTrial;
using Sinter.Devices.Cuda;
using Xunit;

namespace Sinter.Cuda.Tests;

/// <summary>The launcher against a stand-in for NVIDIA's driver, which runs launches in the PTX interpreter.</summary>
public sealed class DriverTests
{
    /// <summary>Everything that a person with a Hopper GPU runs, but the large shapes: all kernels, all right, nothing found.</summary>
    [Fact]
    public void The_trial_gives_right_results_for_every_kernel()
    {
        var driver = new StandInDriver();
        using var output = new StringWriter();
        using (var device = new CudaDevice(driver.Export))
        {
            Assert.Equal(0, TrialRun.Run(device, measures: false, output));
        }

        Assert.Empty(driver.Findings);
        Assert.Contains("All results are right.", output.ToString(), StringComparison.Ordinal);
        Assert.DoesNotContain("left out", output.ToString(), StringComparison.Ordinal);
        Assert.Equal(0, driver.StillAllocated);
    }

    [Fact]
    public void A_device_that_computes_nothing_gives_wrong_results()
    {
        var driver = new StandInDriver { SkipsLaunches = true };
        using var output = new StringWriter();
        using var device = new CudaDevice(driver.Export);
        Assert.True(TrialRun.Run(device, measures: false, output) > 0);
        Assert.Contains("results are wrong.", output.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public void A_kernel_is_loaded_asks_for_its_memory_and_is_launched_in_the_streams_order()
    {
        var driver = new StandInDriver();
        var kernel = CudaKernel.Named("gemm_e4m3_128x128_hopper");
        using (var device = new CudaDevice(driver.Export))
        {
            var trial = new ProductTrial(kernel, [130, 1], 129, 256);
            var launch = trial.Prepare(device);
            Assert.Equal(1.5e-3, device.Time(launch), 1e-9);
            Assert.InRange(trial.Error(device), 0, 1e-6);
        }

        // 131 rows of 256 bytes and 2 · 129 columns; three tiles of rows by two of columns; 6 stages of 32 KB and their barriers.
        Assert.Equal(
        [
            "init", "retain", "current 77", "stream 1, flags 1",
            "function gemm_e4m3_128x128_hopper of 1", "attribute 8 of 1 is 196704",
            "to device 33536 on 1", "synchronise 1", "to device 66048 on 1", "synchronise 1",
            "map of 256 × 131, box 128 × 128, swizzle 3", "map of 256 × 258, box 128 × 128, swizzle 3", "to device 256 on 1", "synchronise 1",
            "to device 1048 on 1", "synchronise 1", "to device 32 on 1", "synchronise 1", "to device 36 on 1", "synchronise 1",
            "event 1 on 1", "launch gemm_e4m3_128x128_hopper grid 2,3,1 block 288,1,1 shared 196704 on 1", "event 2 on 1", "synchronise 1", "elapsed 1 to 2",
            "to host 67596 on 1", "synchronise 1",
            "unload 1", "destroy stream 1", "release",
        ], driver.Calls);
    }

    [Fact]
    public void Small_kernels_ask_for_no_attribute()
    {
        var driver = new StandInDriver();
        using var device = new CudaDevice(driver.Export);
        Assert.Equal((40, 30), (device.Load(CudaKernel.Named("cast_e4m3")).Registers, device.Load(CudaKernel.Named("cast_e4m3")).LocalBytes));
        Assert.DoesNotContain(driver.Calls, call => call.StartsWith("attribute", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("gemm_e4m3_64x128_hopper", 100, "written for SM 90 alone, and this is SM 100")]
    [InlineData("gemm_e4m3_64x128", 80, "needs SM 89, and this is SM 80")]
    [InlineData("latent_attention", 89, "needs 117376 bytes of shared memory, and there are 101376")]
    public void What_a_device_cannot_run_is_told(string name, int architecture, string why)
    {
        var driver = new StandInDriver { Architecture = architecture, MostShared = architecture == 89 ? 99 * 1024 : 227 * 1024 };
        using var device = new CudaDevice(driver.Export);
        Assert.Contains(why, Assert.Throws<CudaException>(() => device.Load(CudaKernel.Named(name))).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void What_the_driver_lacks_or_refuses_is_told()
    {
        string Message(StandInDriver driver, Action<CudaDevice>? use = null) => Assert.Throws<CudaException>(() =>
        {
            using var device = new CudaDevice(driver.Export);
            use?.Invoke(device);
        }).Message;
        Assert.Contains("sees no GPU", Message(new StandInDriver { Devices = 0 }), StringComparison.Ordinal);
        Assert.Contains("supports CUDA 12.2", Message(new StandInDriver { Version = 12020 }), StringComparison.Ordinal);
        Assert.Contains("has no cuEventRecord", Message(new StandInDriver { Without = "cuEventRecord" }), StringComparison.Ordinal);
        Assert.Contains("no cuTensorMapEncodeTiled", Message(new StandInDriver { Without = "cuTensorMapEncodeTiled" }, device => device.TensorMap(device.Allocate(256), 128, 64)), StringComparison.Ordinal);
        Assert.Contains(
            "cast_e4m3 cannot be loaded: the driver says CUDA_ERROR_STAND_IN (209)",
            Message(new StandInDriver { LoadResult = 209 }, device => device.Load(CudaKernel.Named("cast_e4m3"))), StringComparison.Ordinal);
    }

    [Fact]
    public void Without_a_driver_the_message_says_so()
    {
        if (!File.Exists("/dev/nvidiactl"))
        {
            Assert.Contains("NVIDIA's driver", Assert.Throws<CudaException>(() => new CudaDevice()).Message, StringComparison.Ordinal);
        }
    }
}
