using System;
using System.Collections.Generic;
using System.Linq;
using System.Numerics;
using Sinter.Ptx.Analysis;
using Sinter.Ptx.Memory;

namespace Sinter.Ptx.Execution;

/// <summary>A block of threads: its warps in turn, its barriers and its shared memory.</summary>
internal sealed class Block
{
    private const int Turn = 256;
    private readonly NamedBarrier[] _barriers;
    private readonly Dictionary<ulong, Mbarrier> _mbarriers = [];

    public Block(Launch launch, Dimensions index)
    {
        Launch = launch;
        Index = index;
        Threads = (int)launch.Shape.Block.Size;
        Order = launch.Options.FindRaces ? new HappensBefore(Threads) : null;
        Memory = new BlockMemory(this, launch.SharedBytes, Threads);
        Copies = new AsyncGroups(this, order => order.CopyAgent, Threads);
        BulkCopies = new AsyncGroups(this, order => order.BulkAgent, Threads);
        _barriers = [.. Enumerable.Range(0, 16).Select(id => new NamedBarrier(this, id))];
        var warps = (Threads + Warp.Lanes - 1) / Warp.Lanes;
        Warps = [.. Enumerable.Range(0, warps).Select(warp => new Warp(this, warp, Threads - (warp * Warp.Lanes)))];
        foreach (var warp in Warps)
        {
            Operations.SpecialRegisters.Fill(warp, launch.Code);
        }
    }

    public Launch Launch { get; }

    public KernelCode Code => Launch.Code;

    public Dimensions Index { get; }

    public int Threads { get; }

    public Warp[] Warps { get; }

    public BlockMemory Memory { get; }

    /// <summary>The order of the block's accesses; null where races are not looked for.</summary>
    public HappensBefore? Order { get; }

    /// <summary>Groups of cp.async, by thread.</summary>
    public AsyncGroups Copies { get; }

    /// <summary>Groups of bulk copies out of shared memory, by thread.</summary>
    public AsyncGroups BulkCopies { get; }

    /// <summary>Counts what shows that the block gets on.</summary>
    public long Progress { get; set; }

    public NamedBarrier Barrier(int id) => _barriers[id];

    public Mbarrier? FindMbarrier(ulong address) => _mbarriers.GetValueOrDefault(address);

    public void AddMbarrier(Mbarrier barrier) => _mbarriers[barrier.Address] = barrier;

    public bool RemoveMbarrier(ulong address) => _mbarriers.Remove(address);

    /// <summary>Threads that have not ended, whole warps counting as 32.</summary>
    public int PaddedLiveThreads()
        => Warps.Sum(warp => warp.Live == warp.Members ? Warp.Lanes : BitOperations.PopCount(warp.Live));

    public void Report(FindingKind kind, Operation operation, int thread, ulong? address, string message)
        => Launch.Log.Add(new Finding(
            kind, Code.Name, operation.Line, operation.Text, new ThreadPlace(Index, Launch.Shape.Block.At(thread)), address, message));

    public void Exited(Warp warp, uint lanes)
    {
        Progress++;
        warp.Wgmma.Ended(lanes);
        for (var rest = lanes; rest != 0; rest &= rest - 1)
        {
            var lane = Warp.Lowest(rest);
            if (BulkCopies.Outstanding(warp.Thread(lane)))
            {
                warp.Report(FindingKind.AsyncAtExit, lane, null, "the thread ends, but its bulk copies from shared memory were not waited for.");
            }
        }

        if (warp.Live == 0)
        {
            foreach (var barrier in _barriers)
            {
                barrier.ThreadsEnded(warp, lanes);
            }
        }
    }

    /// <summary>Runs all threads to their end; false if they cannot get there.</summary>
    public bool Run()
    {
        var idleSteps = 0L;
        while (true)
        {
            var before = Progress + Memory.Changes;
            var steps = 0L;
            var live = false;
            foreach (var warp in Warps)
            {
                steps += warp.Live == 0 ? 0 : warp.Run(Turn);
                live |= warp.Live != 0;
            }

            if (!live)
            {
                CheckMbarriers();
                return true;
            }

            if (steps == 0 && !Warps.Any(warp => warp.ForceGathering()))
            {
                ReportDeadlock("no thread can go on");
                return false;
            }

            idleSteps = Progress + Memory.Changes == before ? idleSteps + steps : 0;
            if (idleSteps > Launch.Options.StepsWithoutProgress)
            {
                ReportDeadlock($"threads ran {idleSteps} warp instructions without changing anything");
                return false;
            }

            if (Launch.Steps > Launch.Options.MostSteps)
            {
                ReportDeadlock($"the launch ran {Launch.Steps} warp instructions, the most that the options allow");
                return false;
            }
        }
    }

    private void CheckMbarriers()
    {
        foreach (var barrier in _mbarriers.Values)
        {
            if (barrier.Transactions != 0)
            {
                Report(FindingKind.TransactionMismatch, barrier.Initialised, barrier.InitialisedBy, barrier.Address, Mismatch(barrier));
            }
            else if (barrier.HasUnseenCopies)
            {
                Report(FindingKind.AsyncAtExit, barrier.Initialised, barrier.InitialisedBy, barrier.Address, "the block ends, but copies that complete on this mbarrier were not waited for.");
            }
        }
    }

    private static string Mismatch(Mbarrier barrier) => barrier.Transactions > 0
        ? $"phase {barrier.Phase} expects {barrier.Transactions} more bytes than the copies bring."
        : $"the copies bring {-barrier.Transactions} more bytes than phase {barrier.Phase} expects.";

    private void ReportDeadlock(string why)
    {
        var places = new List<string>();
        Operation? first = null;
        var thread = 0;
        foreach (var warp in Warps.Where(warp => warp.Live != 0))
        {
            var lane = Warp.Lowest(warp.Live);
            var operation = Code.Operations[warp.PlaceOf(lane)];
            if (first is null)
            {
                (first, thread) = (operation, warp.Thread(lane));
            }

            var state = (warp.Blocked >> lane & 1) != 0 ? "waits at or after" : "is at";
            places.Add($"warp {warp.Index} {state} line {operation.Line}");
        }

        foreach (var barrier in _mbarriers.Values.Where(barrier => barrier.HasWaiting))
        {
            places.Add(barrier.Describe());
            if (barrier.Transactions != 0)
            {
                Report(FindingKind.TransactionMismatch, first!, thread, barrier.Address, Mismatch(barrier));
            }
        }

        places.AddRange(_barriers.Where(barrier => barrier.IsWaiting).Select(barrier => barrier.Describe()));
        Report(FindingKind.Deadlock, first!, thread, null, $"{why}: {string.Join("; ", places)}.");
    }
}
