using System;
using System.Linq;
using Sinter.Compiler.Syntax;

namespace Sinter.Compiler.Binding;

/// <summary>
/// Rotary angles and the softmax scale, with YaRN's changes where the config asks for them: frequencies blended as in
/// DeepSeek's model.py, magnitudes as in their modelling code, where mscale and mscale_all_dim divide each other.
/// </summary>
internal sealed class ScalingEvaluator(ConstantEvaluator constants, DiagnosticBag diagnostics)
{
    private static readonly string[] s_keys =
        ["type", "rope_type", "factor", "original_max_position_embeddings", "beta_fast", "beta_slow", "mscale", "mscale_all_dim", "rope_theta"];

    public ConfigValue? Apply(string function, Call call) =>
        function == "rotary" ? Rotary(call) : AttentionScale(call);

    /// <summary><c>rotary(r, base: rope_theta, scaling: rope_scaling or none)</c></summary>
    private RotaryValue? Rotary(Call call)
    {
        Expression? theta = null, scaling = null;
        foreach (CallArgument argument in call.Arguments.Skip(1))
        {
            if (argument.Label?.Text == "base") theta = argument.Value;
            else if (argument.Label?.Text == "scaling") scaling = argument.Value;
            else theta = null;
        }

        if (call.Arguments.Count is < 2 or > 3 || theta is null
            || call.Arguments[0] is not { Label: null, IsWidth: false, Value: Reference { Path: { Count: 1 } path } })
        {
            diagnostics.Add(Diagnostics.WrongArguments, call.Span, "rotary takes an axis, 'base: number' and perhaps 'scaling: group or none'");
            return null;
        }

        int? dimension = constants.Whole(call.Arguments[0].Value, 2, 1 << 20);
        double? baseNumber = Within(theta, 1, 1e30);
        if (!TryScaling(scaling, out GroupValue? yarn) || dimension is not { } size || baseNumber is not { } b) return null;
        if (size % 2 == 0) return Rotary(path[0].Name.Text, size, b, yarn, call.Span);
        diagnostics.Add(Diagnostics.SizeOutOfRange, call.Arguments[0].Value.Span,
            $"axis {path[0].Name.Text} has {size} entries; a rotary embedding turns pairs and needs an even number");
        return null;
    }

    private RotaryValue? Rotary(string axis, int size, double theta, GroupValue? yarn, SourceSpan span)
    {
        double[] frequencies = Enumerable.Range(0, size / 2).Select(i => Math.Pow(theta, -2.0 * i / size)).ToArray();
        if (yarn is null) return new RotaryValue(axis, frequencies.ToEquatable(), 1);

        double? factor = Entry(yarn, "factor", null, span), original = Entry(yarn, "original_max_position_embeddings", null, span);
        double? fast = Entry(yarn, "beta_fast", 32, span), slow = Entry(yarn, "beta_slow", 1, span);
        double? mscale = Entry(yarn, "mscale", 1, span), mscaleAll = Entry(yarn, "mscale_all_dim", 0, span);
        if (factor is null || original is null || fast is null || slow is null || mscale is null || mscaleAll is null) return null;

        // The dimension whose wave turns so many times within the original length.
        double Turns(double turns) => size * Math.Log(original.Value / (turns * 2 * Math.PI)) / (2 * Math.Log(theta));
        double low = Math.Max(Math.Floor(Turns(fast.Value)), 0), high = Math.Min(Math.Ceiling(Turns(slow.Value)), size - 1);
        if (low == high) high += 0.001;
        for (int i = 0; i < frequencies.Length; i++)
        {
            double smooth = 1 - Math.Min(Math.Max((i - low) / (high - low), 0), 1);
            frequencies[i] = frequencies[i] / factor.Value * (1 - smooth) + frequencies[i] * smooth;
        }

        return new RotaryValue(axis, frequencies.ToEquatable(), Mscale(factor.Value, mscale.Value) / Mscale(factor.Value, mscaleAll.Value));
    }

    /// <summary><c>attention_scale(n + r, rope_scaling)</c>: size^-½, times mscale² where mscale_all_dim is not zero.</summary>
    private NumberValue? AttentionScale(Call call)
    {
        if (call.Arguments.Count is < 1 or > 2 || call.Arguments.Any(argument => argument.IsWidth || argument.Label is { Text: not "scaling" }))
        {
            diagnostics.Add(Diagnostics.WrongArguments, call.Span, "attention_scale takes the size of a head, and perhaps a scaling group or none");
            return null;
        }

        double? size = Within(call.Arguments[0].Value, 1, 1e9);
        if (!TryScaling(call.Arguments.Count > 1 ? call.Arguments[1].Value : null, out GroupValue? yarn) || size is null) return null;
        double scale = 1 / Math.Sqrt(size.Value);
        if (yarn is null) return new NumberValue(scale);
        double? factor = Entry(yarn, "factor", null, call.Span), mscaleAll = Entry(yarn, "mscale_all_dim", 0, call.Span);
        if (factor is null || mscaleAll is null) return null;
        double mscale = mscaleAll == 0 ? 1 : Mscale(factor.Value, mscaleAll.Value);
        return new NumberValue(scale * mscale * mscale);
    }

    private static double Mscale(double factor, double mscale) => factor <= 1 ? 1 : 0.1 * mscale * Math.Log(factor) + 1;

    private bool TryScaling(Expression? expression, out GroupValue? yarn)
    {
        yarn = null;
        if (expression is null) return true;
        ConfigValue? value = constants.Evaluate(expression);
        if (value is NoneValue) return true;
        yarn = value as GroupValue;
        if (value is null) return false;
        if (yarn is null)
        {
            diagnostics.Add(Diagnostics.ScalingUnsupported, expression.Span, $"{expression.Print()} is {value.Kind}; 'none' or a group such as yarn(factor: 40) is needed");
            return false;
        }

        string type = (yarn.Find("type") ?? yarn.Find("rope_type") ?? NoneValue.Instance).Text;
        if (type == "default")
        {
            yarn = null;
            return true;
        }

        if (type != "yarn")
        {
            diagnostics.Add(Diagnostics.ScalingUnsupported, expression.Span, $"rope scaling of type '{type}' is not supported; 'yarn' is");
            return false;
        }

        foreach (NamedValue entry in yarn.Entries)
        {
            if (s_keys.Contains(entry.Name)) continue;
            diagnostics.Add(Diagnostics.ScalingUnsupported, expression.Span, $"yarn has no number '{entry.Name}'{NearestName.Suggest(entry.Name, s_keys)}");
            return false;
        }

        return true;
    }

    private double? Entry(GroupValue group, string name, double? otherwise, SourceSpan span)
    {
        ConfigValue? value = group.Find(name);
        if (value is null or NoneValue && otherwise is not null) return otherwise;
        bool mayBeZero = name.StartsWith("mscale", StringComparison.Ordinal);
        if (value is NumberValue number && (number.Value > 0 || mayBeZero && number.Value >= 0) && number.Value < 1e12) return number.Value;
        if (value is null) diagnostics.Add(Diagnostics.ConfigMissing, span, $"rope scaling by yarn needs '{name}'");
        else diagnostics.Add(Diagnostics.ConfigBadValue, span, $"rope scaling's '{name}' is {value.Text}; a positive number is needed");
        return null;
    }

    private double? Within(Expression expression, double least, double most)
    {
        if (constants.Number(expression) is not { } number) return null;
        if (number >= least && number <= most) return number;
        diagnostics.Add(Diagnostics.ConfigBadValue, expression.Span, $"{expression.Print()} is {new NumberValue(number).Text}; a number of at least {least} is needed");
        return null;
    }
}
