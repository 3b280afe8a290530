using System;
using System.Linq;
using System.Runtime.InteropServices;
using Sinter.Runtime.Execution;
using Sinter.Runtime.Numerics;
using Sinter.Runtime.Training.Kernels;
using Xunit;

namespace Sinter.Runtime.Tests.Training;

/// <summary>Attention of training and its gradients against sums in double precision over what each query sees.</summary>
public sealed unsafe class SequenceAttentionTests
{
    private const int Heads = 3;

    [Theory]
    [InlineData(32, 16, 64, 100, true, 0)]
    [InlineData(32, 16, 64, 256, true, 0)]
    [InlineData(48, 0, 33, 97, true, 0)]
    [InlineData(5, 3, 7, 49, true, 0)]
    [InlineData(5, 3, 7, 1, true, 0)]
    [InlineData(24, 8, 40, 150, true, 37)]
    [InlineData(16, 16, 16, 131, true, 1)]
    [InlineData(20, 4, 24, 77, false, 0)]
    public void Output_and_gradients_are_those_of_double_precision(int main, int other, int width, int tokens, bool causal, int document)
    {
        var problem = new Problem(main, other, width, tokens, causal, document);
        double[][] expected = problem.Reference();
        float[][] one = problem.Run<Lanes512>(1);
        for (int i = 0; i < expected.Length; i++)
        {
            double most = Math.Max(1e-3, expected[i].Select(Math.Abs).DefaultIfEmpty().Max());
            for (int k = 0; k < expected[i].Length; k++) Assert.InRange(one[i][k] - expected[i][k], -2e-5 * most, 2e-5 * most);
        }

        Assert.Equal(one, problem.Run<Lanes512>(2));
        Assert.Equal(one, problem.Run<Lanes512>(5));
        foreach (float[][] narrow in new[] { problem.Run<Lanes256>(2), problem.Run<Lanes128>(1) })
        {
            for (int i = 0; i < expected.Length; i++)
            {
                double most = Math.Max(1e-3, expected[i].Select(Math.Abs).DefaultIfEmpty().Max());
                for (int k = 0; k < expected[i].Length; k++) Assert.InRange(narrow[i][k] - expected[i][k], -2e-5 * most, 2e-5 * most);
            }
        }
    }

    /// <summary>Queries [token, head, ·], keys whose second term all heads share, and a value between other numbers.</summary>
    private sealed class Problem
    {
        private const float Scale = 0.3f;

        private readonly int _main, _other, _width, _tokens;
        private readonly bool _causal;
        private readonly int[] _begins;
        private readonly float[] _query, _key, _otherQuery, _otherKey, _value, _gradient;

        public Problem(int main, int other, int width, int tokens, bool causal, int document)
        {
            (_main, _other, _width, _tokens, _causal) = (main, other, width, tokens, causal);
            _begins = [.. Enumerable.Range(0, tokens).Select(t => document == 0 ? 0 : t - t % document)];
            var random = new Random(main * 1000 + tokens);
            float[] Numbers(int count) => [.. Enumerable.Range(0, count).Select(_ => (float)(random.NextDouble() * 2 - 1))];
            _query = Numbers(tokens * Heads * main);
            _key = Numbers(tokens * Heads * main);
            _otherQuery = Numbers(tokens * Heads * other);
            _otherKey = Numbers(tokens * other);
            _value = Numbers(tokens * ValueRow);
            _gradient = Numbers(tokens * Heads * width);
        }

        private int ValueRow => Heads * (_width + 2);

        public double[][] Reference()
        {
            double[] output = new double[_tokens * Heads * _width], ofQuery = new double[_query.Length], ofKey = new double[_key.Length];
            double[] ofOtherQuery = new double[_otherQuery.Length], ofOtherKey = new double[_otherQuery.Length], ofValue = new double[output.Length];
            for (int t = 0; t < _tokens; t++)
            {
                int first = _causal ? _begins[t] : 0, end = _causal ? t + 1 : _tokens;
                for (int h = 0; h < Heads; h++)
                {
                    int at = t * Heads + h;
                    double[] p = new double[end - first], slope = new double[end - first];
                    for (int s = first; s < end; s++)
                    {
                        double score = 0;
                        for (int i = 0; i < _main; i++) score += (double)_query[at * _main + i] * _key[(s * Heads + h) * _main + i];
                        for (int i = 0; i < _other; i++) score += (double)_otherQuery[at * _other + i] * _otherKey[s * _other + i];
                        p[s - first] = score * Scale;
                    }

                    double most = p.Max(), total = p.Sum(x => Math.Exp(x - most));
                    for (int s = first; s < end; s++)
                    {
                        p[s - first] = Math.Exp(p[s - first] - most) / total;
                        for (int i = 0; i < _width; i++)
                        {
                            double value = _value[s * ValueRow + h * (_width + 2) + i], gradient = _gradient[at * _width + i];
                            output[at * _width + i] += p[s - first] * value;
                            ofValue[(s * Heads + h) * _width + i] += p[s - first] * gradient;
                            slope[s - first] += gradient * value;
                        }
                    }

                    double mean = p.Zip(slope, (x, y) => x * y).Sum();
                    for (int s = first; s < end; s++)
                    {
                        double of = p[s - first] * (slope[s - first] - mean) * Scale;
                        for (int i = 0; i < _main; i++)
                        {
                            ofQuery[at * _main + i] += of * _key[(s * Heads + h) * _main + i];
                            ofKey[(s * Heads + h) * _main + i] += of * _query[at * _main + i];
                        }

                        for (int i = 0; i < _other; i++)
                        {
                            ofOtherQuery[at * _other + i] += of * _otherKey[s * _other + i];
                            ofOtherKey[(s * Heads + h) * _other + i] += of * _otherQuery[at * _other + i];
                        }
                    }
                }
            }

            return [output, ofQuery, ofKey, ofOtherQuery, ofOtherKey, ofValue];
        }

        public float[][] Run<V>(int workers)
            where V : struct, ILanes<V>
        {
            HeadRows Rows(int width) => new(width, Heads * width, width);
            var shape = new AttentionShape(
                Heads, Scale, _causal, Rows(_main), Rows(_main), Rows(_other), new(_other, _other, 0), new(_width, ValueRow, _width + 2), Rows(_width));
            long bytes = (long)_tokens * AttentionShape.TokenBytes(_main, _other, _width) + AttentionShape.BlockBytes(_main, _other, _width), stride = bytes + 256 + 63 & ~63L;
            float[] output = new float[_tokens * Heads * _width], ofQuery = new float[_query.Length], ofKey = new float[_key.Length];
            float[] ofOtherQuery = new float[_otherQuery.Length], ofOtherKey = new float[_otherQuery.Length], ofValue = new float[output.Length];
            var scratch = (byte*)NativeMemory.AlignedAlloc((nuint)(stride * workers), 64);
            try
            {
                // What was in the memory before must not matter, and what is behind it is not the kernel's.
                new Span<byte>(scratch, (int)(stride * workers)).Fill(0xff);
                using var team = new ThreadTeam(workers);
                fixed (int* begins = _begins)
                fixed (float* query = _query, key = _key, otherQuery = _otherQuery, otherKey = _otherKey, value = _value, gradient = _gradient)
                fixed (float* to = output, toQuery = ofQuery, toKey = ofKey, toOtherQuery = ofOtherQuery, toOtherKey = ofOtherKey, toValue = ofValue)
                {
                    nint[] places = [(nint)begins, (nint)query, (nint)key, (nint)otherQuery, (nint)otherKey, (nint)value, (nint)gradient, (nint)to, (nint)toQuery, (nint)toKey, (nint)toOtherQuery, (nint)toOtherKey, (nint)toValue];
                    float* F(int i) => (float*)places[i];
                    team.Run(
                        (in Worker worker) =>
                        {
                            SequenceAttention.Forward<V>(worker, shape, _tokens, (int*)places[0], F(1), F(2), F(3), F(4), F(5), F(7));
                            worker.Barrier();
                            SequenceAttention.Backward<V>(worker, shape, _tokens, (int*)places[0], F(1), F(2), F(3), F(4), F(5), F(6), F(8), F(9), F(10), F(11), F(12));
                        },
                        scratch, stride);
                }

                for (int i = 0; i < workers; i++) Assert.False(new Span<byte>(scratch + i * stride + bytes, (int)(stride - bytes)).ContainsAnyExcept((byte)0xff));
            }
            finally
            {
                NativeMemory.AlignedFree(scratch);
            }

            return [output, ofQuery, ofKey, ofOtherQuery, ofOtherKey, ofValue];
        }
    }
}
