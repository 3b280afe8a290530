using System.Collections.Generic;
using System.Linq;

namespace Sinter.Ptx.Execution;

/// <summary>
/// The registers of a warp that wgmma reads and writes by itself, and the groups they belong to (PTX ISA, section
/// 9.7.14, "Asynchronous Warpgroup Level Matrix Multiply-Accumulate", register fences and wait_group).
/// </summary>
internal sealed class WgmmaRegisters(Warp warp)
{
    private readonly Dictionary<int, (long Group, bool Accumulates)> _inFlight = [];
    private readonly HashSet<int> _writtenSinceFence = [];
    private long _committed;

    /// <summary>Whether writes must be noted at all.</summary>
    public bool Tracks { get; } = warp.Block.Launch.UsesWgmma;

    /// <summary>The clock of the group that is open.</summary>
    public uint OpenGroup => (uint)_committed + 1;

    /// <summary>wgmma.fence: what was written to registers is visible to the products that follow.</summary>
    public void Fence() => _writtenSinceFence.Clear();

    public void Commit() => _committed++;

    /// <summary>Waits until at most so many of the newest groups are under way; returns the clock waited for.</summary>
    public uint Wait(long stillOpen)
    {
        var done = _committed - stillOpen;
        foreach (var (register, state) in _inFlight.Where(entry => entry.Value.Group <= done).ToList())
        {
            _inFlight.Remove(register);
            if (state.Accumulates)
            {
                warp.Defined[register] = warp.Members;
            }
        }

        return (uint)System.Math.Max(0, done);
    }

    /// <summary>Whether a product in flight accumulates into the register.</summary>
    public bool Accumulates(int register) => _inFlight.TryGetValue(register, out var state) && state.Accumulates;

    /// <summary>A product starts that reads or accumulates into registers.</summary>
    public void Start(IEnumerable<int> registers, bool accumulates)
    {
        foreach (var register in registers)
        {
            if (_writtenSinceFence.Contains(register))
            {
                warp.Report(FindingKind.WgmmaRegisters, 0, null, $"{warp.RegisterName(register)} was written after the last wgmma.fence; the product may not see it.");
                _writtenSinceFence.Remove(register);
            }

            if (_inFlight.TryGetValue(register, out var state) && state.Accumulates != accumulates)
            {
                warp.Report(FindingKind.WgmmaRegisters, 0, null, $"{warp.RegisterName(register)} is both an input and an accumulator of products in flight.");
            }

            _inFlight[register] = (_committed + 1, accumulates);
            if (accumulates)
            {
                warp.Defined[register] = 0;
            }
        }
    }

    /// <summary>A register is read in lanes where it does not count as written.</summary>
    public void ReportUse(int register, uint lanes)
    {
        var name = warp.RegisterName(register);
        if (_inFlight.ContainsKey(register))
        {
            warp.Report(FindingKind.WgmmaRegisters, Warp.Lowest(lanes), null, $"{name} is read while wgmma still accumulates into it; wgmma.wait_group must come first.");
            _inFlight.Remove(register);
        }
        else
        {
            warp.Report(FindingKind.UninitialisedRegister, Warp.Lowest(lanes), null, $"{name} is read, but nothing wrote it.");
        }

        warp.Defined[register] |= lanes;
    }

    public void NoteWrite(int register, uint lanes)
    {
        _writtenSinceFence.Add(register);
        if (_inFlight.Remove(register))
        {
            warp.Report(FindingKind.WgmmaRegisters, Warp.Lowest(lanes), null, $"{warp.RegisterName(register)} is written while wgmma still uses it; wgmma.wait_group must come first.");
        }
    }

    public void Ended(uint lanes)
    {
        if (_inFlight.Count > 0 && warp.Live == 0)
        {
            warp.Report(FindingKind.AsyncAtExit, Warp.Lowest(lanes), null, "the warp ends while wgmma is in flight.");
            _inFlight.Clear();
        }
    }
}
