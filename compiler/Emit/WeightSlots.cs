using System.Collections.Generic;
using System.Linq;
using Sinter.Compiler.Graph;
using Sinter.Compiler.Operations;

namespace Sinter.Compiler.Emit;

/// <summary>One line of the weight table: a tensor of the layers of one region.</summary>
public sealed record WeightSlot(WeightTensor Tensor, int FirstLayer, int Layers, int Slot, bool Predicts)
{
    public int Count => Layers * System.Math.Max(1, Tensor.Experts);
}

/// <summary>Where the tensors of each region stand in the weight table.</summary>
public sealed record WeightSlots(EquatableArray<WeightSlot> Slots)
{
    public static WeightSlots Of(IEnumerable<LoweredRegion> main, LoweredRegion? prediction)
    {
        List<WeightSlot> slots = [];
        int next = 0;
        void Add(LoweredRegion region, bool predicts)
        {
            IEnumerable<WeightTensor> tensors = region.Calls.SelectMany(call => call.Arguments).OfType<WeightArgument>().Select(argument => argument.Tensor);
            foreach (WeightTensor tensor in tensors.Distinct())
            {
                bool isLayers = tensor.Name.Contains("{layer}");
                var slot = new WeightSlot(tensor, isLayers ? region.FirstLayer : 0, isLayers ? region.EndLayer - region.FirstLayer : 1, next, predicts);
                if (slots.Any(other => other.Tensor.Name == tensor.Name && other.FirstLayer == slot.FirstLayer)) continue;
                slots.Add(slot);
                next += slot.Count;
            }
        }

        foreach (LoweredRegion region in main) Add(region, predicts: false);
        if (prediction is not null) Add(prediction, predicts: true);
        return new WeightSlots(slots.ToEquatable());
    }

    /// <summary>The slot of a tensor in a region.</summary>
    public WeightSlot Find(WeightTensor tensor, LoweredRegion region) =>
        Slots.First(slot => slot.Tensor.Name == tensor.Name && (!tensor.Name.Contains("{layer}") || slot.FirstLayer == region.FirstLayer));
}
