using System;
using System.Diagnostics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Sinter.Runtime.Execution;
using Sinter.Runtime.Numerics;

namespace Sinter.Bench;

/// <summary>What a team of threads can do at best: the figures that kernels are held against.</summary>
internal static unsafe class MachineLimits<V>
    where V : struct, ILanes<V>
{
    private const int Rounds = 1_000_000;

    /// <summary>Far more than caches hold.</summary>
    private const long StreamBytes = 512L << 20;

    private static volatile float s_result;

    /// <summary>Floating-point operations a second of multiply-adds in registers.</summary>
    public static double MultiplyAdds(ThreadTeam team) =>
        24.0 * V.Count * Rounds * team.Count / BestSeconds(() => team.Run((in Worker _) => s_result = Multiply(Rounds)));

    /// <summary>Bytes a second that come from memory when it is read from one end to the other, piece after piece.</summary>
    public static double ReadStream(ThreadTeam team)
    {
        const long pieceBytes = 32L << 20;
        float* numbers = (float*)NativeMemory.AlignedAlloc((nuint)StreamBytes, 64);
        try
        {
            long count = pieceBytes / sizeof(float), next = 0;
            for (long i = 0; i < StreamBytes / sizeof(float); i += 1024) new Span<float>(numbers + i, 1024).Fill(1f);
            return pieceBytes / BestSeconds(() =>
            {
                float* piece = numbers + next * count;
                next = (next + 1) % (StreamBytes / pieceBytes);
                team.Run((in Worker worker) =>
                {
                    worker.Share((int)(count / (8 * V.Count)), out int from, out int to);
                    s_result = Read(piece, from, to);
                });
            });
        }
        finally
        {
            NativeMemory.AlignedFree(numbers);
        }
    }

    /// <summary>The shortest of the runs that fit into a second, and of five at least.</summary>
    public static double BestSeconds(Action run)
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

    /// <summary>Twelve sums, so that none waits for itself.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static float Multiply(int rounds)
    {
        V a = V.All(0.999f), b = V.All(0.001f);
        V s0 = a, s1 = a, s2 = a, s3 = a, s4 = a, s5 = a, s6 = a, s7 = a, s8 = a, s9 = a, s10 = a, s11 = a;
        for (int i = 0; i < rounds; i++)
        {
            s0 = V.Fma(s0, a, b);
            s1 = V.Fma(s1, a, b);
            s2 = V.Fma(s2, a, b);
            s3 = V.Fma(s3, a, b);
            s4 = V.Fma(s4, a, b);
            s5 = V.Fma(s5, a, b);
            s6 = V.Fma(s6, a, b);
            s7 = V.Fma(s7, a, b);
            s8 = V.Fma(s8, a, b);
            s9 = V.Fma(s9, a, b);
            s10 = V.Fma(s10, a, b);
            s11 = V.Fma(s11, a, b);
        }

        return V.Sum(s0 + s1 + s2 + s3 + s4 + s5 + s6 + s7 + s8 + s9 + s10 + s11);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static float Read(float* numbers, long from, long to)
    {
        V s0 = V.Zero, s1 = V.Zero, s2 = V.Zero, s3 = V.Zero, s4 = V.Zero, s5 = V.Zero, s6 = V.Zero, s7 = V.Zero;
        float* end = numbers + to * 8 * V.Count;
        for (float* at = numbers + from * 8 * V.Count; at < end; at += 8 * V.Count)
        {
            s0 += V.Load(at);
            s1 += V.Load(at + V.Count);
            s2 += V.Load(at + 2 * V.Count);
            s3 += V.Load(at + 3 * V.Count);
            s4 += V.Load(at + 4 * V.Count);
            s5 += V.Load(at + 5 * V.Count);
            s6 += V.Load(at + 6 * V.Count);
            s7 += V.Load(at + 7 * V.Count);
        }

        return V.Sum(s0 + s1 + s2 + s3 + s4 + s5 + s6 + s7);
    }
}
