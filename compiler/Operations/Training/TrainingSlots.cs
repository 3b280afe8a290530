using System.Collections.Generic;
using System.Linq;
using Sinter.Compiler.Graph;

namespace Sinter.Compiler.Operations.Training;

/// <summary>A stored tensor of the layers of a training graph; all experts of a layer have one slot.</summary>
/// <param name="Name">The published name; of a copy that a checkpoint may lack, that of the original.</param>
public sealed record TrainingSlot(string Name, EquatableArray<int> Shape, int FirstLayer, int Layers, int Experts, int Slot, bool IsTrained, bool IsCast);

/// <summary>Where the tensors of each region stand in the pass's tables.</summary>
public sealed record TrainingSlots(EquatableArray<TrainingSlot> Slots)
{
    /// <param name="regions">Forward and backward; a tensor is trained if some region has its gradient.</param>
    public static TrainingSlots Of(IReadOnlyList<TrainingRegion> regions)
    {
        List<TrainingSlot> slots = [];
        int next = 0;
        foreach (TrainingRegion region in regions)
        {
            foreach ((WeightTensor tensor, bool isTrained, bool isCast) in Tensors(region))
            {
                string name = Name(tensor);
                bool isLayers = name.Contains("{layer}");
                int first = isLayers ? region.FirstLayer : 0, layers = isLayers ? region.EndLayer - region.FirstLayer : 1;
                int known = slots.FindIndex(slot => slot.Name == name && slot.FirstLayer == first);
                if (known >= 0)
                {
                    slots[known] = slots[known] with { IsTrained = slots[known].IsTrained || isTrained, IsCast = slots[known].IsCast || isCast };
                    continue;
                }

                slots.Add(new TrainingSlot(name, tensor.Shape, first, layers, tensor.Experts, next, isTrained, isCast));
                next += layers;
            }
        }

        return new TrainingSlots(slots.ToEquatable());
    }

    public TrainingSlot Find(WeightTensor tensor, TrainingRegion region)
    {
        string name = Name(tensor);
        return Slots.First(slot => slot.Name == name && (!name.Contains("{layer}") || slot.FirstLayer == region.FirstLayer));
    }

    private static string Name(WeightTensor tensor) => tensor.Otherwise ?? tensor.Name;

    private static IEnumerable<(WeightTensor Tensor, bool IsTrained, bool IsCast)> Tensors(TrainingRegion region)
    {
        foreach (CallArgument argument in region.Calls.SelectMany(call => call.Arguments))
        {
            if (argument is WeightArgument weight) yield return (weight.Tensor, false, false);
            if (argument is GradientArgument gradient) yield return (gradient.Tensor, true, false);
            if (argument is CastWeightArgument cast) yield return (cast.Tensor, false, true);
        }
    }
}
