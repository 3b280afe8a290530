using System;
using System.Collections.Generic;
using System.IO;
using System.Text.Json;

namespace Sinter.Runtime.Checkpoints;

/// <summary>
/// The tensors of a checkpoint folder: <c>model.safetensors</c>, or the shards that
/// <c>model.safetensors.index.json</c> names. With an index, only what it lists belongs to the checkpoint.
/// </summary>
public sealed class Checkpoint : IDisposable
{
    public const string SingleFile = "model.safetensors";
    public const string IndexFile = "model.safetensors.index.json";

    private readonly List<SafetensorsFile> _files = [];
    private readonly Dictionary<string, StoredTensor> _tensors = new(StringComparer.Ordinal);

    private Checkpoint(string folder) => Folder = folder;

    public string Folder { get; }

    public IReadOnlyDictionary<string, StoredTensor> Tensors => _tensors;

    /// <summary>The file that says which tensors there are: the single one, or the index.</summary>
    public string Listing { get; private set; } = "";

    /// <exception cref="SinterException">A file is missing or not well formed, or a shard lacks what the index promises.</exception>
    public static Checkpoint Open(string folder)
    {
        if (!Directory.Exists(folder)) throw new SinterException($"{folder}: there is no such folder.");
        string single = Path.Combine(folder, SingleFile), index = Path.Combine(folder, IndexFile);
        var checkpoint = new Checkpoint(folder);
        try
        {
            if (File.Exists(single)) checkpoint.AddSingle(single);
            else if (File.Exists(index)) checkpoint.AddShards(index);
            else throw new SinterException($"{folder}: the folder holds neither {SingleFile} nor {IndexFile}.");
            return checkpoint;
        }
        catch
        {
            checkpoint.Dispose();
            throw;
        }
    }

    public void Dispose()
    {
        foreach (SafetensorsFile file in _files) file.Dispose();
    }

    private void AddSingle(string path)
    {
        Listing = path;
        SafetensorsFile file = SafetensorsFile.Open(path);
        _files.Add(file);
        foreach (StoredTensor tensor in file.Tensors.Values) _tensors.Add(tensor.Name, tensor);
    }

    private void AddShards(string index)
    {
        Listing = index;
        var shards = new Dictionary<string, SafetensorsFile>(StringComparer.Ordinal);
        foreach ((string name, string shard) in ReadIndex(index))
        {
            if (!shards.TryGetValue(shard, out SafetensorsFile? file))
            {
                string path = Path.Combine(Folder, shard);
                if (!File.Exists(path)) throw new SinterException($"{index}: the shard {Wording.Quote(shard)} is missing; it should hold tensor {Wording.Quote(name)}.");
                shards.Add(shard, file = SafetensorsFile.Open(path));
                _files.Add(file);
            }

            if (!file.Tensors.TryGetValue(name, out StoredTensor? tensor))
                throw new SinterException($"{file.Path}: tensor {Wording.Quote(name)} is missing, though {IndexFile} places it here.");
            _tensors.Add(name, tensor);
        }
    }

    private static List<KeyValuePair<string, string>> ReadIndex(string path)
    {
        using JsonDocument document = JsonText.Read(path);
        if (document.RootElement.ValueKind != JsonValueKind.Object
            || !document.RootElement.TryGetProperty("weight_map", out JsonElement map)
            || map.ValueKind != JsonValueKind.Object)
        {
            throw new SinterException($"{path}: there is no weight_map that says which shard holds which tensor.");
        }

        var entries = new List<KeyValuePair<string, string>>();
        var names = new HashSet<string>(StringComparer.Ordinal);
        foreach (JsonProperty entry in map.EnumerateObject())
        {
            if (entry.Value.ValueKind != JsonValueKind.String) throw new SinterException($"{path}: the shard of tensor {Wording.Quote(entry.Name)} is not a file name.");
            if (!names.Add(entry.Name)) throw new SinterException($"{path}: tensor {Wording.Quote(entry.Name)} is listed twice.");
            string shard = entry.Value.GetString()!;
            // A checkpoint is data from elsewhere: it must not lead out of its folder.
            if (shard.Length == 0 || shard != Path.GetFileName(shard)) throw new SinterException($"{path}: the shard {Wording.Quote(shard)} of tensor {Wording.Quote(entry.Name)} is not a plain file name.");
            entries.Add(new(entry.Name, shard));
        }

        return entries;
    }
}
