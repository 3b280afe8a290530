using Sinter.Ptx.Decoding;
using Sinter.Ptx.Execution;
using Sinter.Ptx.Memory;
using Sinter.Ptx.Text;

namespace Sinter.Ptx.Operations;

/// <summary>Instructions on mbarrier objects (PTX ISA, section 9.7.13.15).</summary>
internal static class Mbarriers
{
    public static Execute Decode(Site site)
    {
        var kind = site.TakeOne("init", "inval", "arrive", "arrive_drop", "expect_tx", "complete_tx", "test_wait", "try_wait", "pending_count");
        site.TakeAny("release", "acquire", "relaxed");
        site.TakeAny("cta", "cluster");
        Movement.TakeSpace(site);
        return kind switch
        {
            "init" => Initialise(site),
            "inval" => Invalidate(site),
            "arrive" => Arrive(site),
            "expect_tx" => Expect(site),
            "test_wait" or "try_wait" => Wait(site, blocks: kind == "try_wait"),
            _ => throw site.Error($"mbarrier.{kind} is not supported yet."),
        };
    }

    /// <summary>The mbarrier at an address; null and a finding if there is none.</summary>
    public static Mbarrier? Find(Warp warp, int lane, ulong address)
    {
        address = Shared(address);
        if (warp.Block.FindMbarrier(address) is { } barrier)
        {
            if (!barrier.IsSeenBy(warp.Thread(lane)))
            {
                warp.Report(FindingKind.SharedMemoryRace, lane, address, $"the mbarrier is used here, but it was initialised at line {barrier.Initialised.Line}, and nothing orders the two.");
            }

            return barrier;
        }

        warp.Report(FindingKind.MbarrierMisuse, lane, address, "no mbarrier was initialised at this address.");
        return null;
    }

    /// <summary>Generic addresses of shared memory become shared ones.</summary>
    public static ulong Shared(ulong address) => AddressSpace.Resolve(address) is (Space.Shared, var inside) ? inside : address;

    private static Execute Initialise(Site site)
    {
        site.Take("b64");
        var (at, count) = (site.At(0), site.In(1, DataType.U32));
        return LaneLoops.Each((warp, lane) =>
        {
            var address = Shared(warp.Read(at.Base, lane) + at.Offset);
            var space = Space.Shared;
            if (warp.Block.Memory.Locate(warp, lane, ref space, ref address, 8, out _, out _))
            {
                if (warp.Block.FindMbarrier(address) is not null)
                {
                    warp.Report(FindingKind.MbarrierMisuse, lane, address, "an mbarrier is already here; mbarrier.inval must come first.");
                }

                warp.Block.AddMbarrier(new Mbarrier(warp.Block, address, (int)warp.Read(count, lane), warp.Current, warp.Thread(lane)));
            }
        });
    }

    private static Execute Invalidate(Site site)
    {
        site.Take("b64");
        var at = site.At(0);
        return LaneLoops.Each((warp, lane) =>
        {
            var address = warp.Read(at.Base, lane) + at.Offset;
            if (Find(warp, lane, address) is not null)
            {
                warp.Block.RemoveMbarrier(Shared(address));
            }
        });
    }

    private static Execute Arrive(Site site)
    {
        var expects = site.Take("expect_tx");
        site.Take("noComplete");
        site.Take("b64");
        var first = site.Operand(0) is Address ? 0 : 1;
        var state = first == 1 && site.Operand(0) is not Name { Text: "_" } ? site.Out(0, DataType.U64) : -1;
        var at = site.At(first);
        var number = site.Operands.Count > first + 1 ? site.In(first + 1, DataType.U32) : site.ConstantRegister(1);
        return LaneLoops.Each((warp, lane) =>
        {
            if (Find(warp, lane, warp.Read(at.Base, lane) + at.Offset) is not { } barrier)
            {
                return;
            }

            if (state >= 0)
            {
                warp.Write(state, lane, (ulong)barrier.Phase);
            }

            var n = (int)warp.Read(number, lane);
            if (expects)
            {
                barrier.Expect(n, complete: false);
            }

            barrier.Arrive(warp, lane, expects ? 1 : n);
        });
    }

    private static Execute Expect(Site site)
    {
        site.Take("b64");
        var (at, bytes) = (site.At(0), site.In(1, DataType.U32));
        return LaneLoops.Each((warp, lane)
            => Find(warp, lane, warp.Read(at.Base, lane) + at.Offset)?.Expect((int)warp.Read(bytes, lane), complete: true));
    }

    /// <summary>try_wait stops its lanes until the phase completes, as the ISA lets it; test_wait only looks.</summary>
    private static Execute Wait(Site site, bool blocks)
    {
        var parity = site.Take("parity");
        site.Take("b64");
        var done = site.Out(0, DataType.Predicate);
        var (at, phase) = (site.At(1), site.In(2, parity ? DataType.U32 : DataType.U64));
        return LaneLoops.Each((warp, lane) =>
        {
            if (Find(warp, lane, warp.Read(at.Base, lane) + at.Offset) is not { } barrier)
            {
                warp.Write(done, lane, 1);
                return;
            }

            var complete = barrier.IsComplete(warp.Read(phase, lane), parity);
            if (complete)
            {
                barrier.Seen([warp.Thread(lane)]);
            }
            else if (blocks)
            {
                barrier.AddWaiting(warp, 1U << lane);
                warp.Wait(1U << lane, warp.Place);
                return;
            }

            warp.Write(done, lane, complete ? 1UL : 0);
        });
    }
}
