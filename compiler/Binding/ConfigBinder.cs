using System;
using System.Collections.Generic;
using System.Linq;
using Sinter.Compiler.Syntax;

namespace Sinter.Compiler.Binding;

/// <summary>Gives an architecture's axes and values their sizes and numbers, each when it is first asked for.</summary>
internal sealed class ConfigBinder : IConstantNames
{
    private const int LargestSize = int.MaxValue;

    private readonly BoundArchitecture _architecture;
    private readonly IReadOnlyDictionary<string, ConfigValue> _settings;
    private readonly DiagnosticBag _diagnostics;
    private readonly ConstantEvaluator _evaluator;
    private readonly Dictionary<string, ConfigEntry> _entries = [];
    private readonly Dictionary<string, ConfigValue?> _values = [];
    private readonly HashSet<string> _underway = [];
    private readonly SortedDictionary<string, ConfigValue> _read = new(StringComparer.Ordinal);

    public ConfigBinder(string modelName, BoundArchitecture architecture, IReadOnlyDictionary<string, ConfigValue> settings, DiagnosticBag diagnostics)
    {
        ModelName = modelName;
        (_architecture, _settings, _diagnostics) = (architecture, settings, diagnostics);
        _evaluator = new ConstantEvaluator(this, diagnostics);
        foreach (ConfigEntry entry in architecture.Config)
        {
            if (entry.Name is { } name && !_entries.ContainsKey(name.Text)) _entries.Add(name.Text, entry);
        }
    }

    public IEnumerable<string> Known => _entries.Keys.Concat(_settings.Keys);

    public string ModelName { get; }

    public bool IsConfigName(string name) => !_entries.ContainsKey(name);

    public ConfigValue? Find(string name, SourceSpan span, out bool isKnown)
    {
        isKnown = true;
        if (_entries.TryGetValue(name, out ConfigEntry? entry)) return Declared(name, entry, span);
        isKnown = _settings.TryGetValue(name, out ConfigValue? value);
        if (isKnown) _read[name] = value!;
        return value;
    }

    public BoundModel Bind(BoundTraining? training, BoundPlacement? placement, SourceSpan span)
    {
        var axes = new List<BoundAxis>();
        var values = new List<NamedValue>();
        foreach (ConfigEntry entry in _architecture.Config.Where(entry => entry.Kind != ConfigEntryKind.Require))
        {
            if (!ReferenceEquals(_entries[entry.Name!.Text], entry)) continue;
            ConfigValue? value = Declared(entry.Name.Text, entry, entry.Name.Span);
            if (entry.Kind == ConfigEntryKind.Axis) axes.Add(new BoundAxis(entry.Name.Text, value is NumberValue size ? (int)size.Value : null));
            else if (value is not null) values.Add(new NamedValue(entry.Name.Text, value));
        }

        foreach (ConfigEntry entry in _architecture.Config.Where(entry => entry.Kind == ConfigEntryKind.Require))
        {
            if (_evaluator.Truth(entry.Value) != false) continue;
            string found = string.Join(", ", SyntaxNames.In(entry.Value).Distinct()
                .Select(name => $"{name} is {(_values.TryGetValue(name, out ConfigValue? v) || _settings.TryGetValue(name, out v) ? v?.Text : "missing")}"));
            _diagnostics.Add(Diagnostics.RequirementFails, entry.Span,
                $"{ModelName} does not meet the requirement {entry.Value.Print()} of {_architecture.Name}: {found}");
        }

        return new BoundModel(
            ModelName,
            _architecture,
            _settings.Select(setting => new NamedValue(setting.Key, setting.Value)).ToEquatable(),
            axes.ToEquatable(),
            values.ToEquatable(),
            _read.Select(setting => new NamedValue(setting.Key, setting.Value)).ToEquatable(),
            training,
            placement,
            span);
    }

    private ConfigValue? Declared(string name, ConfigEntry entry, SourceSpan span)
    {
        if (_values.TryGetValue(name, out ConfigValue? known)) return known;
        if (!_underway.Add(name))
        {
            _diagnostics.Add(Diagnostics.CallsItself, span, $"'{name}' is defined by itself");
            return null;
        }

        ConfigValue? value = _evaluator.Evaluate(entry.Value);
        if (entry.Kind == ConfigEntryKind.Axis && value is not null and not NoneValue) value = Size(name, entry, value);
        _underway.Remove(name);
        _values[name] = value;
        return value;
    }

    private ConfigValue? Size(string name, ConfigEntry entry, ConfigValue value)
    {
        if (value is NumberValue { IsWhole: true, Value: > 0 and <= LargestSize }) return value;
        string wanted = value is NumberValue ? $"a whole number from 1 to {LargestSize} is needed" : "a number is needed";
        _diagnostics.Add(value is NumberValue ? Diagnostics.SizeOutOfRange : Diagnostics.ConfigBadValue, entry.Span,
            $"axis {name} = {entry.Value.Print()} is {value.Text}; {wanted}");
        return null;
    }
}
