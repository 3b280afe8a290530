using System;
using System.Collections.Generic;
using Sinter.Ptx.Decoding;
using Sinter.Ptx.Execution;
using Sinter.Ptx.Text;

namespace Sinter.Ptx.Operations;

/// <summary>Atomic operations (PTX ISA, sections 9.7.13.5, "atom", and 9.7.13.7, "red").</summary>
internal static class Atomics
{
    private static readonly Dictionary<string, Func<DataType, ulong, ulong, ulong, ulong>> s_operations = new()
    {
        ["add"] = (t, old, b, _) => t.IsFloat ? Float(t, old, b, static (x, y) => Numerics.ExactArithmetic.Add(x, y)) : old + b,
        ["min"] = (t, old, b, _) => t.IsFloat ? Float(t, old, b, Math.Min) : (t.IsSigned ? t.SignExtend(b) < t.SignExtend(old) : b < old) ? b : old,
        ["max"] = (t, old, b, _) => t.IsFloat ? Float(t, old, b, Math.Max) : (t.IsSigned ? t.SignExtend(b) > t.SignExtend(old) : b > old) ? b : old,
        ["and"] = (_, old, b, _) => old & b,
        ["or"] = (_, old, b, _) => old | b,
        ["xor"] = (_, old, b, _) => old ^ b,
        ["exch"] = (_, _, b, _) => b,
        ["inc"] = (_, old, b, _) => old >= b ? 0 : old + 1,
        ["dec"] = (_, old, b, _) => old == 0 || old > b ? b : old - 1,
        ["cas"] = (_, old, compare, value) => old == compare ? value : old,
    };

    public static Execute Decode(Site site)
    {
        var returns = site.Root == "atom";
        Movement.TakeOrder(site);
        var space = Movement.TakeSpace(site);
        site.Take("noftz");
        site.Take("ftz");
        var name = site.TakeOne("add", "min", "max", "and", "or", "xor", "exch", "inc", "dec", "cas");
        var count = site.TakeAny("v2", "v4", "v8") switch { "v2" => 2, "v4" => 4, "v8" => 8, _ => 1 };
        if (count > 1)
        {
            throw site.Error($"{site.Instruction.Opcode} is not supported yet.");
        }

        var type = site.TakeType();
        var f = s_operations[name];
        var first = returns ? 1 : 0;
        var at = site.At(first);
        space = at.Space ?? space;
        var results = returns && site.Operand(0) is not Name { Text: "_" } ? site.OutAll(0, type, count) : [];
        var values = site.InAll(first + 1, type, count);
        var others = name == "cas" ? site.InAll(first + 2, type, 1) : null;
        return LaneLoops.Each((warp, lane) =>
        {
            var address = warp.Read(at.Base, lane) + at.Offset;
            if (count > 1 && !BlockMemory.Aligned(warp, lane, address, type.Bytes * count))
            {
                return;
            }

            for (var i = 0; i < count; i++)
            {
                var place = address + (ulong)(i * type.Bytes);
                var old = warp.Block.Memory.Load(warp, lane, space, place, type.Bytes, strong: true);
                var other = others is null ? 0 : warp.Read(others[0], lane);
                var value = f(type, old, warp.Read(values[i], lane), other) & type.Mask;
                warp.Block.Memory.Store(warp, lane, space, place, type.Bytes, value, strong: true);
                if (results.Length > 0)
                {
                    warp.Write(results[i], lane, old);
                }
            }
        });
    }

    private static ulong Float(DataType type, ulong a, ulong b, Func<double, double, double> f)
    {
        if (type.Format is not { } format)
        {
            return BitConverter.DoubleToUInt64Bits(f(BitConverter.UInt64BitsToDouble(a), BitConverter.UInt64BitsToDouble(b)));
        }

        ulong One(ulong x, ulong y) => format.Encode(f(format.Decode((uint)x), format.Decode((uint)y)));
        return type.Lanes == 1 ? One(a, b) : One(a & 0xFFFF, b & 0xFFFF) | (One(a >> 16, b >> 16) << 16);
    }
}
