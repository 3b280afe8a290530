using System;
using System.Diagnostics;
using System.Linq;
using System.Threading;
using Sinter.Runtime.Execution;
using Xunit;

namespace Sinter.Runtime.Tests.Execution;

public sealed unsafe class ThreadTeamTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(5)]
    public void Every_worker_sees_what_the_others_wrote_before_the_barrier(int count)
    {
        using var team = new ThreadTeam(count);
        var written = new int[count];
        int wrong = 0, runs = 0;
        TeamWork work = (in Worker worker) =>
        {
            for (int stage = 1; stage <= 200; stage++)
            {
                Volatile.Write(ref written[worker.Index], stage);
                worker.Barrier();
                if (written.Any(other => other != stage)) Interlocked.Increment(ref wrong);
                worker.Barrier();
            }

            Interlocked.Increment(ref runs);
        };
        for (int i = 0; i < 20; i++) team.Run(work);
        Assert.Equal(0, wrong);
        Assert.Equal(20 * count, runs);
    }

    [Fact]
    public void Shares_cover_all_items_once()
    {
        using var team = new ThreadTeam(3);
        var taken = new int[100];
        team.Run((in Worker worker) =>
        {
            worker.Share(taken.Length, out int from, out int to);
            for (int i = from; i < to; i++) taken[i]++;
        });
        Assert.All(taken, times => Assert.Equal(1, times));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(2)]
    public void What_a_worker_throws_comes_out_of_run_though_the_others_wait_for_it(int failing)
    {
        using var team = new ThreadTeam(3);
        TeamWork work = (in Worker worker) =>
        {
            worker.Barrier();
            if (worker.Index == failing) throw new FormatException("here");
            worker.Barrier();
        };
        for (int i = 0; i < 10; i++)
        {
            Assert.Equal("here", Assert.Throws<FormatException>(() => team.Run(work)).Message);
            int done = 0;
            team.Run((in Worker worker) =>
            {
                worker.Barrier();
                Interlocked.Increment(ref done);
            });
            Assert.Equal(3, done);
        }
    }

    [Fact]
    public void Workers_sleep_when_there_is_nothing_to_do_and_wake_again()
    {
        using var team = new ThreadTeam(2);
        Thread? other = null;
        TeamWork work = (in Worker worker) =>
        {
            if (worker.Index == 1) other = Thread.CurrentThread;
        };
        for (int i = 0; i < 3; i++)
        {
            team.Run(work);
            var waited = Stopwatch.StartNew();
            while (!other!.ThreadState.HasFlag(System.Threading.ThreadState.WaitSleepJoin) && waited.Elapsed < TimeSpan.FromSeconds(30)) Thread.Sleep(1);
            Assert.True(other.ThreadState.HasFlag(System.Threading.ThreadState.WaitSleepJoin));
            other = null;
        }
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Workers_sleep_at_a_barrier_that_takes_long_and_wake_when_the_last_one_comes_or_fails(bool fails)
    {
        using var team = new ThreadTeam(2);
        Thread? other = null;
        bool slept = false, passed = false;
        TeamWork work = (in Worker worker) =>
        {
            if (worker.Index == 1)
            {
                Volatile.Write(ref other, Thread.CurrentThread);
                worker.Barrier();
                passed = true;
                return;
            }

            var waited = Stopwatch.StartNew();
            while (!slept && waited.Elapsed < TimeSpan.FromSeconds(30))
            {
                Thread.Sleep(1);
                slept = Volatile.Read(ref other)?.ThreadState.HasFlag(System.Threading.ThreadState.WaitSleepJoin) == true;
            }

            if (fails) throw new FormatException("here");
            worker.Barrier();
        };
        if (fails) Assert.Throws<FormatException>(() => team.Run(work));
        else team.Run(work);
        Assert.True(slept);
        Assert.Equal(!fails, passed);
    }

    [Fact]
    public void Runs_one_thing_at_a_time()
    {
        using var team = new ThreadTeam(1);
        Assert.Throws<InvalidOperationException>(() => team.Run((in Worker _) => team.Run((in Worker _) => { })));
    }

    [Fact]
    public void Ends_its_threads()
    {
        var team = new ThreadTeam(2);
        Thread? other = null;
        team.Run((in Worker worker) =>
        {
            if (worker.Index == 1) other = Thread.CurrentThread;
        });
        team.Dispose();
        Assert.False(other!.IsAlive);
        Assert.Throws<ObjectDisposedException>(() => team.Run((in Worker _) => { }));
    }

    [Fact]
    public void Needs_a_thread() => Assert.Throws<ArgumentOutOfRangeException>(() => new ThreadTeam(0));
}
