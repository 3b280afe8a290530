using System;
using System.Collections.Generic;
using System.Linq;
using Sinter.Ptx.Decoding;
using Sinter.Ptx.Execution;
using Sinter.Ptx.Memory;
using Sinter.Ptx.Text;

namespace Sinter.Ptx.Operations;

/// <summary>Moves, loads, stores, atomics and addresses (PTX ISA, sections 9.7.9 and 9.7.13).</summary>
internal static class Movement
{
    private static readonly string[] s_orders = ["weak", "relaxed", "acquire", "release", "acq_rel", "volatile", "mmio"];

    public static Dictionary<string, Decode> Table { get; } = new()
    {
        ["mov"] = Move,
        ["ld"] = Load,
        ["st"] = Store,
        ["cvta"] = ConvertAddress,
        ["atom"] = Atomics.Decode,
        ["red"] = Atomics.Decode,
    };

    public static Space TakeSpace(Site site) => site.TakeAny("global", "shared", "shared::cta", "shared::cluster", "local", "const", "param", "param::entry", "param::func") switch
    {
        "shared" or "shared::cta" or "shared::cluster" => Space.Shared,
        "global" or "const" => Space.Global,
        "local" => Space.Local,
        { } => Space.Parameter,
        null => Space.Generic,
    };

    /// <summary>Takes order, scope and cache modifiers; tells whether the access is strong.</summary>
    public static bool TakeOrder(Site site)
    {
        var order = site.TakeAny(s_orders);
        site.TakeAny("cta", "cluster", "gpu", "sys");
        foreach (var hint in site.Left.Where(modifier => modifier is "ca" or "cg" or "cs" or "cv" or "lu" or "wb" or "wt" or "nc" or "L1::no_allocate" or "L1::evict_first" or "L1::evict_last" or "L1::evict_normal" or "L1::evict_unchanged" || modifier.StartsWith("L2::", StringComparison.Ordinal)).ToList())
        {
            site.Take(hint);
        }

        return order is not (null or "weak");
    }

    private static Execute Move(Site site)
    {
        var type = site.TakeType();
        site.Count(2);
        if (site.Operand(1) is VectorOperand)
        {
            var parts = site.InAll(1, DataType.Predicate with { Kind = TypeKind.Bits, Bits = type.Bits / Parts(site, 1) });
            return Pack(site.Out(0, type), parts, type.Bits / parts.Length);
        }

        if (site.Operand(0) is VectorOperand)
        {
            var parts = site.OutAll(0, DataType.Predicate with { Kind = TypeKind.Bits, Bits = type.Bits / Parts(site, 0) });
            return Unpack(parts, site.In(1, type), type.Bits / parts.Length);
        }

        if (site.Operand(1) is Name { Text: "%clock" or "%clock64" or "%globaltimer" })
        {
            var clock = site.Out(0, type);
            return LaneLoops.Each((warp, lane) => warp.Write(clock, lane, (ulong)warp.Block.Launch.Steps & type.Mask));
        }

        return LaneLoops.Map(site.Out(0, type), site.In(1, type), static a => a);
    }

    private static int Parts(Site site, int operand) => ((VectorOperand)site.Operand(operand)).Elements.Count;

    private static Execute Pack(int result, int[] parts, int bits) => LaneLoops.Each((warp, lane) =>
    {
        var value = 0UL;
        for (var i = 0; i < parts.Length; i++)
        {
            value |= warp.Read(parts[i], lane) << (i * bits);
        }

        warp.Write(result, lane, value);
    });

    private static Execute Unpack(int[] parts, int source, int bits) => LaneLoops.Each((warp, lane) =>
    {
        var value = warp.Read(source, lane);
        for (var i = 0; i < parts.Length; i++)
        {
            warp.Write(parts[i], lane, value >> (i * bits) & ((1UL << bits) - 1));
        }
    });

    private static Execute Load(Site site)
    {
        var strong = TakeOrder(site);
        var space = TakeSpace(site);
        var count = Length(site);
        var type = site.TakeType();
        var at = site.At(1);
        space = at.Space ?? space;
        var results = site.OutAll(0, type, count);
        var masks = site.Masks(0);
        return LaneLoops.Each((warp, lane) =>
        {
            var address = warp.Read(at.Base, lane) + at.Offset;
            if (count > 1 && !BlockMemory.Aligned(warp, lane, address, type.Bytes * count))
            {
                return;
            }

            for (var i = 0; i < count; i++)
            {
                var value = warp.Block.Memory.Load(warp, lane, space, address + (ulong)(i * type.Bytes), type.Bytes, strong);
                warp.Write(results[i], lane, type.IsSigned ? (ulong)type.SignExtend(value) & masks[i] : value);
            }
        });
    }

    private static Execute Store(Site site)
    {
        var strong = TakeOrder(site);
        var space = TakeSpace(site);
        var count = Length(site);
        var type = site.TakeType();
        var at = site.At(0);
        space = at.Space ?? space;
        var values = site.InAll(1, type, count);
        return LaneLoops.Each((warp, lane) =>
        {
            var address = warp.Read(at.Base, lane) + at.Offset;
            if (count > 1 && !BlockMemory.Aligned(warp, lane, address, type.Bytes * count))
            {
                return;
            }

            for (var i = 0; i < count; i++)
            {
                var value = warp.Read(values[i], lane) & type.Mask;
                warp.Block.Memory.Store(warp, lane, space, address + (ulong)(i * type.Bytes), type.Bytes, value, strong);
            }
        });
    }

    private static int Length(Site site) => site.TakeAny("v2", "v4", "v8") switch
    {
        "v2" => 2,
        "v4" => 4,
        "v8" => 8,
        _ => 1,
    };

    private static Execute ConvertAddress(Site site)
    {
        var toSpace = site.Take("to");
        var window = AddressSpace.Window(TakeSpace(site));
        var type = site.TakeType();
        var (d, a) = (site.Out(0, type), site.In(1, type));
        return toSpace ? LaneLoops.Map(d, a, x => x - window) : LaneLoops.Map(d, a, x => x + window);
    }
}
