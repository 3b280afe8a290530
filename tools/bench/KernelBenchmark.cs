using System;
using System.Runtime.InteropServices;
using Sinter.Compiler;
using Sinter.Compiler.Emit;
using Sinter.Compiler.Graph;
using Sinter.Compiler.Operations;
using Sinter.Runtime.Execution;
using Sinter.Runtime.Numerics;
using Sinter.Runtime.Weights;
using Sinter.Tests.Kernels;

namespace Sinter.Bench;

/// <summary>Contractions as the compiler prints them: many rows in tiles, and the single row of decoding.</summary>
internal static unsafe class KernelBenchmark<V>
    where V : struct, ILanes<V>
{
    /// <summary>Copies of a weight take turns, so that a stream of them comes from memory and not from a cache.</summary>
    private const long WeightBytes = 512L << 20;

    public static void Run(int threads)
    {
        using var team = new ThreadTeam(threads);
        double peak = MachineLimits<V>.MultiplyAdds(team), stream = MachineLimits<V>.ReadStream(team);
        Console.WriteLine($"{typeof(V).Name}, {threads} thread{(threads == 1 ? "" : "s")}: {peak / 1e9:f1} GFLOP/s of multiply-adds, {stream / 1e9:f1} GB/s read from memory");
        Console.WriteLine();
        Console.WriteLine("rows × columns × depth   weights   GFLOP/s   of peak   weights' GB/s   of stream");
        foreach ((int rows, int columns, int depth) in new[] { (512, 1024, 1024), (1, 4096, 4096) })
        {
            KernelSource source = KernelPrinter.Print(Contraction(columns, depth), "Contract");
            KernelInvocation kernel = new CompiledKernels([source]).Get("Contract", typeof(V));
            foreach (WeightFormat format in new[] { WeightFormat.F32, WeightFormat.BF16, WeightFormat.E4M3 })
            {
                double seconds = Measure(team, kernel, source.ScratchBytes, format, rows, columns, depth);
                double operations = 2.0 * rows * columns * depth / seconds, bytes = (double)columns * depth * Size(format) / seconds;
                Console.WriteLine($"{$"{rows} × {columns} × {depth}",-22}   {format,-7}   {operations / 1e9,7:f1}   {operations / peak,7:p0}   {bytes / 1e9,13:f1}   {bytes / stream,9:p0}");
            }
        }
    }

    private static double Measure(ThreadTeam team, KernelInvocation kernel, int scratchBytes, WeightFormat format, int rows, int columns, int depth)
    {
        long matrix = (long)columns * depth * Size(format);
        int copies = (int)Math.Max(1, WeightBytes / matrix);
        long stride = (scratchBytes + 63) / 64 * 64;
        byte* weights = Memory(matrix * copies), scratch = Memory(stride * team.Count);
        float* scales = Floats((columns + 127L) / 128 * ((depth + 127) / 128)), x = Floats((long)rows * depth), y = Floats((long)rows * columns);
        try
        {
            Fill(weights, matrix, format);
            for (int copy = 1; copy < copies; copy++) Buffer.MemoryCopy(weights, weights + copy * matrix, matrix, matrix);
            var step = new Step { Tokens = rows };
            int next = 0;
            StoredWeight weight = default;
            void Pass(in Worker worker)
            {
                StoredWeight own = weight;
                nint* arguments = stackalloc nint[] { (nint)x, (nint)(&own), (nint)y };
                kernel(in step, in worker, arguments);
            }

            TeamWork pass = Pass;
            return MachineLimits<V>.BestSeconds(() =>
            {
                weight = new()
                {
                    Data = weights + next * matrix,
                    Scales = format == WeightFormat.E4M3 ? scales : null,
                    Columns = depth,
                    ScaleColumns = format == WeightFormat.E4M3 ? (depth + 127) / 128 : 0,
                    Format = format,
                };
                next = (next + 1) % copies;
                team.Run(pass, scratch, stride);
            });
        }
        finally
        {
            foreach (nint block in new[] { (nint)weights, (nint)scratch, (nint)scales, (nint)x, (nint)y }) NativeMemory.AlignedFree((void*)block);
        }
    }

    private static ContractionOperation Contraction(int columns, int depth) => new(
        "Contract", "y[t,o] = x[t,i] * w[o,i]", RowSource.Tokens, 1, columns,
        new[] { new ContractionInput(new(depth), depth) }.ToEquatable(),
        new[] { new ContractionWeight(0, 0, int.MaxValue, 0, depth, 1) }.ToEquatable(),
        new[] { new Accumulator(new[] { new Term(0, 0) }.ToEquatable()) }.ToEquatable(),
        Array.Empty<ContractionExtra>().ToEquatable(), new Argument(0), new(columns));

    private static int Size(WeightFormat format) => format switch { WeightFormat.F32 => 4, WeightFormat.E4M3 => 1, _ => 2 };

    private static byte* Memory(long bytes) => (byte*)NativeMemory.AlignedAlloc((nuint)bytes, 64);

    private static float* Floats(long count)
    {
        float* numbers = (float*)Memory(count * sizeof(float));
        for (long i = 0; i < count; i++) numbers[i] = 0.001f * (i % 997);
        return numbers;
    }

    /// <summary>Numbers from -1 to 1, in E4M3 all codes up to there.</summary>
    private static void Fill(byte* data, long bytes, WeightFormat format)
    {
        var random = new Random(1);
        for (long i = 0; i < bytes / Size(format); i++)
        {
            float value = random.NextSingle() * 2 - 1;
            if (format == WeightFormat.F32) ((float*)data)[i] = value;
            else if (format == WeightFormat.BF16) ((ushort*)data)[i] = ElementCasts.EncodeBF16(value);
            else data[i] = ElementCasts.EncodeE4M3(value);
        }
    }
}
