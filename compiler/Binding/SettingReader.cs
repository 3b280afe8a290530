using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using Sinter.Compiler.Syntax;

namespace Sinter.Compiler.Binding;

/// <summary>The values that a model's lines, or a config.json, give to config names.</summary>
internal static class SettingReader
{
    /// <summary>Reads <c>name = value</c> lines; <c>yarn(factor: 40, original: 4096)</c> is a group of type yarn.</summary>
    public static IReadOnlyDictionary<string, ConfigValue> Read(IEnumerable<Setting> settings, DiagnosticBag diagnostics)
    {
        var values = new SortedDictionary<string, ConfigValue>(StringComparer.Ordinal);
        foreach (Setting setting in settings)
        {
            if (values.ContainsKey(setting.Name.Text))
            {
                diagnostics.Add(Diagnostics.DefinedTwice, setting.Name.Span, $"'{setting.Name.Text}' is bound twice");
            }
            else if (Value(setting.Value, diagnostics) is { } value)
            {
                values.Add(setting.Name.Text, value);
            }
        }

        return values;
    }

    /// <summary>Reads a flattened config.json: <c>rope_scaling.factor</c> → <c>40</c>.</summary>
    public static IReadOnlyDictionary<string, ConfigValue> Read(IReadOnlyDictionary<string, string> config)
    {
        var values = new SortedDictionary<string, ConfigValue>(StringComparer.Ordinal);
        foreach (KeyValuePair<string, string> entry in config) values[entry.Key] = Value(entry.Value);

        // Names with a dot are also one group: its parts are read together.
        foreach (IGrouping<string, string> group in config.Keys.Where(key => key.IndexOf('.') > 0).ToLookup(key => key.Substring(0, key.IndexOf('.'))))
        {
            values[group.Key] = new GroupValue(group.OrderBy(key => key, StringComparer.Ordinal)
                .Select(key => new NamedValue(key.Substring(group.Key.Length + 1), values[key])).ToEquatable());
        }

        return values;
    }

    private static ConfigValue Value(string text) => text switch
    {
        "null" or "None" => NoneValue.Instance,
        "true" or "True" => new TruthValue(true),
        "false" or "False" => new TruthValue(false),
        _ when double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out double number)
            && !double.IsNaN(number) && !double.IsInfinity(number) => new NumberValue(number),
        _ => new TextValue(text),
    };

    private static ConfigValue? Value(Expression expression, DiagnosticBag diagnostics)
    {
        switch (expression)
        {
            case NumberLiteral number:
                return new NumberValue(number.Value);
            case Negation { Operand: NumberLiteral number }:
                return new NumberValue(-number.Value);
            case TextLiteral text:
                return new TextValue(text.Value);
            case TruthLiteral truth:
                return new TruthValue(truth.Value);
            case NoneLiteral:
                return NoneValue.Instance;
            case Reference { Path: { Count: 1 } path } when !path[0].IsIndexed:
                return new TextValue(path[0].Name.Text);
            case Call { Path: { Count: 1 } path } call when !path[0].IsIndexed:
                return Group(path[0].Name.Text, call, diagnostics);
            default:
                diagnostics.Add(Diagnostics.ConfigBadValue, expression.Span, $"{expression.Print()} cannot be bound; a number, a word or a group is needed");
                return null;
        }
    }

    private static GroupValue? Group(string type, Call call, DiagnosticBag diagnostics)
    {
        var entries = new List<NamedValue> { new("type", new TextValue(type)) };
        foreach (CallArgument argument in call.Arguments)
        {
            if (argument.Label is not { } label)
            {
                diagnostics.Add(Diagnostics.WrongArguments, argument.Value.Span, $"the values of {type}(…) need names: 'factor: 40'");
                return null;
            }

            string name = label.Text == "original" ? "original_max_position_embeddings" : label.Text;
            if (entries.Any(entry => entry.Name == name))
            {
                diagnostics.Add(Diagnostics.DefinedTwice, label.Span, $"'{label.Text}' is given twice");
                return null;
            }

            if (Value(argument.Value, diagnostics) is not { } value) return null;
            entries.Add(new NamedValue(name, value));
        }

        return new GroupValue(entries.OrderBy(entry => entry.Name, StringComparer.Ordinal).ToEquatable());
    }
}
