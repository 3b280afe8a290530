using System;
using System.Collections.Generic;
using System.Globalization;
using System.IO;
using System.Linq;
using System.Text;
using System.Text.RegularExpressions;
using Sinter.Compiler.Binding;
using Sinter.Compiler.Graph;
using Sinter.Runtime.Checkpoints;

namespace Sinter.Command.Loading;

/// <summary>Writes a bound model as a .sinter file that binds the same numbers: those that its architecture reads.</summary>
internal static partial class ModelWriter
{
    public static string Write(BoundModel model, ModelGraph graph, ModelConfig config)
    {
        var text = new StringBuilder();
        text.Append(CultureInfo.InvariantCulture, $"// The numbers of a config.json with the model_type {config.ModelType}.\n\n");
        text.Append(CultureInfo.InvariantCulture, $"import \"{Path.GetFileName(model.Architecture.Span.Path)}\"\n\n");
        text.Append(CultureInfo.InvariantCulture, $"model {model.Name} = {model.Architecture.Name} {{\n");
        foreach ((string name, ConfigValue value) in Lines(model, graph))
            text.Append(CultureInfo.InvariantCulture, $"  {name} = {Text(value)}\n");
        return text.Append("}\n").ToString();
    }

    /// <summary>The names that the graph was made with; a group that says its type, as rope_scaling does, in one line.</summary>
    private static IEnumerable<(string Name, ConfigValue Value)> Lines(BoundModel model, ModelGraph graph)
    {
        Dictionary<string, ConfigValue> settings = model.Settings.ToDictionary(setting => setting.Name, setting => setting.Value);
        var written = new HashSet<string>();
        foreach (string name in graph.Config.Select(binding => binding.Name))
        {
            int dot = name.IndexOf('.', StringComparison.Ordinal);
            string group = dot < 0 ? name : name[..dot];
            bool isTyped = settings.TryGetValue(group, out ConfigValue? whole) && whole is GroupValue typed && TypeOf(typed) is not null;
            string line = isTyped ? group : name;
            if (settings.TryGetValue(line, out ConfigValue? value) && written.Add(line)) yield return (line, value);
        }
    }

    private static string? TypeOf(GroupValue group) => (group.Find("type") ?? group.Find("rope_type"))?.Text;

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
        IEnumerable<string> entries = group.Entries
            .Where(entry => entry.Name is not "type" and not "rope_type")
            .Select(entry => $"{(entry.Name == "original_max_position_embeddings" ? "original" : entry.Name)}: {Text(entry.Value)}");
        return $"{TypeOf(group)}({string.Join(", ", entries)})";
    }

    [GeneratedRegex("^[A-Za-z_][A-Za-z0-9_]*$")]
    private static partial Regex Word();
}
