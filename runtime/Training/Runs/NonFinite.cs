using System;
using System.Globalization;
using System.Linq;
using System.Text.RegularExpressions;

namespace Sinter.Runtime.Training.Runs;

/// <summary>Finds where numbers stopped being finite.</summary>
internal static partial class NonFinite
{
    /// <summary>A tensor, and whether it is its weights or their gradient.</summary>
    public sealed record Place(string Tensor, bool IsGradient)
    {
        public string Text
        {
            get
            {
                string part = IsGradient ? "the gradient of " : "";
                return Layer().Match(Tensor) is { Success: true } layer ? $"layer {layer.Groups[1].Value} ({part}{Tensor})" : part + Tensor;
            }
        }
    }

    /// <summary>The first tensor with such weights; else, since gradients run down the layers, that of the highest layer with such a gradient; else null.</summary>
    public static Place? Find(TrainingSession session)
    {
        if (session.Tensors.FirstOrDefault(tensor => Has(tensor.Weights)) is { } weights) return new Place(weights.Name, false);
        TrainedTensor? gradient = session.Tensors.Where(tensor => Has(tensor.Gradient)).OrderByDescending(tensor => LayerOf(tensor.Name)).FirstOrDefault();
        return gradient is null ? null : new Place(gradient.Name, true);
    }

    private static int LayerOf(string name) => Layer().Match(name) is { Success: true } layer ? int.Parse(layer.Groups[1].Value, CultureInfo.InvariantCulture) : -1;

    private static bool Has(ReadOnlySpan<float> numbers)
    {
        foreach (float number in numbers)
            if (!float.IsFinite(number)) return true;
        return false;
    }

    [GeneratedRegex(@"\.layers\.(\d+)\.")]
    private static partial Regex Layer();
}
