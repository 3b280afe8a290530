using System;
using System.Collections.Generic;
using System.Linq;
using System.Text.Json;

namespace Sinter.Runtime.Checkpoints;

/// <summary>Where one tensor lies among a file's data.</summary>
internal sealed record TensorEntry(string Name, ElementType Type, int[] Shape, long Begin, long End);

/// <summary>
/// The JSON header of a safetensors file, checked whole: every tensor has a known type, its offsets span what its shape
/// needs, and all of them together cover the data without overlaps, gaps or an overrun.
/// </summary>
internal sealed class SafetensorsHeader
{
    /// <summary>The format's own limit on the header, in bytes.</summary>
    public const long LongestHeader = 100_000_000;

    private readonly string _path;
    private readonly List<TensorEntry> _tensors = [];
    private readonly Dictionary<string, string> _metadata = new(StringComparer.Ordinal);

    private SafetensorsHeader(string path) => _path = path;

    /// <summary>By where they lie.</summary>
    public IReadOnlyList<TensorEntry> Tensors => _tensors;

    public IReadOnlyDictionary<string, string> Metadata => _metadata;

    /// <param name="path">The file, for messages.</param>
    /// <param name="json">The header's bytes.</param>
    /// <param name="dataLength">Bytes after the header.</param>
    public static SafetensorsHeader Parse(string path, ReadOnlySpan<byte> json, long dataLength)
    {
        var header = new SafetensorsHeader(path);
        var reader = new Utf8JsonReader(json);
        try
        {
            header.ReadTensors(ref reader);
            if (reader.Read()) throw header.Wrong("the header goes on after its closing brace");
        }
        // InvalidOperationException: a string that is not valid UTF-8 or UTF-16.
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            throw new SinterException($"{path}: the header is not JSON (from its byte {reader.BytesConsumed} on).", e);
        }

        header.CheckLayout(dataLength);
        return header;
    }

    private void ReadTensors(ref Utf8JsonReader reader)
    {
        if (!reader.Read() || reader.TokenType != JsonTokenType.StartObject) throw Wrong("the header is not a JSON object");
        var names = new HashSet<string>(StringComparer.Ordinal);
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            string name = reader.GetString()!;
            if (!names.Add(name)) throw Wrong($"{Subject(name)} is listed twice");
            reader.Read();
            if (reader.TokenType != JsonTokenType.StartObject) throw Wrong($"{Subject(name)} is not described by a JSON object");
            if (name == "__metadata__") ReadMetadata(ref reader);
            else _tensors.Add(ReadTensor(ref reader, name));
        }
    }

    private void ReadMetadata(ref Utf8JsonReader reader)
    {
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            string name = reader.GetString()!;
            reader.Read();
            if (reader.TokenType != JsonTokenType.String) throw Wrong($"__metadata__ entry {Wording.Quote(name)} is not a string");
            _metadata[name] = reader.GetString()!;
        }
    }

    private TensorEntry ReadTensor(ref Utf8JsonReader reader, string name)
    {
        string? type = null;
        List<long>? shape = null, offsets = null;
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            string property = reader.GetString()!;
            reader.Read();
            switch (property)
            {
                case "dtype" when reader.TokenType == JsonTokenType.String:
                    type = reader.GetString();
                    break;
                case "shape":
                    shape = ReadNumbers(ref reader, name, property);
                    break;
                case "data_offsets":
                    offsets = ReadNumbers(ref reader, name, property);
                    break;
                default:
                    throw Wrong($"{Subject(name)} has a {Wording.Quote(property)} that is not understood");
            }
        }

        string? lacking = type is null ? "dtype" : shape is null ? "shape" : offsets is null ? "data_offsets" : null;
        if (lacking is not null) throw Wrong($"{Subject(name)} has no {lacking}");
        if (!ElementTypes.TryParse(type!, out ElementType element))
            throw Wrong($"{Subject(name)} has the unknown dtype {Wording.Quote(type!)} (known are {ElementTypes.Names})");
        return Check(name, element, shape!, offsets!);
    }

    private List<long> ReadNumbers(ref Utf8JsonReader reader, string name, string property)
    {
        var numbers = new List<long>();
        if (reader.TokenType == JsonTokenType.StartArray)
        {
            while (reader.Read() && reader.TokenType == JsonTokenType.Number && reader.TryGetInt64(out long number) && number >= 0)
                numbers.Add(number);
            if (reader.TokenType == JsonTokenType.EndArray) return numbers;
        }

        throw Wrong($"the {property} of {Subject(name)} is not a list of whole numbers from zero up");
    }

    private TensorEntry Check(string name, ElementType type, List<long> shape, List<long> offsets)
    {
        if (offsets.Count != 2 || offsets[0] > offsets[1]) throw Wrong($"the data_offsets of {Subject(name)} are not a begin and an end");
        UInt128 bytes = (UInt128)type.Size();
        foreach (long size in shape)
        {
            if (size > int.MaxValue) throw Wrong($"the shape of {Subject(name)} has the side {size}, more than {int.MaxValue}");
            // Sides below 2^31 cannot overflow 128 bits before the product is past any file's size.
            bytes *= (UInt128)size;
            if (bytes > long.MaxValue) throw Wrong($"the shape [{string.Join(", ", shape)}] of {Subject(name)} is larger than any file");
        }

        long span = offsets[1] - offsets[0];
        if (bytes != (UInt128)span)
            throw Wrong($"{Subject(name)} of shape [{string.Join(", ", shape)}] and dtype {type} takes {bytes} bytes, but its offsets span {span}");
        return new TensorEntry(name, type, [.. shape.Select(size => (int)size)], offsets[0], offsets[1]);
    }

    private void CheckLayout(long dataLength)
    {
        _tensors.Sort((x, y) => x.Begin != y.Begin ? x.Begin.CompareTo(y.Begin) : x.End.CompareTo(y.End));
        TensorEntry? before = null;
        long end = 0;
        foreach (TensorEntry tensor in _tensors)
        {
            if (tensor.End > dataLength)
                throw Wrong($"{Subject(tensor.Name)} ends at byte {tensor.End} of the data, but the file holds only {dataLength}: it is truncated or its header lies");
            if (tensor.Begin < end)
                throw Wrong($"{Subject(tensor.Name)} begins at byte {tensor.Begin} of the data, inside {Subject(before!.Name)}, which ends at {end}");
            if (tensor.Begin > end)
                throw Wrong($"{tensor.Begin - end} bytes of the data before {Subject(tensor.Name)} belong to no tensor");
            (before, end) = (tensor, tensor.End);
        }

        if (end != dataLength) throw Wrong($"the last {dataLength - end} bytes belong to no tensor");
    }

    private static string Subject(string name) => $"tensor {Wording.Quote(name)}";

    private SinterException Wrong(string what) => new($"{_path}: {what}.");
}
