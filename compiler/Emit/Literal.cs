using System.Collections.Generic;
using System.Globalization;
using System.Linq;

namespace Sinter.Compiler.Emit;

/// <summary>Values as C# literals.</summary>
public static class Literal
{
    public static string Number(double value) => value.ToString("R", CultureInfo.InvariantCulture) is var text && text.Any(c => c is '.' or 'E')
        ? text
        : text + ".0";

    public static string Integers(IEnumerable<int> values) => $"[{string.Join(", ", values.Select(value => value.ToString(CultureInfo.InvariantCulture)))}]";

    public static string Text(string text) => "\"" + text.Replace("\\", "\\\\").Replace("\"", "\\\"").Replace("\n", "\\n").Replace("\r", "\\r") + "\"";

    /// <summary>A value of config.json, from the text that the binder has of it.</summary>
    public static string Config(string value)
    {
        if (value is "null" or "none") return "null";
        if (value is "true" or "false") return value;
        if (long.TryParse(value, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out long integer)) return integer.ToString(CultureInfo.InvariantCulture) + "L";
        return double.TryParse(value, NumberStyles.Float, CultureInfo.InvariantCulture, out double number) ? Number(number) : Text(value.Trim('"'));
    }
}
