using System;
using System.Numerics;

namespace Sinter.Ptx.Execution;

/// <summary>
/// 32 threads that run together where they can. Lanes at one place run as a group; the group with the lowest place
/// goes first, so that branches come together again where they join. A group that spins gives way in time, as
/// independent thread scheduling asks (CUDA C++ Programming Guide, "Independent Thread Scheduling").
/// </summary>
internal sealed class Warp
{
    public const int Lanes = 32;
    private const int Fairness = 4096;
    private readonly int[] _places = new int[Lanes];
    private readonly KernelCode _code;
    private int _otherPlace;
    private uint _others;
    private bool _disband;
    private int _place;
    private int _divergentSteps;

    public Warp(Block block, int index, int threads)
    {
        Block = block;
        Index = index;
        _code = block.Code;
        Values = new ulong[_code.RegisterNames.Count * Lanes];
        Defined = new uint[_code.RegisterNames.Count];
        Members = threads >= Lanes ? uint.MaxValue : (1U << threads) - 1;
        Live = Members;
        Wgmma = new WgmmaRegisters(this);
    }

    public Block Block { get; }

    public int Index { get; }

    /// <summary>Registers, 32 lanes of each side by side, as zero-extended bits.</summary>
    public ulong[] Values { get; }

    /// <summary>For each register the lanes that wrote it. Registers of products in flight count as not written.</summary>
    public uint[] Defined { get; }

    /// <summary>The lanes that exist.</summary>
    public uint Members { get; }

    /// <summary>The lanes that have not ended.</summary>
    public uint Live { get; private set; }

    /// <summary>The lanes that run now.</summary>
    public uint Group { get; private set; }

    /// <summary>The lanes that wait at a barrier or an mbarrier.</summary>
    public uint Blocked { get; private set; }

    /// <summary>The lanes that wait for others at an instruction that needs them together.</summary>
    public uint Gathering { get; private set; }

    public Operation Current { get; private set; } = null!;

    public WgmmaRegisters Wgmma { get; }

    public int NextPlace { get; set; }

    public int Place => _place;

    private uint Runnable => Live & ~Blocked & ~Gathering;

    public int Thread(int lane) => (Index * Lanes) + lane;

    public Span<ulong> Register(int register) => Values.AsSpan(register * Lanes, Lanes);

    public int PlaceOf(int lane) => (Group >> lane & 1) != 0 ? _place : _places[lane];

    /// <summary>Runs at most so many instructions; tells how many ran.</summary>
    public int Run(int most)
    {
        var operations = _code.Operations;
        for (var steps = 0; steps < most; steps++)
        {
            if (Group == 0 && !Select())
            {
                return steps;
            }

            var operation = operations[_place];
            Current = operation;
            NextPlace = _place + 1;
            var active = Guard(operation);
            if (active != 0)
            {
                if (operation.Convergence == Convergence.None)
                {
                    Block.Launch.Count(_place, active);
                    operation.Run(this, active);
                }
                else
                {
                    Gather(operation, active);
                }
            }

            _place = NextPlace;
            if (_others != 0)
            {
                _divergentSteps++;
                _disband |= _place >= _otherPlace || _divergentSteps % Fairness == 0;
            }

            if (_disband || Group == 0)
            {
                Disband();
            }
        }

        return most;
    }

    /// <summary>Sends lanes of the group to another place.</summary>
    public void Branch(uint lanes, int target)
    {
        if (lanes == Group)
        {
            NextPlace = target;
            return;
        }

        Leave(lanes, target);
    }

    /// <summary>Ends lanes.</summary>
    public void Exit(uint lanes)
    {
        Live &= ~lanes;
        Group &= ~lanes;
        _disband = true;
        Block.Exited(this, lanes);
    }

    /// <summary>Takes lanes out until <see cref="Unblock"/>; they go on at a place.</summary>
    public void Wait(uint lanes, int resume)
    {
        Leave(lanes, resume);
        Blocked |= lanes;
    }

    public void Unblock(uint lanes)
    {
        Blocked &= ~lanes;
        _disband = true;
    }

    /// <summary>Runs one incomplete gathering as it is; false if there is none.</summary>
    public bool ForceGathering()
    {
        if (Gathering == 0)
        {
            return false;
        }

        var lane = Lowest(Gathering);
        Disband();
        _place = _places[lane];
        NextPlace = _place + 1;
        Current = _code.Operations[_place];
        var lanes = AtPlace(Gathering, _place);
        if (Current.Convergence == Convergence.Members)
        {
            lanes = SameMask(lanes, lane);
        }

        var needed = Needed(lane);
        Report(
            Current.Convergence == Convergence.Barrier ? FindingKind.DivergentBarrier : FindingKind.MissingLanes,
            lane,
            null,
            $"lanes 0x{lanes:x8} are here, but lanes 0x{needed & ~lanes:x8} that must take part {Elsewhere(needed & ~lanes)}.");
        Gathering &= ~lanes;
        Group = lanes;
        Block.Launch.Count(_place, lanes);
        Current.Run(this, lanes);
        _place = NextPlace;
        Disband();
        return true;
    }

    public void Report(FindingKind kind, int lane, ulong? address, string message)
        => Block.Report(kind, Current, Thread(lane), address, message);

    /// <summary>Reports registers that are read before they were written.</summary>
    public void Require(int register, uint active)
    {
        if ((Defined[register] & active) != active)
        {
            Wgmma.ReportUse(register, active & ~Defined[register]);
        }
    }

    /// <summary>The value of a register in one lane, checked.</summary>
    public ulong Read(int register, int lane)
    {
        Require(register, 1U << lane);
        return Values[(register * Lanes) + lane];
    }

    /// <summary>Notes that lanes wrote a register.</summary>
    public void Define(int register, uint active)
    {
        if (Wgmma.Tracks)
        {
            Wgmma.NoteWrite(register, active);
        }

        Defined[register] |= active;
    }

    public void Write(int register, int lane, ulong value)
    {
        Values[(register * Lanes) + lane] = value;
        Define(register, 1U << lane);
    }

    public string RegisterName(int register) => _code.RegisterNames[register];

    public static int Lowest(uint lanes) => BitOperations.TrailingZeroCount(lanes);

    private uint Guard(Operation operation)
    {
        if (operation.Predicate < 0)
        {
            return Group;
        }

        Require(operation.Predicate, Group);
        var values = Register(operation.Predicate);
        var active = 0U;
        for (var lanes = Group; lanes != 0; lanes &= lanes - 1)
        {
            var lane = Lowest(lanes);
            if ((values[lane] != 0) != operation.PredicateNegated)
            {
                active |= 1U << lane;
            }
        }

        return active;
    }

    private void Leave(uint lanes, int place)
    {
        for (var rest = lanes; rest != 0; rest &= rest - 1)
        {
            _places[Lowest(rest)] = place;
        }

        Group &= ~lanes;
        _disband = true;
    }

    private void Disband()
    {
        for (var rest = Group; rest != 0; rest &= rest - 1)
        {
            _places[Lowest(rest)] = _place;
        }

        Group = 0;
        _disband = false;
    }

    private bool Select()
    {
        var runnable = Runnable;
        if (runnable == 0)
        {
            // Lanes that wait for lanes which can no longer come go on, with a report.
            return (Live & Blocked) == 0 && Gathering != 0 && ForceGathering() && Select();
        }

        var lead = Lowest(runnable);
        if (_divergentSteps % Fairness == Fairness - 1)
        {
            lead = 31 - BitOperations.LeadingZeroCount(runnable);
            _divergentSteps++;
        }
        else
        {
            for (var rest = runnable; rest != 0; rest &= rest - 1)
            {
                var lane = Lowest(rest);
                lead = _places[lane] < _places[lead] ? lane : lead;
            }
        }

        _place = _places[lead];
        Group = AtPlace(runnable, _place);
        _others = runnable & ~Group;
        _otherPlace = int.MaxValue;
        for (var rest = _others; rest != 0; rest &= rest - 1)
        {
            var place = _places[Lowest(rest)];
            _otherPlace = place > _place ? Math.Min(_otherPlace, place) : _otherPlace;
        }

        return true;
    }

    private uint AtPlace(uint lanes, int place)
    {
        var found = 0U;
        for (var rest = lanes; rest != 0; rest &= rest - 1)
        {
            var lane = Lowest(rest);
            found |= _places[lane] == place ? 1U << lane : 0;
        }

        return found;
    }

    private uint SameMask(uint lanes, int lane)
    {
        var masks = Register(Current.Members);
        var found = 0U;
        for (var rest = lanes; rest != 0; rest &= rest - 1)
        {
            var other = Lowest(rest);
            found |= (uint)masks[other] == (uint)masks[lane] ? 1U << other : 0;
        }

        return found;
    }

    private uint Needed(int lane)
        => Current.Convergence == Convergence.Members ? (uint)Register(Current.Members)[lane] & Members : Members;

    /// <summary>Runs an instruction that needs lanes together for those that are complete; the others wait for the rest.</summary>
    private void Gather(Operation operation, uint active)
    {
        if (operation.Members >= 0)
        {
            Require(operation.Members, active);
        }

        var here = active | AtPlace(Gathering, _place);
        while (here != 0)
        {
            var lane = Lowest(here);
            var lanes = operation.Convergence == Convergence.Members ? SameMask(here, lane) : here;
            var needed = Needed(lane);
            here &= ~lanes;
            if ((needed & ~lanes) == 0)
            {
                if ((lanes & ~needed) is var strangers && strangers != 0)
                {
                    Report(FindingKind.MissingLanes, Lowest(strangers), null, $"lanes 0x{strangers:x8} run this, but its mask 0x{needed:x8} does not name them.");
                }

                Group |= lanes & Gathering;
                Gathering &= ~lanes;
                Block.Launch.Count(_place, lanes);
                operation.Run(this, lanes);
            }
            else
            {
                Leave(lanes & Group, _place);
                Gathering |= lanes;
            }
        }
    }

    private string Elsewhere(uint lanes)
    {
        if ((lanes & Live) == 0)
        {
            return "have ended";
        }

        var lane = Lowest(lanes & Live);
        return $"wait at line {_code.Operations[_places[lane]].Line}";
    }
}
