using System;
using System.Buffers.Binary;
using System.IO;
using System.Text;
using System.Text.Json.Nodes;
using Sinter.Tests.Data;

namespace Sinter.Command.Tests;

/// <summary>A copy of a checkpoint to damage; what is not changed is linked.</summary>
internal sealed class CheckpointCopy : IDisposable
{
    public CheckpointCopy(string name = "tiny-trained")
    {
        foreach (string file in Directory.GetFiles(Repository.Checkpoint(name)))
            File.CreateSymbolicLink(System.IO.Path.Combine(Folder, System.IO.Path.GetFileName(file)), file);
    }

    public string Folder { get; } = Directory.CreateTempSubdirectory("sinter-checkpoint").FullName;

    public string Weights => Path("model.safetensors");

    public void Dispose() => Directory.Delete(Folder, recursive: true);

    public string Path(string name) => System.IO.Path.Combine(Folder, name);

    public void Delete(string name) => File.Delete(Path(name));

    public void Write(string name, string text) => Write(name, Encoding.UTF8.GetBytes(text));

    public void Write(string name, byte[] content)
    {
        File.Delete(Path(name));
        File.WriteAllBytes(Path(name), content);
    }

    public void EditJson(string name, Action<JsonObject> edit)
    {
        JsonObject root = JsonNode.Parse(File.ReadAllText(Path(name)))!.AsObject();
        edit(root);
        Write(name, root.ToJsonString());
    }

    /// <summary>Changes the header of the weights, leaving the data where they are.</summary>
    public void EditHeader(Action<JsonObject> edit, string name = "model.safetensors") => EditWeights((header, _) => edit(header), name);

    /// <summary>Changes header and data of the weights.</summary>
    public void EditWeights(Action<JsonObject, byte[]> edit, string name = "model.safetensors")
    {
        byte[] file = File.ReadAllBytes(Path(name));
        int length = checked((int)BinaryPrimitives.ReadUInt64LittleEndian(file));
        JsonObject header = JsonNode.Parse(Encoding.UTF8.GetString(file, 8, length))!.AsObject();
        byte[] data = file[(8 + length)..];
        edit(header, data);
        byte[] text = Encoding.UTF8.GetBytes(header.ToJsonString());
        var content = new byte[8 + text.Length + data.Length];
        BinaryPrimitives.WriteUInt64LittleEndian(content, (ulong)text.Length);
        text.CopyTo(content, 8);
        data.CopyTo(content, 8 + text.Length);
        Write(name, content);
    }
}
