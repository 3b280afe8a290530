using System;
using System.Collections.Generic;
using Sinter.Runtime.Numerics;
using Sinter.Tests.Kernels;
using Xunit;
using Xunit.Abstractions;

namespace Sinter.Compiler.Tests.Kernels;

public sealed class LaneFunctions128(ITestOutputHelper output) : LaneFunctions<Lanes128>(output);

public sealed class LaneFunctions256(ITestOutputHelper output) : LaneFunctions<Lanes256>(output);

public sealed class LaneFunctions512(ITestOutputHelper output) : LaneFunctions<Lanes512>(output);

/// <summary>
/// The functions of a vector against double precision, over all magnitudes and densely from -100 to 100. Errors are in
/// units in the last place of the true result rounded to f32; below the normal numbers that unit stays 2^-149.
/// </summary>
public abstract unsafe class LaneFunctions<V>(ITestOutputHelper output)
    where V : struct, ILanes<V>
{
    private const float SmallestNormal = 1.17549435e-38f;

    private static readonly float[] s_arguments = Arguments();

    [Fact]
    public void Exp() => Within(2, LaneMath.Exp, Math.Exp, MathF.Exp);

    /// <summary>Below -87 e^-x leaves the range of f32, and results that are not normal numbers become zero.</summary>
    [Fact]
    public void Sigmoid() => Within(4, LaneMath.Sigmoid, x => 1 / (1 + Math.Exp(-x)), LaneMath.Sigmoid, x => x > -87);

    [Fact]
    public void Silu() => Within(4, LaneMath.Silu, x => x / (1 + Math.Exp(-x)), LaneMath.Silu, x => x > -87);

    [Fact]
    public void Rsqrt() => Within(2, LaneMath.Rsqrt, x => 1 / Math.Sqrt(x), LaneMath.Rsqrt, x => x >= 0);

    [Fact]
    public void Tanh() => Within(4, LaneMath.Tanh, Math.Tanh, MathF.Tanh);

    [Fact]
    public void Sqrt() => Within(0.5, V.Sqrt, Math.Sqrt, MathF.Sqrt, x => x >= 0);

    [Fact]
    public void Log() => Within(4, V.Log, Math.Log, MathF.Log, x => x >= 0);

    [Fact]
    public void Relu() => Within(0, LaneMath.Relu, x => Math.Max(0, x), LaneMath.Relu);

    [Fact]
    public void Step() => Within(0, LaneMath.Step, x => x > 0 ? 1 : 0, LaneMath.Step);

    [Fact]
    public void Abs() => Within(0, V.Abs, Math.Abs, MathF.Abs);

    [Fact]
    public void Round() => Within(0, V.Round, Math.Round, MathF.Round);

    /// <summary>Where e^-x is infinite what comes out is so near zero that no sum notices.</summary>
    [Fact]
    public void Sigmoid_and_silu_vanish_far_below_zero()
    {
        float* numbers = stackalloc float[V.Count];
        foreach (float x in s_arguments)
        {
            if (!(x <= -87)) continue;
            LaneMath.Sigmoid(V.All(x)).Store(numbers);
            Assert.InRange(numbers[0], 0, 2e-38f);
            LaneMath.Silu(V.All(x)).Store(numbers);
            Assert.InRange(numbers[0], -2e-36f, 0);
            Assert.InRange(LaneMath.Silu(x), -2e-36f, 0);
        }
    }

    private delegate V Vector(V x);

    private void Within(double units, Vector function, Func<double, double> truth, Func<float, float> single, Predicate<float>? domain = null)
    {
        float* argument = stackalloc float[V.Count], result = stackalloc float[V.Count];
        double worst = 0, worstSingle = 0;
        float worstAt = 0, worstSingleAt = 0;
        for (int start = 0; start < s_arguments.Length; start += V.Count)
        {
            for (int lane = 0; lane < V.Count; lane++) argument[lane] = s_arguments[Math.Min(start + lane, s_arguments.Length - 1)];
            function(V.Load(argument)).Store(result);
            for (int lane = 0; lane < V.Count; lane++)
            {
                float x = argument[lane];
                if (domain is not null && !domain(x) && !float.IsNaN(x)) continue;
                double wanted = truth(x);
                Note(Error(wanted, result[lane]), x, ref worst, ref worstAt);
                Note(Error(wanted, single(x)), x, ref worstSingle, ref worstSingleAt);
            }
        }

        output.WriteLine($"{typeof(V).Name}: {worst:f2} units at {worstAt:r}; one number at a time {worstSingle:f2} at {worstSingleAt:r}");
        Assert.True(worst <= units, $"{worst} units in the last place at {worstAt:r}");
        Assert.True(worstSingle <= Math.Max(units, 1), $"{worstSingle} units in the last place at {worstSingleAt:r}, one number at a time");
    }

    private static void Note(double error, float x, ref double worst, ref float worstAt)
    {
        if (error > worst) (worst, worstAt) = (error, x);
    }

    private static double Error(double wanted, float found)
    {
        float rounded = (float)wanted;
        if (double.IsNaN(wanted)) return float.IsNaN(found) ? 0 : double.PositiveInfinity;
        if (float.IsInfinity(rounded) || float.IsInfinity(found) || float.IsNaN(found)) return rounded == found ? 0 : double.PositiveInfinity;
        double unit = MathF.Abs(rounded) < SmallestNormal ? float.Epsilon : Math.ScaleB(1, Math.ILogB(rounded) - 23);
        return Math.Abs(wanted - found) / unit;
    }

    private static float[] Arguments()
    {
        List<float> arguments = [0, -0f, float.PositiveInfinity, float.NegativeInfinity, float.NaN, float.MaxValue, float.MinValue];
        for (int i = -100 * 512; i <= 100 * 512; i++) arguments.Add(i / 512f);

        // Sixteen mantissas of every exponent, subnormal numbers among them.
        for (int bits = 0; bits < 0x7f800000; bits += 0x80000 - 0x1235)
        {
            arguments.Add(BitConverter.Int32BitsToSingle(bits));
            arguments.Add(-BitConverter.Int32BitsToSingle(bits));
        }

        for (int place = 0; place < 23; place++)
        {
            arguments.Add(BitConverter.Int32BitsToSingle(1 << place));
            arguments.Add(-BitConverter.Int32BitsToSingle(1 << place));
        }

        return [.. arguments];
    }
}
