using System;
using System.Collections.Generic;
using Sinter.Ptx.Decoding;
using Sinter.Ptx.Execution;

namespace Sinter.Ptx.Operations;

/// <summary>Makes the operation of an instruction.</summary>
internal delegate Execute Decode(Site site);

/// <summary>All instructions by the first part of their names; a family a file.</summary>
internal static class InstructionTable
{
    private static readonly Dictionary<string, Decode> s_table = Gather(
        Arithmetic.Table,
        BitOperation.Table,
        Comparisons.Table,
        Conversions.Table,
        Movement.Table,
        ControlFlow.Table,
        WarpOperations.Table,
        Barriers.Table,
        Copies.Table,
        MatrixProducts.Table,
        WarpgroupProducts.Table,
        Unsupported.Table);

    public static bool TryFind(string name, out Decode decode)
    {
        var found = s_table.TryGetValue(name, out var value);
        decode = value!;
        return found;
    }

    private static Dictionary<string, Decode> Gather(params Dictionary<string, Decode>[] families)
    {
        var table = new Dictionary<string, Decode>(StringComparer.Ordinal);
        foreach (var family in families)
        {
            foreach (var (name, decode) in family)
            {
                table.Add(name, decode);
            }
        }

        return table;
    }
}
