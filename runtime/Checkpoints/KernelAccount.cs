using System;
using System.Globalization;
using System.IO;

namespace Sinter.Runtime.Checkpoints;

/// <summary>What Linux tells of its memory in text files: lines such as «MemAvailable:   22592412 kB».</summary>
internal static class KernelAccount
{
    /// <summary>The lines of such a file; none where there is no such file or it may not be read.</summary>
    public static string[] ReadLines(string path)
    {
        try
        {
            return File.ReadAllLines(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return [];
        }
    }

    /// <summary>The bytes that a line tells of, if it is the named one's.</summary>
    public static long? Bytes(string line, string name)
    {
        const string unit = " kB";
        if (!line.StartsWith(name, StringComparison.Ordinal) || line.Length <= name.Length || line[name.Length] != ':' || !line.EndsWith(unit, StringComparison.Ordinal)) return null;
        return long.Parse(line.AsSpan(name.Length + 1, line.Length - name.Length - 1 - unit.Length), CultureInfo.InvariantCulture) << 10;
    }
}
