using System;
using System.Collections.Generic;
using System.Linq;
using Sinter.Runtime.Sampling;
using Xunit;

namespace Sinter.Runtime.Tests.Sampling;

public sealed class SamplerTests
{
    private const int Draws = 20_000;

    [Fact]
    public void Greedy_takes_the_greatest_and_the_lowest_among_equals()
    {
        var sampler = new Sampler(new SamplingOptions());
        Assert.Equal(3, sampler.Sample([1, 2, -5, 7, 7, 6], 0));
        Assert.Equal(0, sampler.Sample([0, -0f, 0], 0));
        Assert.Equal(1, sampler.Sample([float.NegativeInfinity, -1e30f], 0));
    }

    [Fact]
    public void The_generator_is_splitmix64()
    {
        // The first values for seed 1234567 as published with the algorithm's reference code.
        var random = new RandomSequence(1234567);
        ulong[] expected = [6457827717110365317, 3203168211198807973, 9817491932198370423, 4593380528125082431, 16408922859458223821];
        foreach (ulong value in expected) Assert.Equal(value, random.NextBits());
    }

    [Theory]
    [InlineData(1.0)]
    [InlineData(0.5)]
    [InlineData(2.0)]
    public void Draws_follow_the_softmax_at_any_temperature(double temperature)
    {
        float[] logits = [0.3f, -1, 2, 1.1f, 0, -3];
        AssertFrequencies(new() { Temperature = temperature, Seed = 5 }, logits, Softmax(logits, temperature));
    }

    [Fact]
    public void Top_k_leaves_the_k_most_likely_with_ties_to_the_lower_number()
    {
        float[] logits = [1, 3, 2, 1, 1, 2.5f];
        AssertFrequencies(new() { Temperature = 1, TopK = 4, Seed = 6 }, logits, Renormalised(logits, [0, 1, 2, 5]));
    }

    [Fact]
    public void Top_p_leaves_the_fewest_that_reach_it()
    {
        // Probabilities 0.4, 0.3, 0.15, 0.1, 0.05, shuffled: 0.75 needs three, 0.7 would be met by two.
        float[] logits = [.. new[] { 0.1, 0.4, 0.05, 0.3, 0.15 }.Select(p => (float)Math.Log(p))];
        AssertFrequencies(new() { Temperature = 1, TopP = 0.75, Seed = 7 }, logits, Renormalised(logits, [1, 3, 4]));
        AssertFrequencies(new() { Temperature = 1, TopP = 0.69, Seed = 7 }, logits, Renormalised(logits, [1, 3]));
        AssertFrequencies(new() { Temperature = 1, TopP = 1e-9, Seed = 7 }, logits, Renormalised(logits, [1]));
    }

    [Fact]
    public void Top_p_counts_what_top_k_left()
    {
        // Of 0.4, 0.3, 0.2, 0.1 top-k 3 leaves 0.444, 0.333, 0.222: 0.75 is met by two, though 0.7 of the whole is not.
        float[] logits = [.. new[] { 0.1, 0.2, 0.3, 0.4 }.Select(p => (float)Math.Log(p))];
        AssertFrequencies(new() { Temperature = 1, TopK = 3, TopP = 0.75, Seed = 8 }, logits, Renormalised(logits, [2, 3]));
    }

    [Fact]
    public void Min_p_leaves_what_is_likely_enough_beside_the_most_likely()
    {
        float[] logits = [.. new[] { 0.5, 0.3, 0.11, 0.09 }.Select(p => (float)Math.Log(p))];
        AssertFrequencies(new() { Temperature = 1, MinP = 0.2, Seed = 9 }, logits, Renormalised(logits, [0, 1, 2]));
    }

    [Fact]
    public void The_kept_sets_agree_with_a_naive_reading_of_the_definitions()
    {
        var random = new Random(10);
        for (int round = 0; round < 60; round++)
        {
            float[] logits = [.. Enumerable.Range(0, 40).Select(_ => (float)Math.Round(random.NextDouble() * 8, 1))];
            var options = new SamplingOptions
            {
                Temperature = 0.5 + random.NextDouble(),
                TopK = random.Next(2) == 0 ? random.Next(1, 45) : null,
                TopP = random.Next(2) == 0 ? 0.05 + random.NextDouble() * 0.95 : 1,
                MinP = random.Next(2) == 0 ? random.NextDouble() * 0.5 : 0,
                Seed = (ulong)round,
            };
            HashSet<int> kept = Kept(logits, options);
            var sampler = new Sampler(options);
            for (int i = 0; i < 300; i++) Assert.Contains(sampler.Sample(logits, 0), kept);
        }
    }

    [Theory]
    [InlineData(1.0, null, 1.0, 0.0)]
    [InlineData(0.6, null, 1.0, 0.0)]
    [InlineData(1.0, 4, 1.0, 0.0)]
    [InlineData(1.3, null, 0.8, 0.0)]
    [InlineData(1.0, null, 1.0, 0.2)]
    public void Checked_drafts_come_with_the_models_probabilities_whatever_the_draft_thought(double temperature, int? topK, double topP, double minP)
    {
        float[] logits = [0.3f, -1, 2, 1.1f, 0, -3, 1.9f];
        var options = new SamplingOptions { Temperature = temperature, TopK = topK, TopP = topP, MinP = minP, Seed = 8 };
        HashSet<int> kept = Kept(logits, options);
        double sum = kept.Sum(token => Math.Exp(logits[token] / temperature));
        double[] expected = [.. logits.Select((logit, token) => kept.Contains(token) ? Math.Exp(logit / temperature) / sum : 0)];
        foreach (float[] draft in (float[][])[logits, [2, 1, -1, 0.5f, 0, 3, 1], [0, 0, 0, 0, 0, 0, 20]])
        {
            var sampler = new Sampler(options);
            var proposed = new double[logits.Length];
            int accepted = 0;
            AssertFrequencies(expected, position =>
            {
                int drafted = sampler.Draft(draft, position, proposed);
                if (sampler.Check(logits, position, drafted, proposed, out int token)) accepted++;
                return token;
            });

            // The part of drafts that is kept is what the two distributions have in common.
            double common = expected.Zip(proposed, Math.Min).Sum();
            Assert.InRange(accepted / (double)Draws, common - 0.02, common + 0.02);
            if (draft == logits) Assert.Equal(Draws, accepted);
        }
    }

    [Fact]
    public void A_certain_choice_keeps_the_draft_that_it_would_have_made()
    {
        foreach (var options in (SamplingOptions[])[new(), new() { Temperature = 1, TopK = 1 }])
        {
            var sampler = new Sampler(options);
            Assert.Equal(2, sampler.Draft([0, 1, 5, 2], 0, []));
            Assert.True(sampler.Check([3, 1, 4, 2], 0, 2, [], out int token));
            Assert.Equal(2, token);
            Assert.False(sampler.Check([3, 1, 4, 7], 0, 2, [], out token));
            Assert.Equal(3, token);
        }
    }

    [Fact]
    public void The_same_seed_gives_the_same_tokens()
    {
        float[] logits = [1, 1, 1, 1, 1, 1, 1, 1];
        int[] Draw(ulong? seed)
        {
            var sampler = new Sampler(new SamplingOptions { Temperature = 1, Seed = seed });
            return [.. Enumerable.Range(0, 40).Select(i => sampler.Sample(logits, i))];
        }

        Assert.Equal(Draw(3), Draw(3));
        Assert.NotEqual(Draw(3), Draw(4));
        Assert.NotEqual(Draw(null), Draw(null));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(0.7)]
    public void Refuses_logits_that_are_not_numbers(double temperature)
    {
        var sampler = new Sampler(new SamplingOptions { Temperature = temperature });
        Assert.Equal("No token can be chosen for position 17: the logit of token 2 is not a number.",
            Assert.Throws<SinterException>(() => sampler.Sample([1, 2, float.NaN, 3], 17)).Message);
        Assert.Equal("No token can be chosen for position 4: no logit is finite.",
            Assert.Throws<SinterException>(() => sampler.Sample([float.NegativeInfinity, float.NegativeInfinity], 4)).Message);
    }

    [Fact]
    public void Never_takes_what_has_no_probability()
    {
        var sampler = new Sampler(new SamplingOptions { Temperature = 1, Seed = 1 });
        for (int i = 0; i < 200; i++) Assert.Equal(1, sampler.Sample([float.NegativeInfinity, 0, float.NegativeInfinity], i));
    }

    [Fact]
    public void Allocates_nothing_after_the_first_token()
    {
        var random = new Random(1);
        float[] logits = [.. Enumerable.Range(0, 2000).Select(_ => (float)random.NextDouble() * 6)];
        foreach (SamplingOptions options in (SamplingOptions[])[new() { Temperature = 1 }, new() { Temperature = 1, TopK = 50, TopP = 0.9, MinP = 0.01 }, new() { Temperature = 1, TopP = 0.99 }])
        {
            var sampler = new Sampler(options);
            for (int i = 0; i < 50; i++) sampler.Sample(logits, i);
            long before = GC.GetAllocatedBytesForCurrentThread();
            for (int i = 0; i < 50; i++) sampler.Sample(logits, i);
            Assert.Equal(before, GC.GetAllocatedBytesForCurrentThread());
        }
    }

    [Fact]
    public void Rejects_options_out_of_range()
    {
        Assert.Equal("Temperature is -0.5; it must be zero or a positive number.", Error(new() { Temperature = -0.5 }));
        Assert.Equal("Temperature is NaN; it must be zero or a positive number.", Error(new() { Temperature = double.NaN }));
        Assert.Equal("TopK is 0; it must be at least 1.", Error(new() { TopK = 0 }));
        Assert.Equal("TopP is 0; it must be more than 0 and at most 1.", Error(new() { TopP = 0 }));
        Assert.Equal("MinP is 1.5; it must be from 0 to 1.", Error(new() { MinP = 1.5 }));
    }

    private static string Error(SamplingOptions options) => Assert.Throws<SinterException>(() => new Sampler(options)).Message;

    private static double[] Softmax(float[] logits, double temperature)
    {
        double[] weights = [.. logits.Select(logit => Math.Exp(logit / temperature))];
        return [.. weights.Select(weight => weight / weights.Sum())];
    }

    private static double[] Renormalised(float[] logits, int[] kept)
    {
        double[] all = Softmax(logits, 1);
        double sum = kept.Sum(token => all[token]);
        return [.. all.Select((p, token) => kept.Contains(token) ? p / sum : 0)];
    }

    private static HashSet<int> Kept(float[] logits, SamplingOptions options)
    {
        double[] p = Softmax(logits, options.Temperature);
        List<int> order = [.. Enumerable.Range(0, p.Length).OrderByDescending(token => logits[token]).ThenBy(token => token)];
        if (options.TopK is { } k) order = [.. order.Take(k)];
        double total = order.Sum(token => p[token]), sum = 0;
        // A hair more than the definition, since sums in another order may differ in the last bit.
        if (options.TopP < 1) order = [.. order.TakeWhile(token => { bool goes = sum < options.TopP * total + 1e-12; sum += p[token]; return goes; })];
        return [.. order.Where(token => p[token] >= options.MinP * p.Max() - 1e-12)];
    }

    /// <summary>A chi-square test: with up to 5 degrees of freedom a value above 30 has a probability below 2e-5, and the seed is fixed.</summary>
    private static void AssertFrequencies(SamplingOptions options, float[] logits, double[] expected)
    {
        var sampler = new Sampler(options);
        AssertFrequencies(expected, position => sampler.Sample(logits, position));
    }

    private static void AssertFrequencies(double[] expected, Func<int, int> draw)
    {
        var counts = new int[expected.Length];
        for (int i = 0; i < Draws; i++) counts[draw(i)]++;
        double chiSquare = 0;
        for (int token = 0; token < counts.Length; token++)
        {
            if (expected[token] == 0) Assert.Equal(0, counts[token]);
            else chiSquare += Math.Pow(counts[token] - Draws * expected[token], 2) / (Draws * expected[token]);
        }

        Assert.InRange(chiSquare, 0, 30);
    }
}
