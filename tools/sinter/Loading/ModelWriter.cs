using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using System.Text;
using System.Text.RegularExpressions;
using Sinter.Compiler.Binding;
using Sinter.Runtime.Checkpoints;

namespace Sinter.Command.Loading;

/// <summary>Writes a bound model as a .sinter file that binds the same numbers.</summary>
internal static partial class ModelWriter
{
    public static string Write(BoundModel model, ModelConfig config)
    {
        var text = new StringBuilder();
        text.Append(CultureInfo.InvariantCulture, $"// The numbers of a config.json with the model_type {config.ModelType}.\n");
        text.Append(CultureInfo.InvariantCulture, $"import \"{System.IO.Path.GetFileName(model.Architecture.Span.Path)}\"\n\n");
        text.Append(CultureInfo.InvariantCulture, $"model {model.Name} = {model.Architecture.Name} {{\n");
        foreach (NamedValue entry in model.Read.Where(entry => !IsInGroup(entry, model.Read)))
            text.Append(CultureInfo.InvariantCulture, $"  {entry.Name} = {Text(entry.Value)}\n");
        return text.Append("}\n").ToString();
    }

    private static bool IsInGroup(NamedValue entry, IEnumerable<NamedValue> all)
    {
        int dot = entry.Name.IndexOf('.', StringComparison.Ordinal);
        return dot > 0 && all.Any(other => other.Name == entry.Name[..dot]);
    }

    private static string Text(ConfigValue value) => value switch
    {
        NoneValue => "none",
        TextValue text when Word().IsMatch(text.Value) => text.Value,
        TextValue text => $"\"{text.Value}\"",
        GroupValue group => Group(group),
        _ => value.Text,
    };

    /// <summary><c>yarn(factor: 40, original: 4096)</c>: the group's type is in front.</summary>
    private static string Group(GroupValue group)
    {
        string type = (group.Find("type") ?? group.Find("rope_type"))?.Text ?? "group";
        IEnumerable<string> entries = group.Entries
            .Where(entry => entry.Name is not "type" and not "rope_type")
            .Select(entry => $"{(entry.Name == "original_max_position_embeddings" ? "original" : entry.Name)}: {Text(entry.Value)}");
        return $"{type}({string.Join(", ", entries)})";
    }

    [GeneratedRegex("^[A-Za-z_][A-Za-z0-9_]*$")]
    private static partial Regex Word();
}
