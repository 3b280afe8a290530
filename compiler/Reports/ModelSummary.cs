using System.Collections.Generic;
using System.Linq;
using Sinter.Compiler.Graph;

namespace Sinter.Compiler.Reports;

/// <summary>Parameters of a part: all of them, and those that one token needs.</summary>
public sealed record PartCount(ModelPart Part, long Total, long Active);

/// <summary>How large a model is.</summary>
/// <param name="Total">Parameters of the main model, multi-token prediction left out.</param>
/// <param name="Active">Of them, those that one token needs: its row of the embedding, and all else but the experts that it does not go through.</param>
/// <param name="Parts">The main model's parts, those that it has.</param>
/// <param name="Prediction">Parameters that only multi-token prediction has.</param>
/// <param name="SharedWithPrediction">Copies of the embedding and the head that it uses too.</param>
/// <param name="ActivePrediction">Those of one token, the copies included.</param>
/// <param name="CacheNumbers">Numbers that a layer keeps of every token.</param>
/// <param name="CachedLayers">Layers of the main model that keep them.</param>
public sealed record ModelSummary(
    long Total,
    long Active,
    EquatableArray<PartCount> Parts,
    long Prediction,
    long SharedWithPrediction,
    long ActivePrediction,
    int CacheNumbers,
    int CachedLayers);

/// <summary>Adds up what the inventory lists.</summary>
public static class SummarizeModel
{
    public static ModelSummary Of(ModelGraph model)
    {
        EquatableArray<StoredGroup> groups = TakeInventory.Of(model);
        List<StoredGroup> main = [.. groups.Where(group => !group.Predicts)];
        List<StoredGroup> prediction = [.. groups.Where(group => group.Predicts)];
        IEnumerable<PartCount> parts = main.GroupBy(group => group.Part).OrderBy(part => part.Key)
            .Select(part => new PartCount(part.Key, part.Sum(group => group.Total), part.Sum(group => group.Active)));
        return new ModelSummary(
            main.Sum(group => group.Total),
            main.Sum(group => group.Active),
            parts.ToEquatable(),
            prediction.Where(group => !group.IsShared).Sum(group => group.Total),
            prediction.Where(group => group.IsShared).Sum(group => group.Total),
            prediction.Sum(group => group.Active),
            model.Caches.Sum(cache => cache.Width),
            model.Layers);
    }
}
