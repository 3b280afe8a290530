using System;
using System.Threading;
using Sinter.Runtime.Execution;
using Xunit;

namespace Sinter.Runtime.Tests.Execution;

public sealed unsafe class PortionsTests
{
    [Theory]
    [InlineData(1, 7, 1)]
    [InlineData(2, 0, 1)]
    [InlineData(2, 1, 1)]
    [InlineData(2, 33, 1)]
    [InlineData(3, 1000, 1)]
    [InlineData(3, 10, 10)]
    [InlineData(4, 2, 1)]
    public void Every_item_is_dealt_once(int workers, int items, int least)
    {
        using var team = new ThreadTeam(workers);
        var taken = new int[200][];
        for (int i = 0; i < taken.Length; i++) taken[i] = new int[items];
        // More calls than a team keeps apart between two barriers, twice.
        for (int run = 0; run < 2; run++)
        {
            team.Run((in Worker worker) =>
            {
                for (int call = 0; call < taken.Length; call++)
                {
                    Portions portions = worker.Portions(items, least);
                    while (portions.Next(out int from, out int to))
                    {
                        for (int i = from; i < to; i++) Interlocked.Increment(ref taken[call][i]);
                    }

                    if (call is 3 or 90) worker.Barrier();
                }
            });
        }

        Assert.All(taken, call => Assert.All(call, times => Assert.Equal(2, times)));
    }

    [Fact]
    public void A_worker_that_is_held_up_leaves_its_items_to_the_others()
    {
        using var team = new ThreadTeam(2);
        int first = 0;
        var done = new ManualResetEventSlim();
        team.Run((in Worker worker) =>
        {
            Portions portions = worker.Portions(1000);
            if (worker.Index == 1)
            {
                Assert.True(done.Wait(TimeSpan.FromMinutes(1)));
                Assert.False(portions.Next(out _, out _));
                return;
            }

            while (portions.Next(out int from, out int to)) first += to - from;
            done.Set();
        });
        Assert.Equal(1000, first);
    }

    [Fact]
    public void After_a_failure_items_are_dealt_anew()
    {
        using var team = new ThreadTeam(2);
        Assert.Throws<InvalidOperationException>(() => team.Run((in Worker worker) =>
        {
            Portions portions = worker.Portions(10);
            if (worker.Index == 1) throw new InvalidOperationException();
            while (portions.Next(out _, out _))
            {
            }

            worker.Portions(10);
            worker.Barrier();
        }));

        var taken = new int[10];
        team.Run((in Worker worker) =>
        {
            Portions portions = worker.Portions(taken.Length);
            while (portions.Next(out int from, out int to))
            {
                for (int i = from; i < to; i++) Interlocked.Increment(ref taken[i]);
            }
        });
        Assert.All(taken, times => Assert.Equal(1, times));
    }
}
