using System;
using Sinter.Ptx.Analysis;
using Sinter.Ptx.Memory;

namespace Sinter.Ptx.Execution;

/// <summary>All memory that a block's threads reach, with the checks on every access.</summary>
internal sealed class BlockMemory
{
    private readonly Block _block;
    private readonly MemoryRegion?[] _local;
    private readonly SharedShadow? _shadow;

    public BlockMemory(Block block, int sharedBytes, int threads)
    {
        _block = block;
        Shared = new MemoryRegion("shared memory", AddressSpace.SharedStart, sharedBytes);
        _local = new MemoryRegion?[threads];
        _shadow = block.Order is { } order ? new SharedShadow(order, sharedBytes) : null;
    }

    public MemoryRegion Shared { get; }

    /// <summary>Counts changes of memory, from which the scheduler sees that a loop gets somewhere.</summary>
    public long Changes { get; private set; }

    /// <summary>Reads at most 8 bytes; 0 and a finding where that cannot be.</summary>
    public ulong Load(Warp warp, int lane, Space space, ulong address, int size, bool strong = false)
    {
        if (!Locate(warp, lane, ref space, ref address, size, out var region, out var offset))
        {
            return 0;
        }

        if (!region.IsWritten(offset, size))
        {
            warp.Report(FindingKind.UninitialisedMemory, lane, address, $"{size} bytes of {region.Name} are read, but not all of them were written.");
            region.MarkWritten(offset, size);
        }

        if (space == Space.Shared)
        {
            Note(warp, lane, offset, size, write: false, strong);
        }

        return region.Load(offset, size);
    }

    /// <summary>Writes at most 8 bytes; nothing but a finding where that cannot be.</summary>
    public void Store(Warp warp, int lane, Space space, ulong address, int size, ulong value, bool strong = false)
    {
        if (!Locate(warp, lane, ref space, ref address, size, out var region, out var offset))
        {
            return;
        }

        if (space == Space.Parameter)
        {
            warp.Report(FindingKind.OutOfBounds, lane, address, "a kernel's parameters cannot be written.");
            return;
        }

        if (space == Space.Shared)
        {
            Note(warp, lane, offset, size, write: true, strong);
        }

        if (region.Store(offset, size, value))
        {
            Changes++;
        }
    }

    /// <summary>Whether an access of a vector or a copy is aligned; a finding if not.</summary>
    public static bool Aligned(Warp warp, int lane, ulong address, int alignment)
    {
        if (address % (ulong)alignment == 0)
        {
            return true;
        }

        warp.Report(FindingKind.Misaligned, lane, address, $"the address must be a multiple of {alignment}.");
        return false;
    }

    /// <summary>Finds the bytes of an access; false, with a finding, if there are none.</summary>
    public bool Locate(Warp warp, int lane, ref Space space, ref ulong address, int size, out MemoryRegion region, out long offset)
    {
        if (space == Space.Generic)
        {
            (space, address) = AddressSpace.Resolve(address);
        }

        var found = space switch
        {
            Space.Shared => Shared,
            Space.Local => _local[warp.Thread(lane)] ??= new MemoryRegion("local memory", AddressSpace.LocalStart, _block.Code.LocalBytes),
            Space.Parameter => _block.Launch.Arguments,
            _ => _block.Launch.Global.Find(address),
        };
        region = found!;
        offset = found is null ? 0 : (long)(address - found.Start);
        if (found is null || !found.Holds(offset, size))
        {
            var where = space == Space.Global
                ? _block.Launch.Global.Describe(address)
                : $"{found!.Name} reaches from 0x{found.Start:x} to 0x{found.Start + (ulong)found.Length:x}";
            warp.Report(FindingKind.OutOfBounds, lane, address, $"{size} bytes are touched, but {where}.");
            return false;
        }

        return size is not (1 or 2 or 4 or 8) || Aligned(warp, lane, address, size);
    }

    /// <summary>Notes an access to shared memory by a thread itself.</summary>
    public void Note(Warp warp, int lane, long offset, int size, bool write, bool strong = false)
    {
        if (_shadow is not null)
        {
            var thread = warp.Thread(lane);
            Note(warp, lane, offset, size, write, new Access(thread, _block.Order!.Clock(thread), thread, warp.Place, strong));
        }
    }

    /// <summary>Notes an access to shared memory by any actor.</summary>
    public void Note(Warp warp, int lane, long offset, int size, bool write, in Access access)
    {
        if (_shadow is null)
        {
            return;
        }

        var conflict = write ? _shadow.Write((int)offset, size, access) : _shadow.Read((int)offset, size, access);
        if (conflict is { } clash)
        {
            warp.Report(clash.Kind, lane, (ulong)clash.Offset + AddressSpace.SharedStart, Explain(clash, write));
        }
    }

    /// <summary>Marks bytes that an asynchronous copy brought.</summary>
    public void Brought() => Changes++;

    private string Explain(in Conflict clash, bool write)
    {
        var verb = write ? "written" : "read";
        var earlier = clash.EarlierWrote ? "wrote" : "reads";
        var operation = _block.Code.Operations[clash.Operation];
        var owner = _block.Order!.Owner(clash.Actor);
        var who = owner >= 0 ? $"thread ({_block.Launch.Shape.Block.At(owner)})" : "the block";
        return clash.Kind switch
        {
            FindingKind.AsyncNotWaited => $"the byte is {verb} while `{operation.Text}` of {who}, line {operation.Line}, {(clash.EarlierWrote ? "may still write" : "may still read")} it: nothing waited for that.",
            FindingKind.MissingProxyFence => $"the byte is {verb} by the asynchronous proxy, but {who} {earlier} it at line {operation.Line} with no fence.proxy.async after that.",
            _ => $"the byte is {verb} here, but {who} {earlier} it at line {operation.Line}, and no barrier orders the two.",
        };
    }
}
