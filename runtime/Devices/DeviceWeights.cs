using System;
using System.Collections.Generic;
using ILGPU;
using Sinter.Runtime;
using Sinter.Runtime.Execution;
using Sinter.Runtime.Weights;

namespace Sinter.Devices;

/// <summary>A checkpoint's tensors on a device, in their stored type; those of a layer's experts lie one after the other.</summary>
internal sealed unsafe class DeviceWeights : IDisposable
{
    private readonly DeviceLauncher _launcher;
    private readonly List<IDisposable> _buffers = [];
    private readonly Dictionary<nint, DeviceWeight> _placed = [];

    /// <param name="loading">Told how many bytes are on the device, of how many.</param>
    /// <exception cref="SinterException">The device has too little memory.</exception>
    public DeviceWeights(DeviceLauncher launcher, ModelDescription description, WeightTable weights, Action<long, long>? loading)
    {
        _launcher = launcher;
        long loaded = 0;
        Views = new DeviceWeight[weights.Count];
        try
        {
            foreach (WeightDeclaration declaration in description.Weights)
            {
                int experts = Math.Max(declaration.Experts, 1);
                for (int slot = declaration.Slot; slot < declaration.Slot + declaration.Layers * experts; slot += experts)
                {
                    if (weights.Weights[slot].Data is null) continue;
                    Views[slot] = Place(declaration, weights.Weights + slot, experts);
                    loaded += Views[slot].Data.Length + 4L * Views[slot].ScaleCount * experts;
                    loading?.Invoke(Math.Min(loaded, weights.Bytes), weights.Bytes);
                }
            }
        }
        catch
        {
            Dispose();
            throw;
        }

        launcher.Synchronize();
        loading?.Invoke(weights.Bytes, weights.Bytes);
    }

    /// <summary>By slot of the weight table.</summary>
    public DeviceWeight[] Views { get; }

    public void Dispose()
    {
        foreach (IDisposable buffer in _buffers) buffer.Dispose();
    }

    private DeviceWeight Place(WeightDeclaration declaration, StoredWeight* stored, int experts)
    {
        if (experts == 1 && _placed.TryGetValue((nint)stored->Data, out DeviceWeight known)) return known;
        if (stored->Format == WeightFormat.Int8) throw new SinterException("Kernels of devices read no int8 weights: leave --weights int8 out, or take --weights fp8 or --device cpu.");
        long count = 1;
        foreach (int side in declaration.Shape) count *= side;
        // Kernels number the elements of a tensor with 32 bits.
        if (count > int.MaxValue) throw new SinterException($"The tensor {declaration.Name} has {count} numbers, more than a kernel on a device can address.");
        int scales = stored->Format == WeightFormat.E4M3 ? Blocks(declaration.Shape[0]) * Blocks(declaration.Shape[1]) : 0;
        var weight = new DeviceWeight
        {
            Columns = stored->Columns,
            ScaleColumns = stored->ScaleColumns,
            Bytes = count * BytesOf(stored->Format),
            ScaleCount = scales,
            Format = stored->Format,
            IsOrdinary = scales > 0 && _launcher.HasTensorCores && AreOrdinary(stored, experts, (int)count, scales),
        };
        weight.Data = Take<byte>(weight.Bytes * experts);
        weight.Scales = Take<float>(Math.Max(1, scales * experts));
        for (int expert = 0; expert < experts; expert++)
        {
            _launcher.SendLarge(stored[expert].Data, weight.Data.SubView(expert * weight.Bytes, weight.Bytes));
            if (scales > 0) _launcher.SendLarge(stored[expert].Scales, weight.Scales.SubView((long)expert * scales, scales));
        }

        if (experts == 1) _placed.Add((nint)stored->Data, weight);
        return weight;
    }

    private static bool AreOrdinary(StoredWeight* stored, int experts, int codes, int scales)
    {
        for (int expert = 0; expert < experts; expert++)
        {
            if (!DeviceWeight.AreOrdinary(new ReadOnlySpan<byte>(stored[expert].Data, codes), new ReadOnlySpan<float>(stored[expert].Scales, scales))) return false;
        }

        return true;
    }

    private ArrayView<T> Take<T>(long count)
        where T : unmanaged
    {
        DeviceAllocation<T> allocated = _launcher.Allocate<T>(count, "the weights");
        _buffers.Add(allocated.Owner);
        return allocated.View;
    }

    private static int Blocks(int side) => (side + DeviceWeight.ScaleBlock - 1) / DeviceWeight.ScaleBlock;

    private static int BytesOf(WeightFormat format) => format switch
    {
        WeightFormat.F32 => 4,
        WeightFormat.E4M3 => 1,
        _ => 2,
    };
}
