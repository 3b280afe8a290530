using System;
using System.Collections.Generic;
using System.Runtime.InteropServices;
using Sinter.Runtime.Checkpoints;
using Sinter.Runtime.Execution;

namespace Sinter.Runtime.Weights;

/// <summary>Where the weights lie while a model runs.</summary>
public enum WeightPlacement
{
    /// <summary>Copied where that pays: see <see cref="PlacementChoice"/>; else mapped.</summary>
    Automatic,

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
    private readonly WeightFormat[] _formats;
    private Arena? _copies;
    private StoredWeight* _table;

    private WeightTable(ModelDescription description, Checkpoint checkpoint, WeightBinding binding, WeightStorage storage)
    {
        _checkpoint = checkpoint;
        _weights = binding.Weights;
        _formats = new WeightFormat[_weights.Length];
        Predicts = binding.Predicts;
        foreach (WeightDeclaration declaration in description.Weights)
        {
            int end = declaration.Slot + declaration.Layers * Math.Max(declaration.Experts, 1);
            for (int slot = declaration.Slot; slot < end; slot++)
                if (_weights[slot] is { } weight) _formats[slot] = WeightConversion.Target(declaration.Name, weight.Tensor, weight.Format, storage);
        }

        for (int slot = 0; slot < Count; slot++)
        {
            if (_weights[slot] is not { } weight) continue;
            Bytes += IsConverted(slot, weight)
                ? WeightConversion.DataBytes(weight.Tensor, _formats[slot]) + WeightConversion.ScaleBytes(weight.Tensor, _formats[slot])
                : weight.Bytes;
        }
    }

    /// <summary>[<see cref="Count"/>] the table, by <see cref="WeightDeclaration.Slot"/>.</summary>
    public StoredWeight* Weights => _table is not null ? _table : throw new ObjectDisposedException(nameof(WeightTable));

    public int Count => _weights.Length;

    /// <summary>Whether multi-token prediction's tensors are there.</summary>
    public bool Predicts { get; }

    /// <summary>Where the weights that are kept as stored lie; never <see cref="WeightPlacement.Automatic"/>.</summary>
    public WeightPlacement Placement { get; private set; }

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
    /// <param name="target">What takes the weights where sessions do not run here: it fetches them from the mapped files, and a copy beside its own is refused.</param>
    /// <exception cref="SinterException">The checkpoint does not fit the model, or a copy is wanted for a device.</exception>
    public static WeightTable Bind(
        ModelDescription description, Checkpoint checkpoint, WeightPlacement placement = WeightPlacement.Automatic, WeightStorage storage = WeightStorage.AsStored, ISessionTarget? target = null)
    {
        WeightTable? table = null;
        try
        {
            if (target is not null)
            {
                if (placement == WeightPlacement.Copied) throw new SinterException($"{target.Name} takes the weights from the mapped files into its own memory: they are not copied into this machine's as well, so leave --placement copied out.");
                placement = WeightPlacement.Mapped;
            }

            table = new WeightTable(description, checkpoint, WeightBinding.Bind(description, checkpoint), storage);
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
            // Int8 has no code for it: the tensor that it was made of tells.
            bool isInt8 = _formats[slot] == WeightFormat.Int8;
            long at = FiniteScan.FirstNonFinite(isInt8 ? weight.Format : _formats[slot], isInt8 ? weight.Tensor.Data : Weights[slot].Data, weight.Tensor.Count);
            if (at >= 0) return new NonFiniteWeight(weight.Tensor.File, weight.Tensor.Name, weight.Tensor.Shape, at);
            if (weight.Scales is not { } scales || IsConverted(slot, weight)) continue;
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

    private bool IsConverted(int slot, BoundWeight weight) => _formats[slot] != weight.Format;

    private void Fill(WeightPlacement placement)
    {
        _table = (StoredWeight*)NativeMemory.AllocZeroed((nuint)Math.Max(Count, 1), (nuint)sizeof(StoredWeight));
        Placement = placement == WeightPlacement.Automatic ? PlacementChoice.For(_weights, OwnBytes(WeightPlacement.Copied)) : placement;
        long bytes = OwnBytes(Placement);
        if (bytes > 0) _copies = Arena.Reserve(bytes, "a copy of the weights", "map them instead");
        long at = 0;
        var placed = new Dictionary<(StoredTensor, WeightFormat), (nint Data, nint Scales)>();
        var reads = new List<(StoredTensor Tensor, nint To)>();
        for (int slot = 0; slot < Count; slot++)
        {
            if (_weights[slot] is not { } weight) continue;
            if (!placed.TryGetValue((weight.Tensor, _formats[slot]), out (nint Data, nint Scales) place))
            {
                place = Place(slot, weight, reads, ref at);
                placed.Add((weight.Tensor, _formats[slot]), place);
            }

            int columns = weight.Columns;
            _table[slot] = new StoredWeight
            {
                Data = (byte*)place.Data,
                Scales = (float*)place.Scales,
                Columns = columns,
                ScaleColumns = place.Scales == 0 ? 0 : ScaleBlocks.Of(columns, ScaleBlocks.Columns(_formats[slot])),
                Format = _formats[slot],
            };
        }

        StoredTensor.Read(reads);
    }

    private (nint Data, nint Scales) Place(int slot, BoundWeight weight, List<(StoredTensor Tensor, nint To)> reads, ref long at)
    {
        bool isConverted = IsConverted(slot, weight);
        if (!isConverted && Placement == WeightPlacement.Mapped) return ((nint)weight.Tensor.Data, weight.Scales is { } mapped ? (nint)mapped.Data : 0);
        byte* data = _copies!.Data + at;
        at += Arena.Align(isConverted ? WeightConversion.DataBytes(weight.Tensor, _formats[slot]) : weight.Tensor.ByteCount);
        byte* scales = _copies.Data + at;
        long scaleBytes = isConverted ? WeightConversion.ScaleBytes(weight.Tensor, _formats[slot]) : weight.Scales?.ByteCount ?? 0;
        at += Arena.Align(scaleBytes);
        if (isConverted)
        {
            WeightConversion.Convert(weight, _formats[slot], data, (float*)scales);
            // What was read of the file is not needed any more, and would be counted beside its copy.
            weight.Tensor.Forget();
        }
        else
        {
            reads.Add((weight.Tensor, (nint)data));
            if (weight.Scales is { } stored) reads.Add((stored, (nint)scales));
        }

        return ((nint)data, scaleBytes > 0 ? (nint)scales : 0);
    }

    private long OwnBytes(WeightPlacement placement)
    {
        long bytes = 0;
        var counted = new HashSet<(StoredTensor, WeightFormat)>();
        for (int slot = 0; slot < Count; slot++)
        {
            if (_weights[slot] is not { } weight || !counted.Add((weight.Tensor, _formats[slot]))) continue;
            if (IsConverted(slot, weight)) bytes += Arena.Align(WeightConversion.DataBytes(weight.Tensor, _formats[slot])) + Arena.Align(WeightConversion.ScaleBytes(weight.Tensor, _formats[slot]));
            else if (placement == WeightPlacement.Copied) bytes += Arena.Align(weight.Tensor.ByteCount) + Arena.Align(weight.Scales?.ByteCount ?? 0);
        }

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
