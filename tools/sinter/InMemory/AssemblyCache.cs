using System;
using System.IO;
using System.Security.Cryptography;
using System.Text;

namespace Sinter.Command.InMemory;

/// <summary>
/// Compiled models in the user's cache folder, by a hash of what they were compiled from. An entry is the SHA-256 of the
/// assembly, then the assembly: one that does not match, however it came about, counts as absent and is written anew.
/// </summary>
internal sealed class AssemblyCache(string folder)
{
    /// <summary><c>$XDG_CACHE_HOME/sinter</c>, or <c>~/.cache/sinter</c>.</summary>
    public static AssemblyCache OfUser()
    {
        string? cache = Environment.GetEnvironmentVariable("XDG_CACHE_HOME");
        if (string.IsNullOrEmpty(cache) || !Path.IsPathRooted(cache))
            cache = Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".cache");
        return new AssemblyCache(Path.Combine(cache, "sinter"));
    }

    /// <summary>A name for what an assembly is made from; the same parts in the same order give the same key.</summary>
    public static string Key(params ReadOnlySpan<string> parts)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (string part in parts)
        {
            byte[] bytes = Encoding.UTF8.GetBytes(part);
            hash.AppendData(BitConverter.GetBytes(bytes.Length));
            hash.AppendData(bytes);
        }

        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }

    /// <summary>The assembly of this key; made and kept if there is none.</summary>
    public byte[] GetOrMake(string key, Func<byte[]> make)
    {
        if (Read(key) is { } known) return known;
        byte[] made = make();
        Write(key, made);
        return made;
    }

    private string PathOf(string key) => Path.Combine(folder, key + ".assembly");

    private byte[]? Read(string key)
    {
        try
        {
            byte[] entry = File.ReadAllBytes(PathOf(key));
            if (entry.Length <= SHA256.HashSizeInBytes) return null;
            ReadOnlySpan<byte> assembly = entry.AsSpan(SHA256.HashSizeInBytes);
            return SHA256.HashData(assembly).AsSpan().SequenceEqual(entry.AsSpan(0, SHA256.HashSizeInBytes)) ? assembly.ToArray() : null;
        }
        catch (Exception fault) when (fault is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    /// <summary>Under another name first, so that a reader sees a whole entry or none. Without a writable cache all works, only slower.</summary>
    private void Write(string key, byte[] assembly)
    {
        string temporary = PathOf(key) + "." + Guid.NewGuid().ToString("N");
        try
        {
            // What lies here is run: nobody else may write it.
            if (OperatingSystem.IsWindows()) Directory.CreateDirectory(folder);
            else Directory.CreateDirectory(folder, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
            using (FileStream stream = File.Create(temporary))
            {
                stream.Write(SHA256.HashData(assembly));
                stream.Write(assembly);
            }

            File.Move(temporary, PathOf(key), overwrite: true);
        }
        catch (Exception fault) when (fault is IOException or UnauthorizedAccessException)
        {
            try
            {
                File.Delete(temporary);
            }
            catch (Exception) when (fault is IOException or UnauthorizedAccessException)
            {
                // The cache is a convenience; its own troubles are nobody's.
            }
        }
    }
}
