using System;
using System.Collections.Generic;
using System.Linq;

namespace Sinter.Ptx.Execution;

/// <summary>
/// The registers of a warp into which wgmma adds by itself, and the groups they belong to (PTX ISA, section
/// 9.7.15, "Asynchronous Warpgroup Level Matrix Instructions", on wgmma.fence and wgmma.wait_group).
/// </summary>
internal sealed class WgmmaRegisters(Warp warp)
{
    private readonly Dictionary<int, long> _inFlight = [];
    private readonly HashSet<int> _writtenSinceFence = [];
    private bool _fenced;
    private long _committed;

    /// <summary>Whether writes must be noted at all.</summary>
    public bool Tracks { get; } = warp.Block.Launch.UsesWgmma;

    /// <summary>The clock of the group that is open.</summary>
    public uint OpenGroup => (uint)_committed + 1;

    /// <summary>wgmma.fence: what was written to registers is visible to the products that follow.</summary>
    public void Fence()
    {
        _fenced = true;
        _writtenSinceFence.Clear();
    }

    public void Commit() => _committed++;

    /// <summary>Waits until at most so many of the newest groups are under way; returns the clock waited for.</summary>
    public uint Wait(long stillOpen)
    {
        var done = _committed - stillOpen;
        foreach (var register in _inFlight.Where(entry => entry.Value <= done).Select(entry => entry.Key).ToList())
        {
            _inFlight.Remove(register);
            warp.Defined[register] = warp.Members;
        }

        return (uint)Math.Max(0, done);
    }

    /// <summary>Whether a product in flight adds into the register.</summary>
    public bool Accumulates(int register) => _inFlight.ContainsKey(register);

    /// <summary>A product starts that adds into registers. Until it was waited for they count as not written.</summary>
    public void Start(int[] registers)
    {
        foreach (var register in registers)
        {
            if (!_fenced || _writtenSinceFence.Remove(register))
            {
                warp.Report(FindingKind.WgmmaRegisters, 0, null, $"no wgmma.fence follows what was last written to {warp.RegisterName(register)}; the product may not see it.");
            }

            _inFlight[register] = _committed + 1;
            warp.Defined[register] = 0;
        }
    }

    /// <summary>A register is read in lanes where it does not count as written.</summary>
    public void ReportUse(int register, uint lanes)
    {
        var name = warp.RegisterName(register);
        if (_inFlight.Remove(register))
        {
            warp.Report(FindingKind.WgmmaRegisters, Warp.Lowest(lanes), null, $"{name} is read while wgmma still adds into it; wgmma.wait_group must come first.");
            lanes = warp.Members;
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
            warp.Report(FindingKind.WgmmaRegisters, Warp.Lowest(lanes), null, $"{warp.RegisterName(register)} is written while wgmma still adds into it; wgmma.wait_group must come first.");
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
