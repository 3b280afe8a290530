using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using Sinter.Runtime.Execution;

namespace Sinter.Runtime.Checkpoints;

/// <summary>Whether a checkpoint's config.json says the same as the compiled model.</summary>
public static class ConfigAgreement
{
    /// <summary>
    /// Compares every entry that the model binds with config.json. An entry that config.json leaves out is taken as
    /// agreeing, unless it belongs to a group, such as <c>rope_scaling</c>, that config.json leaves out or sets to null.
    /// </summary>
    /// <exception cref="SinterException">An entry differs; the message names it and both values.</exception>
    public static void Require(ModelDescription description, ModelConfig config)
    {
        if (config.ModelType is { } type && description.ModelTypes.Count > 0 && !description.ModelTypes.Contains(type, StringComparer.Ordinal))
            throw new SinterException($"{config.Path}: model_type is '{type}', but the model {description.Name} reads {string.Join(", ", description.ModelTypes)}.");
        foreach ((string name, object? compiled) in description.Config)
        {
            if (!TryFind(config.Values, name, compiled, out object? stated) || Same(compiled, stated)) continue;
            throw new SinterException($"{config.Path}: {name} is {Text(stated)}, but the model {description.Name} was compiled with {Text(compiled)}.");
        }
    }

    private static bool TryFind(IReadOnlyDictionary<string, object?> values, string name, object? compiled, out object? stated)
    {
        if (values.TryGetValue(name, out stated)) return true;
        if (compiled is null)
        {
            // The model has none of the group, and config.json describes one.
            string? member = values.Keys.FirstOrDefault(key => key.StartsWith(name + ".", StringComparison.Ordinal) && values[key] is not null);
            stated = member is null ? null : new Group();
            return member is not null;
        }

        int dot = name.LastIndexOf('.');
        if (dot < 0) return false;
        string group = name[..dot];
        stated = null;
        return !values.Keys.Any(key => key.StartsWith(group + ".", StringComparison.Ordinal));
    }

    private static bool Same(object? compiled, object? stated) => (compiled, stated) switch
    {
        (null, null) => true,
        (string x, string y) => x == y,
        (bool x, bool y) => x == y,
        (long or double or int or float, long or double) => Convert.ToDouble(compiled, CultureInfo.InvariantCulture) == Convert.ToDouble(stated, CultureInfo.InvariantCulture),
        _ => false,
    };

    private static string Text(object? value) => value switch
    {
        null => "null",
        string text => $"'{text}'",
        bool flag => flag ? "true" : "false",
        IFormattable number => number.ToString(null, CultureInfo.InvariantCulture),
        _ => value.ToString()!,
    };

    /// <summary>Stands for an object of entries.</summary>
    private sealed class Group
    {
        public override string ToString() => "an object";
    }
}
