using Sinter.Runtime.Execution;
using Sinter.Runtime.Weights;

namespace Sinter.Runtime.Generation;

/// <summary>
/// How a model is loaded. <see cref="SessionOptions.MaxSequences"/> generations share each step; further ones wait.
/// </summary>
public sealed record LoadOptions : SessionOptions
{
    /// <summary>Where the weights lie while the model runs.</summary>
    public WeightPlacement Weights { get; init; } = WeightPlacement.Automatic;

    /// <summary>In what format the matrices of attention and feed-forward layers are kept: converted while loading where it is another than the checkpoint's.</summary>
    public WeightStorage Storage { get; init; } = WeightStorage.AsStored;
}
