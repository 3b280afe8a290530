using System;
using System.Diagnostics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using Sinter.Runtime.Execution;
using Sinter.Runtime.Numerics;

namespace Sinter.Command.Measuring;

/// <summary>What the machine can do at most, measured by loops that do nothing else.</summary>
/// <param name="BytesPerSecond">Of reading memory from one end to the other, all threads together.</param>
/// <param name="FlopsPerSecond">Of f32 multiplications and additions in registers.</param>
internal sealed record MachineLimits(double BytesPerSecond, double FlopsPerSecond)
{
    private const long StreamBytes = 256L << 20;
    private const int Rounds = 200_000;
    private const int Sums = 12;

    /// <summary>The best of some tries each: other work on the machine only ever slows them.</summary>
    public static unsafe MachineLimits Measure(int threads)
    {
        using var team = new ThreadTeam(threads);
        using var memory = new Arena(StreamBytes * threads);
        float* data = (float*)memory.Data;
        long numbers = StreamBytes / sizeof(float);
        var sinks = new float[threads * 16];
        // What was never written is one page of zeros over and over.
        team.Run((in Worker worker) => new Span<float>(data + numbers * worker.Index, (int)numbers).Fill(1));
        double stream = Best(team, 9, (in Worker worker) => sinks[worker.Index * 16] = Read(data + numbers * worker.Index, numbers));
        double peak = Best(team, 5, (in Worker worker) => sinks[worker.Index * 16] = Vector512.IsHardwareAccelerated ? Multiply<Lanes512>() : Multiply<Lanes256>());
        int lanes = Vector512.IsHardwareAccelerated ? 16 : 8;
        return new MachineLimits(StreamBytes * threads / stream, 2.0 * Sums * lanes * Rounds * threads / peak);
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

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static unsafe float Read(float* data, long count)
    {
        Vector256<float> a = default, b = default, c = default, d = default, e = default, f = default, g = default, h = default;
        for (long i = 0; i < count; i += 64)
        {
            float* at = data + i;
            if (Sse.IsSupported)
            {
                for (int line = 0; line < 64; line += 16) Sse.Prefetch0(at + 2048 + line);
            }

            a += Vector256.Load(at);
            b += Vector256.Load(at + 8);
            c += Vector256.Load(at + 16);
            d += Vector256.Load(at + 24);
            e += Vector256.Load(at + 32);
            f += Vector256.Load(at + 40);
            g += Vector256.Load(at + 48);
            h += Vector256.Load(at + 56);
        }

        return Vector256.Sum(a + b + c + d + (e + f + g + h));
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
