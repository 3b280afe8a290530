using System;
using System.Diagnostics;
using Sinter.Command.Measuring;
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
        MachineLimits limits = MachineLimits.Measure(threads);
        double peak = limits.FlopsPerSecond, stream = limits.BytesPerSecond;
        Console.WriteLine($"{typeof(V).Name}, {threads} thread{(threads == 1 ? "" : "s")}: {peak / 1e9:f1} GFLOP/s of multiply-adds, {stream / 1e9:f1} GB/s read from memory");
        Console.WriteLine();
        Console.WriteLine("rows × columns × depth   weights   GFLOP/s   of peak   weights' GB/s   of stream");
        foreach ((int rows, int columns, int depth) in new[] { (512, 1024, 1024), (1, 4096, 4096) })
        {
            KernelSource source = KernelPrinter.Print(Contraction(columns, depth), "Contract");
            KernelInvocation kernel = new CompiledKernels([source]).Get("Contract", typeof(V));
            foreach (WeightFormat format in new[] { WeightFormat.F32, WeightFormat.BF16, WeightFormat.E4M3, WeightFormat.Int8 })
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
        long scaleCount = ScaleBlocks.Count(format, columns, depth);
        using Arena weightMemory = new(matrix * copies), scratchMemory = new(stride * team.Count);
        using Arena scaleMemory = Floats(Math.Max(1, scaleCount)), xMemory = Floats((long)rows * depth), yMemory = Floats((long)rows * columns);
        byte* weights = weightMemory.Data, scratch = scratchMemory.Data;
        float* scales = (float*)scaleMemory.Data, x = (float*)xMemory.Data, y = (float*)yMemory.Data;
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
        return BestSeconds(() =>
        {
            weight = new()
            {
                Data = weights + next * matrix,
                Scales = scaleCount > 0 ? scales : null,
                Columns = depth,
                ScaleColumns = ScaleBlocks.Of(depth, ScaleBlocks.Columns(format)),
                Format = format,
            };
            next = (next + 1) % copies;
            team.Run(pass, scratch, stride);
        });
    }

    /// <summary>The shortest of the runs that fit into a second, and of five at least.</summary>
    private static double BestSeconds(Action run)
    {
        run();
        double best = double.PositiveInfinity;
        long start = Stopwatch.GetTimestamp();
        for (int runs = 0; runs < 5 || Stopwatch.GetElapsedTime(start).TotalSeconds < 1; runs++)
        {
            long from = Stopwatch.GetTimestamp();
            run();
            best = Math.Min(best, Stopwatch.GetElapsedTime(from).TotalSeconds);
        }

        return best;
    }

    private static ContractionOperation Contraction(int columns, int depth) => new(
        "Contract", "y[t,o] = x[t,i] * w[o,i]", RowSource.Tokens, 1, columns,
        new[] { new ContractionInput(new(depth), depth) }.ToEquatable(),
        new[] { new ContractionWeight(0, 0, int.MaxValue, 0, depth, 1) }.ToEquatable(),
        new[] { new Accumulator(new[] { new Term(0, 0) }.ToEquatable()) }.ToEquatable(),
        Array.Empty<ContractionExtra>().ToEquatable(), new Argument(0), new(columns));

    private static int Size(WeightFormat format) => format switch { WeightFormat.F32 => 4, WeightFormat.E4M3 or WeightFormat.Int8 => 1, _ => 2 };

    private static Arena Floats(long count)
    {
        var memory = new Arena(count * sizeof(float));
        for (long i = 0; i < count; i++) ((float*)memory.Data)[i] = 0.001f * (i % 997);
        return memory;
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
