using System;
using System.Collections.Generic;
using System.Runtime.InteropServices;
using Sinter.Runtime.Checkpoints;
using Sinter.Runtime.Execution;

namespace Sinter.Runtime.Weights;

/// <summary>Where the weights lie while a model runs.</summary>
public enum WeightPlacement
{
    /// <summary>In the mapped files: loading reads nothing, and the system shares and drops pages as it likes.</summary>
    Mapped,

    /// <summary>Copied into memory of our own with huge pages, each tensor aligned to 64 bytes.</summary>
    Copied,
}

/// <summary>
/// A checkpoint's tensors in the order of a model's weight table. Everything is checked before anything is copied: each
/// tensor that the model declares is there, in the declared shape and in a format that kernels read, and no other is.
/// </summary>
public sealed unsafe class WeightTable : IDisposable
{
    private readonly Checkpoint _checkpoint;
    private readonly BoundWeight?[] _weights;
    private Arena? _copies;
    private StoredWeight* _table;

    private WeightTable(Checkpoint checkpoint, WeightBinding binding)
    {
        _checkpoint = checkpoint;
        _weights = binding.Weights;
        Predicts = binding.Predicts;
        foreach (BoundWeight? weight in _weights) Bytes += weight?.Bytes ?? 0;
    }

    /// <summary>[<see cref="Count"/>] the table, by <see cref="WeightDeclaration.Slot"/>.</summary>
    public StoredWeight* Weights => _table is not null ? _table : throw new ObjectDisposedException(nameof(WeightTable));

    public int Count => _weights.Length;

    /// <summary>Whether multi-token prediction's tensors are there.</summary>
    public bool Predicts { get; }

    /// <summary>Bytes of all weights and scales; a tensor that two slots share counts twice.</summary>
    public long Bytes { get; }

    /// <summary>
    /// Binds <paramref name="checkpoint"/> to the model and owns it from then on, also when binding fails.
    /// </summary>
    /// <remarks>
    /// Left out of the check for tensors too many are what older exports leave behind (<c>*.rotary_emb.*</c> buffers)
    /// and the tensors of layers beyond the last that the model declares, such as those of multi-token prediction where
    /// the model has none.
    /// </remarks>
    /// <exception cref="SinterException">The checkpoint does not fit the model.</exception>
    public static WeightTable Bind(ModelDescription description, Checkpoint checkpoint, WeightPlacement placement = WeightPlacement.Mapped)
    {
        WeightTable? table = null;
        try
        {
            table = new WeightTable(checkpoint, WeightBinding.Bind(description, checkpoint));
            table.Fill(placement);
            return table;
        }
        catch
        {
            if (table is not null) table.Dispose();
            else checkpoint.Dispose();
            throw;
        }
    }

    /// <summary>The first number that is infinite or not a number, in the order of the table; null if all are finite.</summary>
    public NonFiniteWeight? FindNotANumber()
    {
        for (int slot = 0; slot < _weights.Length; slot++)
        {
            if (_weights[slot] is not { } weight) continue;
            long at = FiniteScan.FirstNonFinite(weight.Format, Weights[slot].Data, weight.Tensor.Count);
            if (at >= 0) return new NonFiniteWeight(weight.Tensor.File, weight.Tensor.Name, weight.Tensor.Shape, at);
            if (weight.Scales is not { } scales) continue;
            at = FiniteScan.FirstNonFinite(WeightFormat.F32, (byte*)Weights[slot].Scales, scales.Count);
            if (at >= 0) return new NonFiniteWeight(scales.File, scales.Name, scales.Shape, at);
        }

        return null;
    }

    public void Dispose()
    {
        NativeMemory.Free(_table);
        _table = null;
        _copies?.Dispose();
        _checkpoint.Dispose();
    }

    private void Fill(WeightPlacement placement)
    {
        _table = (StoredWeight*)NativeMemory.AllocZeroed((nuint)Math.Max(Count, 1), (nuint)sizeof(StoredWeight));
        if (placement == WeightPlacement.Copied) _copies = Arena.Reserve(CopiedBytes(), "a copy of the weights", "map them instead");
        long at = 0;
        var placed = new Dictionary<StoredTensor, nint>();
        for (int slot = 0; slot < Count; slot++)
        {
            if (_weights[slot] is not { } weight) continue;
            int columns = weight.Columns;
            _table[slot] = new StoredWeight
            {
                Data = Place(weight.Tensor, placed, ref at),
                Scales = weight.Scales is { } scales ? (float*)Place(scales, placed, ref at) : null,
                Columns = columns,
                ScaleColumns = weight.Scales is null ? 0 : WeightBinding.Blocks(columns),
                Format = weight.Format,
            };
        }
    }

    private byte* Place(StoredTensor tensor, Dictionary<StoredTensor, nint> placed, ref long at)
    {
        if (_copies is null) return tensor.Data;
        if (placed.TryGetValue(tensor, out nint there)) return (byte*)there;
        byte* copy = _copies.Data + at;
        Buffer.MemoryCopy(tensor.Data, copy, tensor.ByteCount, tensor.ByteCount);
        at += Arena.Align(tensor.ByteCount);
        placed.Add(tensor, (nint)copy);
        return copy;
    }

    private long CopiedBytes()
    {
        long bytes = 0;
        foreach (BoundWeight? weight in _weights)
            if (weight is not null) bytes += Arena.Align(weight.Tensor.ByteCount) + Arena.Align(weight.Scales?.ByteCount ?? 0);
        return bytes;
    }
}

/// <summary>Where a weight is infinite or not a number.</summary>
/// <param name="File">Path of the file.</param>
/// <param name="Tensor">The tensor's name.</param>
/// <param name="Shape">Its shape.</param>
/// <param name="At">The number's index, row-major.</param>
public sealed record NonFiniteWeight(string File, string Tensor, IReadOnlyList<int> Shape, long At)
{
    /// <summary>A sentence without its end.</summary>
    public override string ToString()
    {
        var place = new long[Shape.Count];
        long rest = At;
        for (int axis = Shape.Count - 1; axis >= 0; axis--)
        {
            place[axis] = rest % Shape[axis];
            rest /= Shape[axis];
        }

        return $"{File}: tensor {Wording.Quote(Tensor)} holds a value that is not a finite number at [{string.Join(", ", place)}]";
    }
}
