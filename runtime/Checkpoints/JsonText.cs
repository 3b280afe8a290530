using System;
using System.IO;
using System.Text;
using System.Text.Json;

namespace Sinter.Runtime.Checkpoints;

/// <summary>Reads a JSON file, or says in a sentence why not.</summary>
internal static class JsonText
{
    public static JsonDocument Read(string path)
    {
        try
        {
            // Decoding first makes invalid UTF-8 visible as U+FFFD instead of an exception at some later access.
            return JsonDocument.Parse(File.ReadAllText(path, Encoding.UTF8));
        }
        catch (JsonException e)
        {
            throw new SinterException($"{path}: the file is not JSON (line {e.LineNumber + 1}).", e);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new SinterException(File.Exists(path) ? $"{path}: the file cannot be read: {e.Message}" : $"{path}: there is no such file.", e);
        }
    }
}
