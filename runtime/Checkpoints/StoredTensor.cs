using System;
using System.Collections.Concurrent;
using System.Collections.Generic;
using System.Runtime.ExceptionServices;
using System.Threading.Tasks;
using Sinter.Runtime.Execution;
using Sinter.Runtime.Numerics;

namespace Sinter.Runtime.Checkpoints;

/// <summary>A tensor of a mapped file. Its data may be read until the file is closed.</summary>
public sealed unsafe class StoredTensor
{
    private readonly SafetensorsFile _file;
    private readonly TensorEntry _entry;

    internal StoredTensor(SafetensorsFile file, TensorEntry entry)
    {
        _file = file;
        _entry = entry;
    }

    public string Name => _entry.Name;

    public ElementType Type => _entry.Type;

    /// <summary>From the slowest axis to the fastest; empty for a single number.</summary>
    public IReadOnlyList<int> Shape => _entry.Shape;

    /// <summary>How many numbers.</summary>
    public long Count => ByteCount / Type.Size();

    public long ByteCount => _entry.End - _entry.Begin;

    /// <summary>The file's path.</summary>
    public string File => _file.Path;

    /// <summary>The first byte: <see cref="ByteCount"/> of them, row-major without gaps, and aligned to nothing.</summary>
    public byte* Data => _file.Data + _entry.Begin;

    public ReadOnlySpan<byte> Bytes => new(Data, checked((int)ByteCount));

    /// <inheritdoc cref="SafetensorsFile.Forget"/>
    internal void Forget() => _file.Forget(this);

    /// <summary>Reads tensors from their files to places with room for their bytes, several at a time, past the mapping: a fault for each of its pages would cost more than the copy.</summary>
    /// <exception cref="SinterException">A file cannot be read any more.</exception>
    internal static void Read(List<(StoredTensor Tensor, nint To)> reads)
    {
        if (reads.Count == 0) return;
        try
        {
            Parallel.ForEach(
                Partitioner.Create(reads, loadBalance: true), new ParallelOptions { MaxDegreeOfParallelism = ThreadTeam.DefaultCount }, read => read.Tensor._file.Read(read.Tensor, (byte*)read.To));
        }
        catch (AggregateException e) when (e.InnerExceptions[0] is SinterException)
        {
            ExceptionDispatchInfo.Throw(e.InnerExceptions[0]);
        }
    }

    /// <summary>A copy of the numbers as f32; FP8 codes are decoded without any scale.</summary>
    /// <exception cref="SinterException">The tensor does not hold floating-point numbers.</exception>
    public float[] ToSingles()
    {
        var numbers = new float[checked((int)Count)];
        byte* data = Data;
        for (int i = 0; i < numbers.Length; i++)
        {
            numbers[i] = Type switch
            {
                ElementType.F64 => (float)((double*)data)[i],
                ElementType.F32 => ((float*)data)[i],
                ElementType.BF16 => ElementCasts.DecodeBF16(((ushort*)data)[i]),
                ElementType.F16 => ElementCasts.DecodeF16(((ushort*)data)[i]),
                ElementType.F8_E4M3 => ElementCasts.DecodeE4M3(data[i]),
                ElementType.F8_E8M0 => ElementCasts.DecodeE8M0(data[i]),
                _ => throw WrongType("floating-point"),
            };
        }

        return numbers;
    }

    /// <summary>A copy of the numbers as 32-bit integers.</summary>
    /// <exception cref="SinterException">The tensor does not hold integers, or one that does not fit.</exception>
    public int[] ToInt32s()
    {
        var numbers = new int[checked((int)Count)];
        byte* data = Data;
        for (int i = 0; i < numbers.Length; i++)
        {
            long number = Type switch
            {
                ElementType.I64 => ((long*)data)[i],
                ElementType.I32 => ((int*)data)[i],
                ElementType.U32 => ((uint*)data)[i],
                ElementType.I16 => ((short*)data)[i],
                ElementType.U16 => ((ushort*)data)[i],
                ElementType.I8 => (sbyte)data[i],
                ElementType.U8 or ElementType.BOOL => data[i],
                _ => throw WrongType("whole"),
            };
            numbers[i] = number is >= int.MinValue and <= int.MaxValue
                ? (int)number
                : throw new SinterException($"{File}: tensor {Wording.Quote(Name)} holds {number} at {i}, which 32 bits cannot hold.");
        }

        return numbers;
    }

    private SinterException WrongType(string wanted) =>
        new($"{File}: tensor {Wording.Quote(Name)} is stored as {Type}; {wanted} numbers were expected.");
}
