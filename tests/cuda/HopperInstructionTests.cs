using System;
using System.Linq;
using ILGPU;
using ILGPU.Runtime;
using ILGPU.Runtime.CPU;
using Sinter.Devices.Cuda.Instructions;
using Sinter.Ptx;
using Xunit;

namespace Sinter.Cuda.Tests;

/// <summary>
/// The instructions of SM 90a in three ways: their C# on ILGPU's CPU accelerator, their PTX in the interpreter, and sums over the
/// matrices in double precision, with the places of sums from the ISA's figure of accumulators of wgmma.m64nNk16.
/// </summary>
public sealed class HopperInstructionTests
{
    /// <summary>Bytes of a row, and rows of both matrices; boxes reach over their edges.</summary>
    private const int Width = 160;
    private const int Rows = 70;

    /// <summary>For rows and columns, from a multiple of 1,024 on.</summary>
    private const int SharedBytes = 42 * 1024;

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Boxes_fetched_are_multiplied_by_a_warpgroup(bool e4m3)
    {
        var random = new Random(9);
        var (a, w) = (Codes(random, e4m3), Codes(random, e4m3));
        var sums = Enumerable.Range(0, 512).Select(_ => random.NextSingle()).ToArray();
        Action<ArrayView<byte>, ArrayView<float>, ArrayView<float>> kernel = e4m3 ? InstructionKernels.FetchAndMultiplyE4M3 : InstructionKernels.FetchAndMultiplyBF16;
        var (emulated, printed) = (Emulate(kernel, a, w, sums), Interpret(kernel, a, w, sums));
        Assert.Equal(emulated, printed);
        for (var i = 0; i < printed.Length; i++)
        {
            var (thread, sum) = (i / 64, i % 64);
            var row = (thread / 32 * 16) + (thread % 32 / 4) + (sum / 2 % 2 * 8);
            var column = (sum / 4 * 8) + (thread % 4 * 2) + (sum % 2);
            // Each thread starts from four numbers of its own, at sums 0, 21, 42 and 63.
            var expected = !e4m3 && sum % 21 == 0 ? sums[(thread * 4) + (sum / 21)] : 0.0;
            for (var k = 0; k < 128; k += e4m3 ? 1 : 2)
            {
                expected += Value(a, e4m3, row - 3, k + 16) * Value(w, e4m3, column + 5, k);
            }

            Assert.Equal(expected, printed[i], 1e-5 * Math.Max(1, Math.Abs(expected)));
        }
    }

    [Fact]
    public void What_threads_published_is_multiplied_by_a_warpgroup()
    {
        const int columns = Warpgroup.BroadColumns;
        var random = new Random(10);
        var rows = Enumerable.Range(0, (64 + columns) * 64).SelectMany(_ => BitConverter.GetBytes((ushort)NarrowFloats.ToBF16(random.NextSingle() - 0.5f))).ToArray();
        var sums = Enumerable.Range(0, 512).Select(_ => random.NextSingle()).ToArray();
        var (emulated, printed) = (Emulate(InstructionKernels.PublishAndMultiplyBF16, rows, sums), Interpret(InstructionKernels.PublishAndMultiplyBF16, rows, sums));
        Assert.Equal(emulated, printed);
        double Number(int row, int k) => NarrowFloats.FromBF16(BitConverter.ToUInt16(rows, (row * 128) + (2 * k)));
        for (var i = 0; i < printed.Length; i++)
        {
            var (thread, sum) = (i / 128, i % 128);
            var row = (thread / 32 * 16) + (thread % 32 / 4) + (sum / 2 % 2 * 8);
            var column = (sum / 4 * 8) + (thread % 4 * 2) + (sum % 2);
            // Each thread starts from four numbers of its own, at the first and the last sums of both halves.
            var expected = sum % 64 is 0 or 63 ? sums[(thread * 4) + (sum / 64 * 2) + (sum % 2)] : 0.0;
            for (var k = 0; k < 64; k++)
            {
                expected += Number(row, k) * Number(64 + column, k);
            }

            Assert.Equal(expected, printed[i], 1e-5 * Math.Max(1, Math.Abs(expected)));
        }
    }

    private static double Value(byte[] codes, bool e4m3, int row, int at)
    {
        if (row is < 0 or >= Rows || at >= Width)
        {
            return 0;
        }

        var place = (row * Width) + at;
        return e4m3 ? NarrowFloats.FromE4M3(codes[place]) : NarrowFloats.FromBF16(BitConverter.ToUInt16(codes, place));
    }

    private static byte[] Codes(Random random, bool e4m3) => e4m3
        ? [.. Enumerable.Range(0, Width * Rows).Select(_ => (byte)((random.Next(2) * 128) + random.Next(0x10, 0x48)))]
        : [.. Enumerable.Range(0, Width * Rows / 2).SelectMany(_ => BitConverter.GetBytes((ushort)NarrowFloats.ToBF16(random.NextSingle() - 0.5f)))];

    private static byte[] Maps(ulong a, ulong w)
        => [.. new TensorMap(a, 1, [Width, Rows], [Width], [128, 64], TensorSwizzle.Bytes128).Encode(), .. new TensorMap(w, 1, [Width, Rows], [Width], [128, 128], TensorSwizzle.Bytes128).Encode()];

    private static float[] Emulate(Action<ArrayView<byte>, ArrayView<float>, ArrayView<float>> kernel, byte[] a, byte[] w, float[] sums)
    {
        using var context = Context.Create(builder => builder.CPU(CPUDeviceKind.Nvidia));
        using var accelerator = context.CreateCPUAccelerator(0);
        using var x = accelerator.Allocate1D(a);
        using var y = accelerator.Allocate1D(w);
        return Emulate(accelerator, kernel, Maps((ulong)x.NativePtr, (ulong)y.NativePtr), sums, 64);
    }

    private static float[] Emulate(Action<ArrayView<byte>, ArrayView<float>, ArrayView<float>> kernel, byte[] rows, float[] sums)
    {
        using var context = Context.Create(builder => builder.CPU(CPUDeviceKind.Nvidia));
        using var accelerator = context.CreateCPUAccelerator(0);
        return Emulate(accelerator, kernel, rows, sums, 128);
    }

    private static float[] Emulate(Accelerator accelerator, Action<ArrayView<byte>, ArrayView<float>, ArrayView<float>> kernel, byte[] bytes, float[] sums, int each)
    {
        using var given = accelerator.Allocate1D(bytes);
        using var before = accelerator.Allocate1D(sums);
        using var result = accelerator.Allocate1D<float>(128 * each);
        accelerator.LoadStreamKernel(kernel)(
            new KernelConfig(1, 128, SharedMemoryConfig.RequestDynamic<byte>(SharedBytes)),
            given.AsArrayView<byte>(0, bytes.Length), before.AsArrayView<float>(0, sums.Length), result.AsArrayView<float>(0, 128 * each));
        accelerator.Synchronize();
        return result.GetAsArray1D();
    }

    private static float[] Interpret(Action<ArrayView<byte>, ArrayView<float>, ArrayView<float>> kernel, byte[] a, byte[] w, float[] sums)
    {
        var device = new PtxDevice();
        var (x, y) = (device.Allocate(a), device.Allocate(w));
        return Interpret(device, kernel, Maps(x.Address, y.Address), sums, 64);
    }

    private static float[] Interpret(Action<ArrayView<byte>, ArrayView<float>, ArrayView<float>> kernel, byte[] rows, float[] sums) => Interpret(new PtxDevice(), kernel, rows, sums, 128);

    private static float[] Interpret(PtxDevice device, Action<ArrayView<byte>, ArrayView<float>, ArrayView<float>> kernel, byte[] bytes, float[] sums, int each)
    {
        var text = PtxPrinter.Print(kernel.Method, "k", "sm_90a", 128);
        if (Assembler.IsThere)
        {
            Assert.Empty(Assembler.Assemble(text, "sm_90a").Warnings);
        }

        var result = device.Allocate(4 * 128 * each);
        device.Launch(
            PtxModule.Parse(text), "k", 1, 128, SharedBytes,
            Printed.View(device.Allocate(bytes), bytes.Length), Printed.View(device.Allocate(sums), sums.Length), Printed.View(result, 128 * each)).EnsureClean();
        return result.Read<float>();
    }
}
