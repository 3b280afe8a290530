using System;
using System.Collections.Generic;
using System.Linq;

namespace Sinter.Compiler.Operations;

/// <summary>
/// Gives every call the earliest stage in which what it needs is there. Calls of one stage run without waiting for each
/// other, so that the query's and the latent's projections, say, cost one barrier.
/// </summary>
public static class PlaceStages
{
    public static LoweredRegion Run(LoweredRegion region)
    {
        var stages = new int[region.Calls.Count];
        for (int i = 0; i < stages.Length; i++)
        {
            for (int k = 0; k < i; k++)
            {
                if (!MustFollow(region.Calls[i], region.Calls[k])) continue;
                bool needsBarrier = !(region.Calls[i].SharesTokens && region.Calls[k].SharesTokens);
                stages[i] = Math.Max(stages[i], stages[k] + (needsBarrier ? 1 : 0));
            }
        }

        IEnumerable<Call> calls = region.Calls.Select((call, i) => call with { Stage = stages[i] }).OrderBy(call => call.Stage);
        return region with { Calls = calls.ToEquatable() };
    }

    private static bool MustFollow(Call later, Call earlier) =>
        Meet(later.Reads, earlier.Writes) || Meet(later.Writes, earlier.Writes) || Meet(later.Writes, earlier.Reads)
        || Meet(later.ReadCaches, earlier.WrittenCaches) || Meet(later.WrittenCaches, earlier.ReadCaches);

    private static bool Meet<T>(EquatableArray<T> left, EquatableArray<T> right) where T : IEquatable<T> => left.Any(item => right.Contains(item));
}
