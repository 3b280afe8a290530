using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using Sinter.Runtime.Checkpoints;

namespace Sinter.Command.Loading;

/// <summary>A config.json as the compiler takes it: every value as text.</summary>
internal static class ConfigTexts
{
    public static IReadOnlyDictionary<string, string> Of(ModelConfig config) =>
        config.Values.ToDictionary(entry => entry.Key, entry => Text(entry.Value));

    private static string Text(object? value) => value switch
    {
        null => "null",
        bool flag => flag ? "true" : "false",
        double number => number.ToString("R", CultureInfo.InvariantCulture),
        long number => number.ToString(CultureInfo.InvariantCulture),
        _ => value.ToString()!,
    };
}
