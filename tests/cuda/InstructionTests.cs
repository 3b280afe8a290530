using System;
using System.Collections.Concurrent;
using System.Linq;
using ILGPU;
using ILGPU.Runtime;
using ILGPU.Runtime.CPU;
using Sinter.Devices.Cuda.Instructions;
using Sinter.Ptx;
using Sinter.Tests.Data;
using Xunit;

namespace Sinter.Cuda.Tests;

/// <summary>
/// Each instruction in three ways: its C# on ILGPU's CPU accelerator, its PTX in the interpreter, and the values that follow
/// from the PTX ISA's text.
/// </summary>
public sealed class InstructionTests
{
    private static readonly ConcurrentDictionary<string, string> s_printed = new();

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Products_of_a_warp(bool e4m3)
    {
        var random = new Random(5);
        var words = new uint[32 * 6];
        foreach (ref var word in words.AsSpan())
        {
            word = e4m3
                ? (uint)Enumerable.Range(0, 4).Sum(i => (long)((random.Next(2) * 128) + random.Next(0x10, 0x48)) << (8 * i))
                : (NarrowFloats.ToBF16(random.NextSingle() - 0.5f) << 16) | NarrowFloats.ToBF16(random.NextSingle() - 0.5f);
        }

        var sums = Enumerable.Range(0, 128).Select(_ => random.NextSingle()).ToArray();
        var (emulated, printed) = e4m3
            ? RunBoth<uint, float, float>(InstructionKernels.MultiplyE4M3, words, sums, 128)
            : RunBoth<uint, float, float>(InstructionKernels.MultiplyBF16, words, sums, 128);
        Assert.Equal(emulated, printed);
        for (var i = 0; i < 128; i++)
        {
            // The figures of mma.m16n8k16 and m16n8k32 in the ISA: rows lane/4 and 8 more, columns 2(lane%4) and the next.
            var (lane, part) = (i / 4, i % 4);
            var (row, column) = ((lane / 4) + (part / 2 * 8), (lane % 4 * 2) + (part % 2));
            double expected = sums[i];
            for (var k = 0; k < (e4m3 ? 32 : 16); k++)
            {
                expected += Element(words, e4m3, row, k, 0) * Element(words, e4m3, column, k, 4);
            }

            Assert.Equal(expected, printed[i], 2e-6 * Math.Max(1, Math.Abs(expected)));
        }
    }

    [Fact]
    public void Loads_of_matrices()
    {
        var bytes = Enumerable.Range(0, 512).Select(i => (byte)((i * 7) + (i / 256))).ToArray();
        // Rows in an order of their own.
        var rows = Enumerable.Range(0, 32).Select(i => i * 11 % 32 * 16).ToArray();
        var (emulated, printed) = RunBoth<byte, int, uint>(InstructionKernels.LoadMatrices, bytes, rows, 128);
        Assert.Equal(emulated, printed);
        Assert.Equal(
            Enumerable.Range(0, 128).Select(i => BitConverter.ToUInt32(bytes, rows[(i % 4 * 8) + (i / 4 / 4)] + (i / 4 % 4 * 4))),
            printed);
    }

    [Fact]
    public void Loads_of_16_bytes_of_shared_memory()
    {
        var bytes = Enumerable.Range(0, 512).Select(i => (byte)((i * 7) + (i / 256))).ToArray();
        var places = Enumerable.Range(0, 32).Select(i => i * 11 % 32 * 16).ToArray();
        var (emulated, printed) = RunBoth<byte, int, uint>(InstructionKernels.LoadShared, bytes, places, 128);
        Assert.Equal(emulated, printed);
        Assert.Equal(Enumerable.Range(0, 128).Select(i => BitConverter.ToUInt32(bytes, places[i / 4] + (i % 4 * 4))), printed);
    }

    [Fact]
    public void Loads_of_turned_matrices()
    {
        var numbers = Enumerable.Range(0, 256).Select(i => (ushort)((i * 257) + 3)).ToArray();
        var rows = Enumerable.Range(0, 32).Select(i => i * 11 % 32 * 16).ToArray();
        var bytes = System.Runtime.InteropServices.MemoryMarshal.AsBytes<ushort>(numbers).ToArray();
        var (emulated, printed) = RunBoth<byte, int, uint>(InstructionKernels.LoadMatricesTurned, bytes, rows, 128);
        Assert.Equal(emulated, printed);
        for (var i = 0; i < 128; i++)
        {
            // Of matrix i%4 the lane has numbers lane/4 of rows 2(lane%4) and the next, the first in the lower half.
            var (lane, matrix) = (i / 4, i % 4);
            uint Number(int row) => numbers[(rows[(8 * matrix) + row] / 2) + (lane / 4)];
            Assert.Equal(Number(lane % 4 * 2) | (Number((lane % 4 * 2) + 1) << 16), printed[i]);
        }
    }

    [Fact]
    public void Powers_of_two()
    {
        var x = Enumerable.Range(0, 32).Select(i => i == 31 ? -2e30f : i == 30 ? -126.5f : (i * 0.37f) - 9).ToArray();
        var (emulated, printed) = RunBoth<float, float, float>(InstructionKernels.PowersOfTwo, x, x, 32);
        for (var i = 0; i < 32; i++)
        {
            // What is less than the least normal number becomes zero.
            var power = i < 30 ? Math.Pow(2, x[i]) : 0;
            Assert.Equal(power, printed[i], 1e-6 * power);
            Assert.Equal(emulated[i], printed[i], 1e-6f * printed[i]);
        }
    }

    [Fact]
    public void Copies_with_zeroes_past_their_end()
    {
        var bytes = Enumerable.Range(0, 512).Select(i => (byte)((i * 5) + 1)).ToArray();
        var counts = Enumerable.Range(0, 32).Select(i => i % 17).ToArray();
        var (emulated, printed) = RunBoth<byte, int, byte>(InstructionKernels.Copy, bytes, counts, 512);
        Assert.Equal(emulated, printed);
        Assert.Equal(Enumerable.Range(0, 512).Select(i => i % 16 < counts[i / 16] ? bytes[i] : (byte)0), printed);
    }

    [Fact]
    public void Narrowing_agrees_with_PyTorch()
    {
        var file = new TensorFile(Repository.Data("casts", "casts.safetensors"));
        float[] Floats(string name) => [.. file[name].Numbers.Select(number => (float)number)];
        uint[] Codes(string name, uint mask) => [.. file[name].Numbers.Select(number => (uint)(int)number & mask)];
        Check<uint>(InstructionKernels.Narrow16, Floats("bf16.x"), Codes("bf16.bits", 0xFFFF), 0x7FFF);
        Check<ushort>(InstructionKernels.Narrow8, Floats("e4m3.encode.x"), Codes("e4m3.encode.satfinite", 0xFF), 0x7F);
        Assert.Equal(Floats("e4m3.decode"), Enumerable.Range(0, 256).Select(i => NarrowFloats.FromE4M3((uint)i)));
    }

    /// <summary>All codes, by fours in a word of which one result has the even ones and one the odd.</summary>
    [Fact]
    public void Widening_agrees_with_PyTorch()
    {
        var decoded = new TensorFile(Repository.Data("casts", "casts.safetensors"))["e4m3.decode"].Numbers;
        var words = Enumerable.Range(0, 64).Select(i => (uint)(4 * i * 0x01010101) + 0x03020100).ToArray();
        var (emulated, printed) = RunBoth<uint, uint, uint>(InstructionKernels.Widen, words, words, 128);
        Assert.Equal(emulated, printed);
        for (var code = 0; code < 256; code++)
        {
            var pair = printed[(code / 4 * 2) + (code % 2)];
            var value = NarrowFloats.FromBF16(code % 4 < 2 ? pair & 0xFFFF : pair >> 16);
            Assert.Equal(double.IsNaN(decoded[code]) ? (code < 128 ? 480 : -480) : decoded[code], value);
        }
    }

    private static double Element(uint[] words, bool e4m3, int index, int k, int first)
    {
        // A: registers 0 and 2 hold rows 0 to 7, 1 and 3 rows 8 to 15; later ones the upper half of the depth. B: 4 and 5.
        var each = e4m3 ? 4 : 2;
        var (half, inGroup, element) = (k / (4 * each), k / each % 4, k % each);
        var register = first == 0 ? (half * 2) + (index / 8) : first + half;
        var word = words[(((index % 8 * 4) + inGroup) * 6) + register] >> (element * 32 / each);
        return e4m3 ? NarrowFloats.FromE4M3(word & 0xFF) : NarrowFloats.FromBF16(word & 0xFFFF);
    }

    private static void Check<TResult>(Action<ArrayView<float>, ArrayView<float>, ArrayView<TResult>> kernel, float[] x, uint[] expected, uint nan)
        where TResult : unmanaged
    {
        // Half of the numbers go to the upper half of the results; a warp to 32.
        var count = x.Length / 64 * 32;
        var (emulated, printed) = RunBoth(kernel, x[..count], x[count..(2 * count)], count);
        Assert.Equal(emulated, printed);
        var bits = System.Runtime.CompilerServices.Unsafe.SizeOf<TResult>() * 4;
        for (var i = 0; i < 2 * count; i++)
        {
            var both = Convert.ToUInt32(printed[i % count], null);
            var one = i < count ? both >> bits : both & ((1U << bits) - 1);
            Assert.Equal(float.IsNaN(x[i]) ? nan : expected[i], one);
        }
    }

    private static (TResult[] Emulated, TResult[] Printed) RunBoth<T1, T2, TResult>(
        Action<ArrayView<T1>, ArrayView<T2>, ArrayView<TResult>> kernel, T1[] first, T2[] second, int count)
        where T1 : unmanaged
        where T2 : unmanaged
        where TResult : unmanaged
    {
        using var context = Context.Create(builder => builder.CPU(CPUDeviceKind.Nvidia));
        using var accelerator = context.CreateCPUAccelerator(0);
        using var x = accelerator.Allocate1D(first);
        using var y = accelerator.Allocate1D(second);
        using var z = accelerator.Allocate1D<TResult>(count);
        var shares = kernel.Method.Name is nameof(InstructionKernels.LoadMatrices) or nameof(InstructionKernels.LoadMatricesTurned) or nameof(InstructionKernels.LoadShared) or nameof(InstructionKernels.Copy);
        var blocks = kernel.Method.Name.StartsWith("Narrow", StringComparison.Ordinal) ? count / 32 : 1;
        var config = shares ? new KernelConfig(1, 32, SharedMemoryConfig.RequestDynamic<byte>(512)) : new KernelConfig(blocks, 32);
        accelerator.LoadStreamKernel(kernel)(config, x.AsArrayView<T1>(0, first.Length), y.AsArrayView<T2>(0, second.Length), z.AsArrayView<TResult>(0, count));
        accelerator.Synchronize();

        var device = new PtxDevice();
        var result = device.Allocate(count * System.Runtime.CompilerServices.Unsafe.SizeOf<TResult>());
        var text = s_printed.GetOrAdd(kernel.Method.Name, _ => PtxPrinter.Print(kernel.Method, "k", "sm_89", 32));
        if (Assembler.IsThere)
        {
            Assembler.Assemble(text, "sm_89");
        }

        device.Launch(
            PtxModule.Parse(text), "k", blocks, 32, shares ? 512 : 0,
            Printed.View(device.Allocate(first), first.Length), Printed.View(device.Allocate(second), second.Length), Printed.View(result, count)).EnsureClean();
        return (z.GetAsArray1D(), result.Read<TResult>());
    }
}
