using Sinter.Tests.Data;

namespace Sinter.Tests.Reference;

/// <summary>Where a model's weights come from, by the names of the published checkpoint.</summary>
public interface IWeightSource
{
    /// <summary>The tensor, or null where the source has none of that name.</summary>
    StoredTensor? Find(string name);
}
