using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Text.Json;

namespace Sinter.Tests.Data;

/// <summary>A tensor of a test file: its shape, its type as the file names it, and its numbers in double precision.</summary>
public sealed record StoredTensor(string Type, int[] Shape, double[] Numbers)
{
    public int[] Integers => [.. Numbers.Select(number => checked((int)number))];
}

/// <summary>A safetensors file, read plainly: the tests' own reader, which trusts its input.</summary>
public sealed class TensorFile
{
    private readonly byte[] _bytes;
    private readonly long _start;
    private readonly Dictionary<string, JsonElement> _header;

    public TensorFile(string path)
    {
        _bytes = File.ReadAllBytes(path);
        int length = checked((int)BitConverter.ToUInt64(_bytes, 0));
        _start = 8 + length;
        _header = JsonSerializer.Deserialize<Dictionary<string, JsonElement>>(_bytes.AsSpan(8, length))!;
        _header.Remove("__metadata__");
    }

    public IReadOnlyCollection<string> Names => _header.Keys;

    public bool Has(string name) => _header.ContainsKey(name);

    public StoredTensor this[string name]
    {
        get
        {
            JsonElement entry = _header[name];
            string type = entry.GetProperty("dtype").GetString()!;
            int[] shape = [.. entry.GetProperty("shape").EnumerateArray().Select(size => size.GetInt32())];
            int from = checked((int)(_start + entry.GetProperty("data_offsets")[0].GetInt64()));
            int width = StoredNumbers.Width(type);
            var numbers = new double[shape.Aggregate(1, (product, size) => product * size)];
            for (int i = 0; i < numbers.Length; i++)
            {
                numbers[i] = StoredNumbers.Decode(type, _bytes.AsSpan(from + i * width, width));
            }

            return new StoredTensor(type, shape, numbers);
        }
    }
}
