using System;
using System.Collections.Generic;
using Sinter.Ptx.Decoding;
using Sinter.Ptx.Execution;
using Sinter.Ptx.Text;

namespace Sinter.Ptx.Operations;

/// <summary>Comparison and selection (PTX ISA, sections 9.7.6 and 9.7.7).</summary>
internal static class Comparisons
{
    private static readonly string[] s_names =
        ["eq", "ne", "lt", "le", "gt", "ge", "lo", "ls", "hi", "hs", "equ", "neu", "ltu", "leu", "gtu", "geu", "num", "nan"];

    public static Dictionary<string, Decode> Table { get; } = new()
    {
        ["setp"] = SetPredicate,
        ["selp"] = Select,
    };

    /// <summary>A comparison of two values of a type, by its name.</summary>
    private static Func<ulong, ulong, bool> Compare(Site site, string name, DataType type, bool flush)
    {
        if (!type.IsFloat)
        {
            return Ordered(name, type);
        }

        double Value(ulong bits)
        {
            bits = flush && type == DataType.F32 ? FloatArithmetic.FlushSingle(bits) : bits;
            return type.Format is { } format ? format.Decode((uint)bits) : BitConverter.UInt64BitsToDouble(bits);
        }

        return name switch
        {
            "eq" => (a, b) => Value(a) == Value(b),
            "ne" => (a, b) => Value(a) < Value(b) || Value(a) > Value(b),
            "lt" => (a, b) => Value(a) < Value(b),
            "le" => (a, b) => Value(a) <= Value(b),
            "gt" => (a, b) => Value(a) > Value(b),
            "ge" => (a, b) => Value(a) >= Value(b),
            "equ" => (a, b) => !(Value(a) < Value(b) || Value(a) > Value(b)),
            "neu" => (a, b) => !(Value(a) == Value(b)),
            "ltu" => (a, b) => !(Value(a) >= Value(b)),
            "leu" => (a, b) => !(Value(a) > Value(b)),
            "gtu" => (a, b) => !(Value(a) <= Value(b)),
            "geu" => (a, b) => !(Value(a) < Value(b)),
            "num" => (a, b) => !double.IsNaN(Value(a)) && !double.IsNaN(Value(b)),
            "nan" => (a, b) => double.IsNaN(Value(a)) || double.IsNaN(Value(b)),
            _ => throw site.Error($".{name} does not compare .{type.Name}."),
        };
    }

    private static Func<ulong, ulong, bool> Ordered(string name, DataType type)
    {
        bool Less(ulong a, ulong b) => type.IsSigned ? type.SignExtend(a) < type.SignExtend(b) : a < b;
        return name switch
        {
            "eq" => (a, b) => a == b,
            "ne" => (a, b) => a != b,
            "lt" or "lo" => Less,
            "le" or "ls" => (a, b) => !Less(b, a),
            "gt" or "hi" => (a, b) => Less(b, a),
            _ => (a, b) => !Less(a, b),
        };
    }

    private static Execute SetPredicate(Site site)
    {
        var compare = site.TakeOne(s_names);
        var combine = site.TakeAny("and", "or", "xor");
        var flush = site.Take("ftz");
        var type = site.TakeType();
        var holds = Compare(site, compare, type, flush);
        var (first, second) = site.Operand(0) is Pair pair ? (pair.First, pair.Second) : (site.Operand(0), null);
        var p = site.Out(first, DataType.Predicate);
        var (x, y) = (site.In(1, type), site.In(2, type));
        if (combine is null && second is null)
        {
            return LaneLoops.Map(p, x, y, (a, b) => holds(a, b) ? 1UL : 0);
        }

        var q = second is null ? -1 : site.Out(second, DataType.Predicate);
        var negated = combine is not null && site.Operand(3) is Not;
        var third = combine is null ? -1 : site.In(site.Operand(3) is Not not ? not.Inner : site.Operand(3), DataType.Predicate);
        return LaneLoops.Each((warp, lane) =>
        {
            var result = holds(warp.Read(x, lane), warp.Read(y, lane));
            var c = third >= 0 && (warp.Read(third, lane) != 0) != negated;
            bool With(bool value) => combine switch
            {
                "and" => value && c,
                "or" => value || c,
                "xor" => value != c,
                _ => value,
            };
            warp.Write(p, lane, With(result) ? 1UL : 0);
            if (q >= 0)
            {
                warp.Write(q, lane, With(!result) ? 1UL : 0);
            }
        });
    }

    private static Execute Select(Site site)
    {
        var type = site.TakeType();
        return LaneLoops.Map(site.Out(0, type), site.In(1, type), site.In(2, type), site.In(3, DataType.Predicate), (a, b, c) => c != 0 ? a : b);
    }
}
