using System;
using System.Collections.Generic;
using System.Linq;

namespace Sinter.Compiler.Operations.Training;

/// <summary>
/// Gives every call the earliest stage in which what it needs is there; a barrier stands between stages. None is needed where
/// both calls share the tokens and touch no rows but their own.
/// </summary>
public static class PlaceTrainingStages
{
    public static TrainingRegion Run(TrainingRegion region)
    {
        var stages = new int[region.Calls.Count];
        for (int i = 0; i < stages.Length; i++)
        {
            for (int k = 0; k < i; k++)
            {
                List<string> met = [.. Met(region.Calls[i], region.Calls[k])];
                if (met.Count == 0) continue;
                bool isOwn = met.All(key => region.Calls[i].Own.Contains(key) && region.Calls[k].Own.Contains(key));
                stages[i] = Math.Max(stages[i], stages[k] + (isOwn ? 0 : 1));
            }
        }

        IEnumerable<TrainingCall> calls = region.Calls.Select((call, i) => call with { Stage = stages[i] }).OrderBy(call => call.Stage);
        return region with { Calls = calls.ToEquatable() };
    }

    /// <summary>What one of the calls writes and the other touches.</summary>
    private static IEnumerable<string> Met(TrainingCall later, TrainingCall earlier) =>
        earlier.Writes.Where(key => later.Reads.Contains(key) || later.Writes.Contains(key)).Concat(later.Writes.Where(key => earlier.Reads.Contains(key)));
}
