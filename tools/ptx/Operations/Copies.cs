using System;
using System.Collections.Generic;
using System.Linq;
using Sinter.Ptx.Analysis;
using Sinter.Ptx.Decoding;
using Sinter.Ptx.Execution;
using Sinter.Ptx.Memory;
using Sinter.Ptx.Text;

namespace Sinter.Ptx.Operations;

/// <summary>
/// Asynchronous copies (PTX ISA, section 9.7.9.25). Bytes move when the copy starts; that they count only after
/// they were waited for is the business of the order of accesses.
/// </summary>
internal static class Copies
{
    public static Dictionary<string, Decode> Table { get; } = new() { ["cp"] = Decode };

    private static Execute Decode(Site site)
    {
        site.Take("async");
        if (site.Take("bulk"))
        {
            throw site.Error("cp.async.bulk is not supported yet.");
        }

        if (site.Take("commit_group"))
        {
            return LaneLoops.Each(static (warp, lane) => warp.Block.Copies.Commit(warp.Thread(lane)));
        }

        if (site.Take("wait_group"))
        {
            var open = site.Immediate(0);
            return LaneLoops.Each((warp, lane) => warp.Block.Copies.Wait(warp.Thread(lane), open));
        }

        if (site.Take("wait_all"))
        {
            return LaneLoops.Each(static (warp, lane) => warp.Block.Copies.WaitAll(warp.Thread(lane)));
        }

        if (site.Take("mbarrier"))
        {
            throw site.Error("cp.async.mbarrier is not supported yet.");
        }

        return Small(site);
    }

    private static Execute Small(Site site)
    {
        var streaming = site.TakeOne("ca", "cg") == "cg";
        Movement.TakeSpace(site);
        Movement.TakeSpace(site);
        Movement.TakeOrder(site);
        var (to, from) = (site.At(0), site.At(1));
        var size = (int)site.Immediate(2);
        if (size is not (4 or 8 or 16) || (streaming && size != 16))
        {
            throw site.Error("cp.async copies 4, 8 or 16 bytes, and .cg 16.");
        }

        var source = site.Operands.Count > 3 ? site.In(3, DataType.U32) : site.ConstantRegister((ulong)size);
        return LaneLoops.Each((warp, lane) =>
        {
            var access = warp.Block.Copies.Start(warp, lane);
            var (target, origin) = (warp.Read(to.Base, lane) + to.Offset, warp.Read(from.Base, lane) + from.Offset);
            var read = (int)Math.Min(warp.Read(source, lane), (ulong)size);
            if (BlockMemory.Aligned(warp, lane, target, size) && BlockMemory.Aligned(warp, lane, origin, size))
            {
                Copy(warp, lane, Space.Shared, target, Space.Global, origin, size, read, access);
            }
        });
    }

    /// <summary>Copies bytes, zeroes past <paramref name="read"/>; the shared side is noted for the actor.</summary>
    private static void Copy(
        Warp warp, int lane, Space toSpace, ulong to, Space fromSpace, ulong from, int size, int read, in Access access)
    {
        var memory = warp.Block.Memory;
        MemoryRegion? source = null;
        var offset = 0L;
        if (!memory.Locate(warp, lane, ref toSpace, ref to, size, out var target, out var place)
            || (read > 0 && !memory.Locate(warp, lane, ref fromSpace, ref from, read, out source, out offset)))
        {
            return;
        }

        if (read > 0 && !source!.IsWritten(offset, read))
        {
            warp.Report(FindingKind.UninitialisedMemory, lane, from, $"{read} bytes of {source.Name} are copied, but not all of them were written.");
        }

        var shared = toSpace == Space.Shared ? place : offset;
        memory.Note(warp, lane, shared, size, write: toSpace == Space.Shared, access);
        if (read > 0)
        {
            source!.Bytes.Slice((int)offset, read).CopyTo(target.Bytes[(int)place..]);
        }

        target.Bytes.Slice((int)place + read, size - read).Clear();
        target.MarkWritten(place, size);
        memory.Brought();
    }
}
