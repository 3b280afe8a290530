using System;
using System.Globalization;

namespace Sinter.Compiler.Binding;

/// <summary>A value known when a model is compiled.</summary>
public abstract record ConfigValue
{
    /// <summary>What it is, for messages.</summary>
    public abstract string Kind { get; }

    /// <summary>As config.json would have it, without quotes.</summary>
    public abstract string Text { get; }
}

public sealed record NumberValue(double Value) : ConfigValue
{
    public override string Kind => "a number";

    public override string Text => Value.ToString("R", CultureInfo.InvariantCulture);

    /// <summary>Whether it can be a size or a count.</summary>
    public bool IsWhole => Value == Math.Floor(Value) && Math.Abs(Value) < 9e15;
}

public sealed record TruthValue(bool Value) : ConfigValue
{
    public override string Kind => "true or false";

    public override string Text => Value ? "true" : "false";
}

public sealed record TextValue(string Value) : ConfigValue
{
    public override string Kind => "a text";

    public override string Text => Value;
}

public sealed record NoneValue : ConfigValue
{
    public static readonly NoneValue Instance = new();

    public override string Kind => "none";

    public override string Text => "null";
}

/// <summary>Named values under one name, such as <c>rope_scaling</c>; its kind is the entry <c>type</c>.</summary>
public sealed record GroupValue(EquatableArray<NamedValue> Entries) : ConfigValue
{
    public override string Kind => "a group of values";

    public override string Text => "{…}";

    public ConfigValue? Find(string name)
    {
        foreach (NamedValue entry in Entries)
        {
            if (entry.Name == name) return entry.Value;
        }

        return null;
    }
}

public sealed record NamedValue(string Name, ConfigValue Value);

/// <summary>A rotary embedding along an axis, with its angles a position.</summary>
/// <param name="Magnitude">Factor on cosine and sine.</param>
public sealed record RotaryValue(string Axis, EquatableArray<double> InverseFrequencies, double Magnitude) : ConfigValue
{
    public override string Kind => "a rotary embedding";

    public override string Text => $"rotary({Axis})";
}
