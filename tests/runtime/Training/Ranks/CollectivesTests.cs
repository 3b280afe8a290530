using System;
using System.Linq;
using Sinter.Runtime.Training.Ranks;
using Sinter.Tests.Ranks;
using Xunit;

namespace Sinter.Runtime.Tests.Training.Ranks;

/// <summary>What ranks do together, with threads as ranks.</summary>
public sealed unsafe class CollectivesTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void Every_rank_gathers_what_all_have(int size)
    {
        int[] expected = [.. Enumerable.Range(0, size).SelectMany(rank => (int[])[rank * 10, rank * 10 + 1])];
        Assert.All(InProcessRanks.Run(size, ranks => ranks.Gather<int>([ranks.Rank * 10, ranks.Rank * 10 + 1])), all => Assert.Equal(expected, all));
    }

    [Theory]
    [InlineData("résumé")]
    [InlineData("")]
    [InlineData(null)]
    public void A_text_is_told_to_all(string? text) =>
        Assert.All(InProcessRanks.Run(3, ranks => ranks.Tell(1, ranks.Rank == 1 ? text : "something else")), told => Assert.Equal(text, told));

    [Fact]
    public void The_first_rank_is_done_before_the_others_begin()
    {
        int done = 0;
        int[] seen = InProcessRanks.Run(3, ranks => ranks.InTurn(() => ranks.Rank == 0 ? done = 7 : done), mostDelay: 20);
        Assert.Equal([7, 7, 7], seen);
    }

    [Fact]
    public void What_one_rank_throws_stops_the_others()
    {
        var fault = Assert.Throws<AggregateException>(() => InProcessRanks.Run<int>(2, ranks =>
        {
            if (ranks.Rank == 1) throw new InvalidOperationException("stop");
            ranks.Wait();
            return 0;
        }));
        Assert.Equal("stop", fault.InnerExceptions[0].Message);
    }

    /// <summary>Numbers so far apart that another order of adding gives other bits; more than one call takes.</summary>
    [Fact]
    public void Gradients_are_added_in_the_order_of_ranks_whichever_comes_first()
    {
        const int Size = 3, Count = 3 * (1 << 18) + 1000;
        float[][] parts = [.. Enumerable.Range(0, Size).Select(rank => Numbers(rank, Count))];
        float[] expected = new float[Count];
        for (int i = 0; i < Count; i++) expected[i] = parts[0][i] + parts[1][i] + parts[2][i];
        Assert.NotEqual(expected, [.. parts[2].Select((number, i) => number + parts[1][i] + parts[0][i])]);
        (float[] Sum, int From, int Count)[] results = InProcessRanks.Run(Size, ranks => Reduce(ranks, parts[ranks.Rank]), mostDelay: 3);
        int covered = 0;
        foreach ((float[] sum, int from, int count) in results)
        {
            Assert.Equal(covered, from);
            Assert.Equal(expected[from..(from + count)], sum[from..(from + count)]);
            Assert.All(sum[..from].Concat(sum[(from + count)..]), number => Assert.Equal(0, number));
            covered += count;
        }

        Assert.Equal(Count, covered);
    }

    [Fact]
    public void Every_rank_has_the_weights_that_the_others_moved()
    {
        const int Count = 1 << 19;
        float[][] all = InProcessRanks.Run(2, ranks =>
        {
            using var shares = new RankShares(ranks, Count);
            float[] weights = new float[shares.Total];
            weights.AsSpan((int)(ranks.Rank * shares.Share), (int)shares.Share).Fill(ranks.Rank + 1);
            fixed (float* place = weights) shares.Spread(place);
            return weights;
        });
        Assert.Equal([.. Enumerable.Repeat(1f, Count / 2), .. Enumerable.Repeat(2f, Count / 2)], all[0]);
        Assert.Equal(all[0], all[1]);
    }

    private static (float[] Sum, int From, int Count) Reduce(ICommunicator ranks, float[] mine)
    {
        using var shares = new RankShares(ranks, mine.Length);
        float[] gradients = new float[shares.Total];
        mine.CopyTo(gradients, 0);
        fixed (float* place = gradients) shares.Reduce(place);
        (int from, int count) = shares.Of(ranks.Rank, 0, mine.Length);
        return (gradients[..mine.Length], from, count);
    }

    private static float[] Numbers(int seed, int count)
    {
        var random = new Random(seed);
        return [.. Enumerable.Range(0, count).Select(_ => (float)((random.NextDouble() - 0.5) * Math.Pow(10, random.Next(8))))];
    }
}
