using System;
using System.Buffers.Binary;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Runtime.InteropServices;
using System.Text.Json;
using Sinter.Runtime.Numerics;

namespace Sinter.Runtime.Checkpoints;

/// <summary>
/// Writes a safetensors file. Tensors are named first and written at <see cref="Save"/>; what was handed over must stay
/// unchanged until then.
/// </summary>
public sealed class SafetensorsWriter
{
    private readonly List<Pending> _tensors = [];
    private readonly HashSet<string> _names = new(StringComparer.Ordinal) { "__metadata__" };
    private readonly SortedDictionary<string, string> _metadata = new(StringComparer.Ordinal) { ["format"] = "pt" };

    private sealed record Pending(string Name, ElementType Type, int[] Shape, long Bytes, Action<Stream> Write);

    /// <summary>Adds an entry to the header's <c>__metadata__</c>.</summary>
    public SafetensorsWriter Describe(string name, string value)
    {
        _metadata[name] = value;
        return this;
    }

    /// <summary>Adds an F32 tensor.</summary>
    public SafetensorsWriter Add(string name, ReadOnlySpan<int> shape, ReadOnlyMemory<float> numbers) =>
        Add(name, ElementType.F32, shape, numbers.Length, stream => stream.Write(MemoryMarshal.AsBytes(numbers.Span)));

    /// <summary>Adds an I32 tensor.</summary>
    public SafetensorsWriter Add(string name, ReadOnlySpan<int> shape, ReadOnlyMemory<int> numbers) =>
        Add(name, ElementType.I32, shape, numbers.Length, stream => stream.Write(MemoryMarshal.AsBytes(numbers.Span)));

    /// <summary>Adds a tensor of any type by its bytes.</summary>
    public SafetensorsWriter Add(string name, ElementType type, ReadOnlySpan<int> shape, ReadOnlyMemory<byte> bytes) =>
        Add(name, type, shape, bytes.Length / (double)type.Size(), stream => stream.Write(bytes.Span));

    /// <summary>Adds a tensor that writes itself: as many bytes as type and shape ask for.</summary>
    public SafetensorsWriter Add(string name, ElementType type, ReadOnlySpan<int> shape, Action<Stream> write)
    {
        double count = 1;
        foreach (int size in shape) count *= size;
        return Add(name, type, shape, count, write);
    }

    /// <summary>Adds a BF16 tensor: the numbers are rounded to the nearest, ties to even.</summary>
    public SafetensorsWriter AddBf16(string name, ReadOnlySpan<int> shape, ReadOnlyMemory<float> numbers) =>
        Add(name, ElementType.BF16, shape, numbers.Length, stream => WriteBf16(stream, numbers.Span));

    /// <summary>Writes numbers as BF16, each rounded to the nearest, ties to even.</summary>
    public static void WriteBf16(Stream stream, ReadOnlySpan<float> numbers)
    {
        Span<ushort> rounded = stackalloc ushort[4096];
        for (int from = 0; from < numbers.Length; from += rounded.Length)
        {
            ReadOnlySpan<float> part = numbers[from..Math.Min(from + rounded.Length, numbers.Length)];
            for (int i = 0; i < part.Length; i++) rounded[i] = ElementCasts.EncodeBF16(part[i]);
            stream.Write(MemoryMarshal.AsBytes(rounded[..part.Length]));
        }
    }

    /// <summary>
    /// Writes the file under a temporary name beside it, flushes it to the disk and renames it: the path holds either what
    /// was there before or the whole new file.
    /// </summary>
    /// <exception cref="SinterException">The file cannot be written.</exception>
    public void Save(string path)
    {
        string temporary = $"{path}.{Guid.NewGuid():N}.tmp";
        // The widest first: then every tensor is aligned to its own element's size.
        List<Pending> tensors = [.. _tensors.OrderByDescending(tensor => tensor.Type.Size())];
        try
        {
            using (var stream = new FileStream(temporary, FileMode.CreateNew, FileAccess.Write, FileShare.None, 1 << 20))
            {
                stream.Write(Header(tensors));
                foreach (Pending tensor in tensors) tensor.Write(stream);
                stream.Flush(flushToDisk: true);
            }

            File.Move(temporary, path, overwrite: true);
        }
        catch (Exception e)
        {
            Discard(temporary);
            // The last is how .NET says that the file system, or a limit, allows no file as large.
            if (e is IOException or UnauthorizedAccessException or ArgumentOutOfRangeException { ParamName: "value" })
                throw new SinterException($"{path}: the file cannot be written: {e.Message}", e);
            throw;
        }
    }

    private static void Discard(string temporary)
    {
        try
        {
            File.Delete(temporary);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // The first failure is the one to report.
        }
    }

    private SafetensorsWriter Add(string name, ElementType type, ReadOnlySpan<int> shape, double count, Action<Stream> write)
    {
        long wanted = 1;
        foreach (int size in shape) wanted = checked(wanted * size);
        if (wanted != count) throw new ArgumentException($"Tensor '{name}' of shape {Wording.Shape(shape.ToArray())} has {wanted} numbers, not {count}.");
        if (!_names.Add(name)) throw new ArgumentException($"Tensor '{name}' was added before.");
        _tensors.Add(new Pending(name, type, shape.ToArray(), wanted * type.Size(), write));
        return this;
    }

    private byte[] Header(List<Pending> tensors)
    {
        using var buffer = new MemoryStream();
        buffer.Write(stackalloc byte[sizeof(ulong)]);
        using (var json = new Utf8JsonWriter(buffer))
        {
            json.WriteStartObject();
            json.WriteStartObject("__metadata__");
            foreach ((string name, string value) in _metadata) json.WriteString(name, value);
            json.WriteEndObject();
            long offset = 0;
            foreach (Pending tensor in tensors)
            {
                json.WriteStartObject(tensor.Name);
                json.WriteString("dtype", tensor.Type.ToString());
                json.WriteStartArray("shape");
                foreach (int size in tensor.Shape) json.WriteNumberValue(size);
                json.WriteEndArray();
                json.WriteStartArray("data_offsets");
                json.WriteNumberValue(offset);
                json.WriteNumberValue(offset += tensor.Bytes);
                json.WriteEndArray();
                json.WriteEndObject();
            }

            json.WriteEndObject();
        }

        // Blanks after the JSON align the data to 64 bytes in the mapped file.
        while (buffer.Length % 64 != 0) buffer.WriteByte((byte)' ');
        byte[] header = buffer.ToArray();
        BinaryPrimitives.WriteUInt64LittleEndian(header, (ulong)(header.Length - sizeof(ulong)));
        return header;
    }
}
