using System;
using System.Collections.Generic;
using System.Numerics;
using Sinter.Ptx.Decoding;
using Sinter.Ptx.Execution;

namespace Sinter.Ptx.Operations;

/// <summary>Logic, shifts and bit fields (PTX ISA, sections 9.7.1 and 9.7.8).</summary>
internal static class BitOperation
{
    public static Dictionary<string, Decode> Table { get; } = new()
    {
        ["and"] = Logic((a, b) => a & b),
        ["or"] = Logic((a, b) => a | b),
        ["xor"] = Logic((a, b) => a ^ b),
        ["not"] = Unary((t, a) => ~a & t.Mask),
        ["cnot"] = Unary((t, a) => a == 0 ? 1UL : 0),
        ["popc"] = Counting((t, a) => (ulong)BitOperations.PopCount(a)),
        ["clz"] = Counting((t, a) => (ulong)(BitOperations.LeadingZeroCount(a) - 64 + t.Bits)),
        ["brev"] = Unary((t, a) => Reverse(a, t.Bits)),
        ["bfind"] = FindHighest,
        ["shl"] = Shift((t, a, n) => n >= (uint)t.Bits ? 0 : (a << (int)n) & t.Mask),
        ["shr"] = Shift((t, a, n) => t.IsSigned
            ? (ulong)(t.SignExtend(a) >> (int)Math.Min(n, 63)) & t.Mask
            : n >= (uint)t.Bits ? 0 : a >> (int)n),
        ["shf"] = Funnel,
        ["lop3"] = Lop3,
        ["prmt"] = Permute,
        ["bfe"] = Extract,
        ["bfi"] = Insert,
    };

    private static Decode Logic(Func<ulong, ulong, ulong> f) => site =>
    {
        var type = site.TakeType();
        return LaneLoops.Map(site.Out(0, type), site.In(1, type), site.In(2, type), f);
    };

    private static Decode Unary(Func<DataType, ulong, ulong> f) => site =>
    {
        var type = site.TakeType();
        return LaneLoops.Map(site.Out(0, type), site.In(1, type), a => f(type, a));
    };

    private static Decode Counting(Func<DataType, ulong, ulong> f) => site =>
    {
        var type = site.TakeType();
        return LaneLoops.Map(site.Out(0, DataType.U32), site.In(1, type), a => f(type, a));
    };

    private static Decode Shift(Func<DataType, ulong, ulong, ulong> f) => site =>
    {
        var type = site.TakeType();
        return LaneLoops.Map(site.Out(0, type), site.In(1, type), site.In(2, DataType.U32), (a, n) => f(type, a, (uint)n));
    };

    private static ulong Reverse(ulong a, int bits)
    {
        var result = 0UL;
        for (var i = 0; i < bits; i++)
        {
            result |= (a >> i & 1) << (bits - 1 - i);
        }

        return result;
    }

    private static Execute FindHighest(Site site)
    {
        var amount = site.Take("shiftamt");
        var type = site.TakeType();
        return LaneLoops.Map(site.Out(0, DataType.U32), site.In(1, type), a =>
        {
            a = type.IsSigned && type.SignExtend(a) < 0 ? ~a & type.Mask : a;
            return a == 0 ? uint.MaxValue : (ulong)(amount ? type.Bits - 1 - BitOperations.Log2(a) : BitOperations.Log2(a));
        });
    }

    private static Execute Funnel(Site site)
    {
        var left = site.TakeOne("l", "r") == "l";
        var clamps = site.TakeOne("clamp", "wrap") == "clamp";
        site.TakeType();
        return LaneLoops.Map(site.Out(0, DataType.B32), site.In(1, DataType.B32), site.In(2, DataType.B32), site.In(3, DataType.U32), (a, b, c) =>
        {
            var n = (int)(clamps ? Math.Min(c, 32) : c & 31);
            var both = (b << 32) | a;
            return left ? (uint)((UInt128)both << n >> 32) : (uint)(both >> n);
        });
    }

    private static Execute Lop3(Site site)
    {
        site.TakeType();
        var table = (int)site.Immediate(4);
        return LaneLoops.Map(site.Out(0, DataType.B32), site.In(1, DataType.B32), site.In(2, DataType.B32), site.In(3, DataType.B32), (a, b, c) =>
        {
            var result = 0UL;
            for (var i = 0; i < 8; i++)
            {
                if ((table >> i & 1) != 0)
                {
                    result |= ((i & 4) != 0 ? a : ~a) & ((i & 2) != 0 ? b : ~b) & ((i & 1) != 0 ? c : ~c);
                }
            }

            return (uint)result;
        });
    }

    private static Execute Permute(Site site)
    {
        site.TakeType();
        return LaneLoops.Map(site.Out(0, DataType.B32), site.In(1, DataType.B32), site.In(2, DataType.B32), site.In(3, DataType.B32), (a, b, c) =>
        {
            var bytes = a | (b << 32);
            var result = 0UL;
            for (var i = 0; i < 4; i++)
            {
                var selector = c >> (4 * i);
                var value = bytes >> (int)(8 * (selector & 7)) & 0xFF;
                value = (selector & 8) == 0 ? value : (value & 0x80) != 0 ? 0xFFUL : 0;
                result |= value << (8 * i);
            }

            return result;
        });
    }

    private static Execute Extract(Site site)
    {
        var type = site.TakeType();
        return LaneLoops.Map(site.Out(0, type), site.In(1, type), site.In(2, DataType.U32), site.In(3, DataType.U32), (a, b, c) =>
        {
            var (position, length) = ((int)(b & 0xFF), (int)(c & 0xFF));
            var top = Math.Min(position + length - 1, type.Bits - 1);
            var sign = type.IsSigned && length > 0 && (a >> top & 1) != 0;
            var result = 0UL;
            for (var i = 0; i < type.Bits; i++)
            {
                var bit = i < length && position + i < type.Bits ? (a >> (position + i) & 1) != 0 : sign;
                result |= bit ? 1UL << i : 0;
            }

            return result;
        });
    }

    private static Execute Insert(Site site)
    {
        var type = site.TakeType();
        var (d, x, y) = (site.Out(0, type), site.In(1, type), site.In(2, type));
        var (start, count) = (site.In(3, DataType.U32), site.In(4, DataType.U32));
        return LaneLoops.Each((warp, lane) =>
        {
            var (position, length) = ((int)(warp.Read(start, lane) & 0xFF), (int)(warp.Read(count, lane) & 0xFF));
            var field = length >= 64 ? ulong.MaxValue : (1UL << length) - 1;
            var mask = position >= 64 ? 0 : field << position & type.Mask;
            var (a, b) = (warp.Read(x, lane), warp.Read(y, lane));
            warp.Write(d, lane, (b & ~mask) | (position >= 64 ? 0 : a << position & mask));
        });
    }
}
