using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using System.Text;

namespace Sinter.Runtime.Checkpoints;

/// <summary>How shapes, names and sizes are written in messages.</summary>
public static class Wording
{
    private const int LongestName = 120;

    /// <summary>A name from a file, which may hold anything: quoted, cut and without control characters.</summary>
    public static string Quote(string name)
    {
        var text = new StringBuilder("'");
        foreach (char c in name.Length > LongestName ? name[..LongestName] : name)
            text.Append(char.IsControl(c) || char.IsSurrogate(c) ? '?' : c);
        return text.Append(name.Length > LongestName ? "…'" : "'").ToString();
    }

    public static string Shape(IEnumerable<int> shape) => $"[{string.Join(", ", shape)}]";

    /// <summary>The first three names, quoted, and how many more there are.</summary>
    public static string FirstFew(IReadOnlyCollection<string> names)
    {
        string first = string.Join(", ", names.Take(3).Select(Quote));
        return names.Count > 3 ? $"{first} and {names.Count - 3} more" : first;
    }

    public static string Bytes(double bytes) => bytes switch
    {
        >= 1L << 30 => Amount(bytes / (1L << 30), "GiB"),
        >= 1L << 20 => Amount(bytes / (1L << 20), "MiB"),
        >= 1L << 10 => Amount(bytes / (1L << 10), "KiB"),
        _ => Amount(bytes, "bytes"),
    };

    private static string Amount(double number, string unit) => $"{number.ToString("0.#", CultureInfo.InvariantCulture)} {unit}";
}
