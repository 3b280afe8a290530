using System.Linq;
using Sinter.Compiler.Graph;

namespace Sinter.Compiler.Reports;

/// <summary>A tensor, or the same tensor of several layers and experts, and what it serves.</summary>
/// <param name="Layers">How many layers have it; 1 outside the layers.</param>
/// <param name="Chosen">How many of its experts a token goes through; zero where it is not an expert's.</param>
/// <param name="Predicts">Whether only multi-token prediction needs it.</param>
/// <param name="IsShared">Whether it is a copy of one that the main model has: a checkpoint may leave it out.</param>
public sealed record StoredGroup(WeightTensor Tensor, ModelPart Part, int Layers, int Chosen, bool Predicts, bool IsShared)
{
    /// <summary>Numbers in one tensor.</summary>
    public long Size => Tensor.Shape.Aggregate(1L, (product, size) => product * size);

    public long Total => Layers * System.Math.Max(1, Tensor.Experts) * Size;

    /// <summary>
    /// Of the total, those that one token needs: of experts the chosen ones, of an embedding its row. So counted, the
    /// published figures come out.
    /// </summary>
    public long Active => Layers * (Part == ModelPart.Embedding ? Size / Tensor.Shape[0] : Tensor.Experts > 0 ? Chosen * Size : Size);
}
