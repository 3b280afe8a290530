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
            return Bulk(site);
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
            var access = warp.Block.Copies.Start(warp, lane, asyncProxy: false);
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

    private static Execute Bulk(Site site)
    {
        if (site.Take("commit_group"))
        {
            return LaneLoops.Each(static (warp, lane) => warp.Block.BulkCopies.Commit(warp.Thread(lane)));
        }

        if (site.Take("wait_group"))
        {
            site.Take("read");
            var open = site.Immediate(0);
            return LaneLoops.Each((warp, lane) => warp.Block.BulkCopies.Wait(warp.Thread(lane), open));
        }

        var tensor = site.Take("tensor") ? site.TakeOne("1d", "2d", "3d", "4d", "5d")[0] - '0' : 0;
        site.Take("tile");
        var into = site.Left[0].StartsWith("shared", StringComparison.Ordinal);
        Movement.TakeSpace(site);
        Movement.TakeSpace(site);
        site.Take(into ? "mbarrier::complete_tx::bytes" : "bulk_group");
        if (site.Left.Any(modifier => modifier is "multicast::cluster" or "L2::cache_hint"))
        {
            throw site.Error("multicast and cache hints of bulk copies are not supported yet.");
        }

        return tensor > 0 ? TensorCopies.Decode(site, tensor, into) : BulkLine(site, into);
    }

    private static Execute BulkLine(Site site, bool into)
    {
        var (to, from, size) = (site.At(0), site.At(1), site.In(2, DataType.U32));
        var at = into ? site.At(3) : default;
        return LaneLoops.Each((warp, lane) =>
        {
            var (target, origin) = (warp.Read(to.Base, lane) + to.Offset, warp.Read(from.Base, lane) + from.Offset);
            var bytes = (int)warp.Read(size, lane);
            if (!BlockMemory.Aligned(warp, lane, target | origin | (uint)bytes, 16))
            {
                return;
            }

            if (!into)
            {
                Copy(warp, lane, Space.Global, target, Space.Shared, Mbarriers.Shared(origin), bytes, bytes, warp.Block.BulkCopies.Start(warp, lane, asyncProxy: true));
            }
            else if (Mbarriers.Find(warp, lane, warp.Read(at.Base, lane) + at.Offset) is { } barrier)
            {
                Copy(warp, lane, Space.Shared, Mbarriers.Shared(target), Space.Global, origin, bytes, bytes, Access(warp, lane, barrier));
                barrier.Came(bytes);
            }
        });
    }

    /// <summary>The access that stands for a copy which completes on an mbarrier.</summary>
    public static Access Access(Warp warp, int lane, Mbarrier barrier)
        => new(barrier.Agent, barrier.CopyClock, warp.Thread(lane), warp.Place, AsyncProxy: true);
}
