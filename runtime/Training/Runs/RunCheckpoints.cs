using System;
using System.Collections.Generic;
using System.Globalization;
using System.IO;
using System.Linq;
using System.Text.Json;
using System.Text.Json.Nodes;
using Sinter.Runtime.Training.Data;

namespace Sinter.Runtime.Training.Runs;

/// <summary>
/// The checkpoints of a run, each a folder <c>step-N</c>. One is written under another name and renamed when all of it is on
/// the disk; it lists its files with their hashes, so that one that was damaged later is noticed.
/// </summary>
/// <param name="folder">Where they lie.</param>
/// <param name="keep">How many are kept; older ones are deleted.</param>
public sealed class RunCheckpoints(string folder, int keep)
{
    private const string Prefix = "step-", ManifestFile = "manifest.json", Unfinished = ".unfinished-";

    /// <summary>Saves one.</summary>
    /// <param name="write">Writes all its files to the folder that it is given.</param>
    /// <returns>Where it lies now.</returns>
    /// <exception cref="SinterException">It cannot be written; the earlier ones are as they were.</exception>
    public string Save(long step, Action<string> write)
    {
        string path = PathOf(step), temporary = Path.Combine(folder, Unfinished + step.ToString(CultureInfo.InvariantCulture));
        try
        {
            Sweep();
            Directory.CreateDirectory(temporary);
            write(temporary);
            WriteManifest(temporary);
            DurableFile.FlushFolder(temporary);
            if (Directory.Exists(path)) Directory.Delete(path, recursive: true);
            Directory.Move(temporary, path);

            // Before the older ones go: without this a loss of power may take back the rename, but not the deletions.
            DurableFile.FlushFolder(folder);
            foreach (string old in Paths().Skip(keep)) Directory.Delete(old, recursive: true);
            return path;
        }
        catch (Exception fault) when (fault is IOException or UnauthorizedAccessException or SinterException)
        {
            Discard(temporary);
            string last = Paths().FirstOrDefault() is { } good ? $"the last good checkpoint is {good}" : "there is no earlier checkpoint";
            throw new SinterException($"{path}: the checkpoint cannot be written ({fault.Message.TrimEnd('.')}); {last}.", fault);
        }
    }

    /// <summary>
    /// The newest checkpoint that is whole, or null where there is none at all. Those after it, which are not, are renamed, so that
    /// they do not count as checkpoints.
    /// </summary>
    /// <param name="warn">Told of each that is not whole.</param>
    /// <exception cref="SinterException">There are some, and none is whole.</exception>
    public string? Newest(Action<string> warn)
    {
        var damaged = new List<string>();
        foreach (string path in Paths())
        {
            if (FaultOf(path) is not { } fault)
            {
                foreach (string name in damaged) SetAside(name);
                return path;
            }

            damaged.Add(path);
            warn($"{path} is damaged ({fault}); the checkpoint before it is taken.");
        }

        return damaged.Count == 0 ? null : throw new SinterException($"{folder}: no checkpoint is whole; start again in another folder.");
    }

    /// <summary>Where the newest checkpoint lies, whole or not; null without one.</summary>
    public string? Last => Paths().FirstOrDefault();

    /// <summary>Deletes what an interrupted save has left.</summary>
    public void Sweep()
    {
        if (!Directory.Exists(folder)) return;
        foreach (string left in Directory.GetDirectories(folder, Unfinished + "*")) Directory.Delete(left, recursive: true);
    }

    private string PathOf(long step) => Path.Combine(folder, Prefix + step.ToString("D8", CultureInfo.InvariantCulture));

    /// <summary>The newest first.</summary>
    private IEnumerable<string> Paths() => Directory.Exists(folder)
        ? [.. Directory.GetDirectories(folder, Prefix + "*").OrderByDescending(path => long.TryParse(Path.GetFileName(path)[Prefix.Length..], out long step) ? step : -1)]
        : [];

    private void SetAside(string path)
    {
        string aside = Path.Combine(folder, "damaged-" + Path.GetFileName(path)[Prefix.Length..]);
        if (Directory.Exists(aside)) Directory.Delete(aside, recursive: true);
        Directory.Move(path, aside);
    }

    private static void WriteManifest(string path)
    {
        var files = new JsonObject();
        foreach (string file in Directory.GetFiles(path).Order(StringComparer.Ordinal)) files[Path.GetFileName(file)] = TokenStoreBuilder.HashOf(file);
        DurableFile.Write(Path.Combine(path, ManifestFile), new JsonObject { ["sha256"] = files }.ToJsonString());
    }

    private static string? FaultOf(string path)
    {
        try
        {
            JsonNode manifest = JsonNode.Parse(File.ReadAllText(Path.Combine(path, ManifestFile)))!;
            foreach ((string name, JsonNode? hash) in manifest["sha256"]!.AsObject())
            {
                string file = Path.Combine(path, name);
                if (!File.Exists(file)) return $"{name} is missing";
                if (TokenStoreBuilder.HashOf(file) != (string?)hash) return $"{name} is not what was written";
            }

            return null;
        }
        catch (Exception fault) when (fault is IOException or UnauthorizedAccessException or JsonException or NullReferenceException or InvalidOperationException or SinterException)
        {
            return $"{ManifestFile} cannot be read";
        }
    }

    private static void Discard(string path)
    {
        try
        {
            if (Directory.Exists(path)) Directory.Delete(path, recursive: true);
        }
        catch (Exception fault) when (fault is IOException or UnauthorizedAccessException)
        {
            // The first failure is the one to report.
        }
    }
}
