using System;
using System.Collections.Generic;
using System.Linq;
using Sinter.Compiler.Syntax;

namespace Sinter.Compiler.Binding;

/// <summary>Where the names in constant expressions get their values.</summary>
public interface IConstantNames
{
    /// <summary>The value of a name; null if there is none, or if it cannot be had and that is reported already.</summary>
    /// <param name="isKnown">False where the name means nothing, so that the caller should report it.</param>
    ConfigValue? Find(string name, SourceSpan span, out bool isKnown);

    /// <summary>A name that only config.json gives a meaning.</summary>
    bool IsConfigName(string name);

    IEnumerable<string> Known { get; }

    /// <summary>Whose numbers they are, for messages.</summary>
    string ModelName { get; }
}

/// <summary>Works out expressions over config names, axis sizes and layer numbers, while the model is compiled.</summary>
public sealed class ConstantEvaluator(IConstantNames names, DiagnosticBag diagnostics)
{
    private static readonly Dictionary<string, Func<double, double>> s_functions = new()
    {
        ["sqrt"] = Math.Sqrt,
        ["exp"] = Math.Exp,
        ["log"] = Math.Log,
        ["abs"] = Math.Abs,
    };

    /// <summary>The value, or null where something is wrong, which is then reported.</summary>
    public ConfigValue? Evaluate(Expression expression) => expression switch
    {
        NumberLiteral number => new NumberValue(number.Value),
        TextLiteral text => new TextValue(text.Value),
        TruthLiteral truth => new TruthValue(truth.Value),
        NoneLiteral => NoneValue.Instance,
        HasTest has => Has(has),
        Reference reference => Lookup(reference),
        Sum sum => Fold(sum),
        Product product => Fold(product),
        Power power => Number(power.Base) is { } b && Number(power.Exponent) is { } e ? new NumberValue(Math.Pow(b, e)) : null,
        Negation negation => Number(negation.Operand) is { } value ? new NumberValue(-value) : null,
        Not not => Truth(not.Operand) is { } value ? new TruthValue(!value) : null,
        Comparison comparison => Compare(comparison),
        Logic logic => Decide(logic),
        Conditional conditional => Truth(conditional.Condition) is { } value
            ? Evaluate(value ? conditional.Then : conditional.Otherwise)
            : null,
        Call call => Apply(call),
        _ => NotConstant(expression),
    };

    public bool? Truth(Expression expression)
    {
        ConfigValue? value = Evaluate(expression);
        if (value is TruthValue truth) return truth.Value;
        return value is null ? null : Fail<bool>(expression, value, "true or false");
    }

    public double? Number(Expression expression)
    {
        ConfigValue? value = Evaluate(expression);
        if (value is NumberValue number) return number.Value;
        return value is null ? null : Fail<double>(expression, value, "a number");
    }

    /// <summary>A whole number within limits.</summary>
    public int? Whole(Expression expression, int least, int most)
    {
        if (Number(expression) is not { } number) return null;
        if (number == Math.Floor(number) && number >= least && number <= most) return (int)number;
        diagnostics.Add(Diagnostics.SizeOutOfRange, expression.Span,
            $"{expression.Print()} is {new NumberValue(number).Text}; a whole number from {least} to {most} is needed");
        return null;
    }

    private T? Fail<T>(Expression expression, ConfigValue value, string wanted) where T : struct
    {
        diagnostics.Add(Diagnostics.WrongType, expression.Span, $"{expression.Print()} is {value.Kind} ({value.Text}) where {wanted} is needed");
        return null;
    }

    private ConfigValue? NotConstant(Expression expression)
    {
        diagnostics.Add(Diagnostics.WrongType, expression.Span,
            $"{Tokens.Shorten(expression.Print())} is not known when the model is compiled; a number, a config name or an axis is needed");
        return null;
    }

    private TruthValue? Has(HasTest has)
    {
        ConfigValue? value = names.Find(has.Name.Text, has.Name.Span, out bool isKnown);
        if (isKnown) return value is null ? null : new TruthValue(value is not NoneValue);
        if (names.IsConfigName(has.Name.Text)) return new TruthValue(false);
        ReportUnknown(has.Name.Text, has.Name.Span);
        return null;
    }

    private ConfigValue? Lookup(Reference reference)
    {
        if (reference.Path.Any(segment => segment.IsIndexed)) return NotConstant(reference);
        string name = string.Join(".", reference.Path.Select(segment => segment.Name.Text));
        ConfigValue? value = names.Find(name, reference.Span, out bool isKnown);
        if (!isKnown) ReportUnknown(name, reference.Span);
        return value;
    }

    private void ReportUnknown(string name, SourceSpan span) => diagnostics.Add(
        Diagnostics.ConfigMissing, span,
        $"'{name}' is neither declared nor bound by {names.ModelName}{NearestName.Suggest(name, names.Known)}");

    private NumberValue? Fold(Sum sum)
    {
        double total = 0;
        bool fine = true;
        foreach (Term term in sum.Terms)
        {
            if (Number(term.Value) is { } value) total += term.IsNegative ? -value : value;
            else fine = false;
        }

        return fine ? new NumberValue(total) : null;
    }

    private NumberValue? Fold(Product product)
    {
        double total = 1;
        bool fine = true;
        foreach (Factor factor in product.Factors)
        {
            if (Number(factor.Value) is { } value) total = factor.IsInverse ? total / value : total * value;
            else fine = false;
        }

        return fine ? new NumberValue(total) : null;
    }

    private TruthValue? Compare(Comparison comparison)
    {
        if (comparison.Operator is "==" or "!=")
        {
            ConfigValue? left = Evaluate(comparison.Left), right = Evaluate(comparison.Right);
            if (left is null || right is null) return null;
            if (left.GetType() != right.GetType() && left is not NoneValue && right is not NoneValue)
            {
                Fail<bool>(comparison.Right, right, left.Kind);
                return null;
            }

            return new TruthValue(left.Equals(right) == (comparison.Operator == "=="));
        }

        if (Number(comparison.Left) is not { } a || Number(comparison.Right) is not { } b) return null;
        return new TruthValue(comparison.Operator switch
        {
            "<" => a < b,
            "<=" => a <= b,
            ">" => a > b,
            _ => a >= b,
        });
    }

    private ConfigValue? Decide(Logic logic)
    {
        if (!logic.IsAnd && logic.Operands[0] is Reference reference && ConfigName(reference) is { } name)
        {
            ConfigValue? value = names.Find(name, reference.Span, out bool isKnown);
            if (isKnown && value is null) return null;
            if (value is not null and not NoneValue) return value;
            return logic.Operands.Count == 2
                ? Evaluate(logic.Operands[1])
                : Decide(logic with { Operands = logic.Operands.Skip(1).ToEquatable() });
        }

        foreach (Expression operand in logic.Operands)
        {
            if (Truth(operand) is not { } value) return null;
            if (value != logic.IsAnd) return new TruthValue(value);
        }

        return new TruthValue(logic.IsAnd);
    }

    private string? ConfigName(Reference reference)
    {
        if (reference.Path.Any(segment => segment.IsIndexed)) return null;
        string name = string.Join(".", reference.Path.Select(segment => segment.Name.Text));
        return names.IsConfigName(name) ? name : null;
    }

    private ConfigValue? Apply(Call call)
    {
        string name = call.Path.Count == 1 && !call.Path[0].IsIndexed ? call.Path[0].Name.Text : "";
        if (name is "rotary" or "attention_scale") return new ScalingEvaluator(this, diagnostics).Apply(name, call);
        bool isPair = name is "max" or "min";
        if (!isPair && !s_functions.ContainsKey(name)) return NotConstant(call);
        if (call.Arguments.Count != (isPair ? 2 : 1) || call.Arguments.Any(argument => argument.IsWidth || argument.Label is not null))
        {
            diagnostics.Add(Diagnostics.WrongArguments, call.Span, $"{name} takes {(isPair ? "two numbers" : "one number")}");
            return null;
        }

        if (Number(call.Arguments[0].Value) is not { } first) return null;
        if (!isPair) return new NumberValue(s_functions[name](first));
        if (Number(call.Arguments[1].Value) is not { } second) return null;
        return new NumberValue(name == "max" ? Math.Max(first, second) : Math.Min(first, second));
    }
}
