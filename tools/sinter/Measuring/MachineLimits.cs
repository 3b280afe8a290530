using System;
using System.Diagnostics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Sinter.Runtime.Execution;
using Sinter.Runtime.Numerics;

namespace Sinter.Command.Measuring;

/// <summary>What the machine can do at most, measured by loops that do nothing else.</summary>
/// <param name="BytesPerSecond">Of reading memory from one end to the other, all threads together.</param>
/// <param name="FlopsPerSecond">Of f32 multiplications and additions in registers.</param>
internal sealed record MachineLimits(double BytesPerSecond, double FlopsPerSecond)
{
    private const long StreamBytes = 256L << 20;
    private const int Rounds = 500_000;
    private const int Sums = 12;

    /// <summary>The best of some tries each: other work on the machine only ever slows them. Memory has huge pages where weights get them too.</summary>
    public static MachineLimits Measure(int threads) => Vector512.IsHardwareAccelerated ? Measure<Lanes512>(threads)
        : Vector256.IsHardwareAccelerated ? Measure<Lanes256>(threads)
        : Measure<Lanes128>(threads);

    private static unsafe MachineLimits Measure<V>(int threads)
        where V : struct, ILanes<V>
    {
        using var team = new ThreadTeam(threads);
        using var memory = new Arena(StreamBytes * threads);
        float* data = (float*)memory.Data;
        long numbers = StreamBytes / sizeof(float);
        var sinks = new float[threads * 16];
        // What was never written is one page of zeros over and over.
        team.Run((in Worker worker) => new Span<float>(data + numbers * worker.Index, (int)numbers).Fill(1));
        double stream = Best(team, 9, (in Worker worker) => sinks[worker.Index * 16] = Read<V>(data + numbers * worker.Index, numbers));
        double peak = Best(team, 9, (in Worker worker) => sinks[worker.Index * 16] = Multiply<V>());
        return new MachineLimits(StreamBytes * threads / stream, 2.0 * Sums * V.Count * Rounds * threads / peak);
    }

    private static unsafe double Best(ThreadTeam team, int tries, TeamWork work)
    {
        double best = double.MaxValue;
        for (int i = 0; i <= tries; i++)
        {
            long start = Stopwatch.GetTimestamp();
            team.Run(work);
            // The first one is compiled and finds no thread awake.
            if (i > 0) best = Math.Min(best, Stopwatch.GetElapsedTime(start).TotalSeconds);
        }

        return best;
    }

    /// <summary>Without asking ahead: the machine's own prefetching follows a plain stream better than any request.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static unsafe float Read<V>(float* data, long count)
        where V : struct, ILanes<V>
    {
        V a = V.Zero, b = a, c = a, d = a, e = a, f = a, g = a, h = a;
        for (float* at = data, end = data + count; at < end; at += 8 * V.Count)
        {
            a += V.Load(at);
            b += V.Load(at + V.Count);
            c += V.Load(at + 2 * V.Count);
            d += V.Load(at + 3 * V.Count);
            e += V.Load(at + 4 * V.Count);
            f += V.Load(at + 5 * V.Count);
            g += V.Load(at + 6 * V.Count);
            h += V.Load(at + 7 * V.Count);
        }

        return V.Sum(a + b + c + d + (e + f + g + h));
    }

    /// <summary>Twelve sums, so that none waits for itself.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static float Multiply<V>()
        where V : struct, ILanes<V>
    {
        V x = V.All(0.999f), y = V.All(1e-3f);
        V a = y, b = y, c = y, d = y, e = y, f = y, g = y, h = y, i = y, j = y, k = y, l = y;
        for (int round = 0; round < Rounds; round++)
        {
            a = V.Fma(a, x, y);
            b = V.Fma(b, x, y);
            c = V.Fma(c, x, y);
            d = V.Fma(d, x, y);
            e = V.Fma(e, x, y);
            f = V.Fma(f, x, y);
            g = V.Fma(g, x, y);
            h = V.Fma(h, x, y);
            i = V.Fma(i, x, y);
            j = V.Fma(j, x, y);
            k = V.Fma(k, x, y);
            l = V.Fma(l, x, y);
        }

        return V.Sum(a + b + c + d + e + f + g + h + i + j + k + l);
    }
}
