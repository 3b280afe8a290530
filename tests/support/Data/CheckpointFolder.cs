using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Text.Json;
using Sinter.Tests.Reference;

namespace Sinter.Tests.Data;

/// <summary>
/// A checkpoint in the published layout (one file, or shards with an index), as weights in double precision. FP8
/// matrices come multiplied with the scales of their 128×128 blocks.
/// </summary>
public sealed class CheckpointFolder : IWeightSource
{
    private const int Block = 128;

    private readonly Dictionary<string, TensorFile> _fileOf = [];
    private readonly Dictionary<string, StoredTensor> _read = [];

    public CheckpointFolder(string folder)
    {
        Folder = folder;
        string index = Path.Combine(folder, "model.safetensors.index.json");
        string[] files = ["model.safetensors"];
        if (File.Exists(index))
        {
            using JsonDocument document = JsonDocument.Parse(File.ReadAllText(index));
            files = [.. document.RootElement.GetProperty("weight_map").EnumerateObject()
                .Select(entry => entry.Value.GetString()!).Distinct()];
        }

        foreach (TensorFile file in files.Select(name => new TensorFile(Path.Combine(folder, name))))
        {
            foreach (string name in file.Names) _fileOf.Add(name, file);
        }
    }

    public string Folder { get; }

    public string Config => File.ReadAllText(Path.Combine(Folder, "config.json"));

    public IReadOnlyCollection<string> Names => _fileOf.Keys;

    public StoredTensor? Find(string name)
    {
        if (!_fileOf.TryGetValue(name, out TensorFile? file)) return null;
        if (_read.TryGetValue(name, out StoredTensor? known)) return known;
        StoredTensor tensor = file[name];
        if (tensor.Type == "F8_E4M3") tensor = Scale(tensor, file[name + "_scale_inv"]);
        return _read[name] = tensor;
    }

    /// <summary>Element (i, j) times the scale of block (i / 128, j / 128); the last blocks may be ragged.</summary>
    public static StoredTensor Scale(StoredTensor codes, StoredTensor scales)
    {
        int columns = codes.Shape[1];
        double[] numbers = [.. codes.Numbers.Select((number, place) =>
            number * scales.Numbers[place / columns / Block * scales.Shape[1] + place % columns / Block])];
        return codes with { Numbers = numbers };
    }
}
