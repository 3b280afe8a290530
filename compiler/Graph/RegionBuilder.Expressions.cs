using System;
using System.Collections.Generic;
using System.Linq;
using Sinter.Compiler.Binding;
using Sinter.Compiler.Syntax;

namespace Sinter.Compiler.Graph;

internal sealed partial class RegionBuilder
{
    // The orders to multiply them in grow as 3^n.
    private const int MostFactors = 8;

    // Place by place; brackets joined. The work of reading them grows with the square.
    private const int MostWritten = 400;

    // A power repeats its base, so a base that is itself built of powers would grow without measure.
    private const int DeepestBase = 6;

    /// <summary>
    /// The formula of an expression of which the axes <paramref name="kept"/> are wanted: every other axis is summed over
    /// the smallest product that holds all its uses. Null where something is wrong, which is then reported.
    /// </summary>
    private Formula? Evaluate(Expression expression, IReadOnlyList<Axis> kept, Frame frame)
    {
        if (!state.Spend(expression.Span)) return null;
        switch (expression)
        {
            case Conditional conditional:
                return Truth(conditional.Condition, frame) is { } isTrue
                    ? Evaluate(isTrue ? conditional.Then : conditional.Otherwise, kept, frame)
                    : null;
            case Reference reference when IsIndexed(reference.Path) || Find(reference, frame) is ValueLocal or BrokenLocal:
                return Checked(Read(reference, frame), expression, kept);
            case Alternatives alternatives:
                return Checked(View(alternatives, frame) is { Node: >= 0 } view ? Formula.Of(view.Node) : null, expression, kept);
            case Call call:
                return Apply(call, kept, frame);
            case Sum sum:
                return Add(sum, kept, frame);
            case Product product:
                return Multiply(product, kept, frame);
            case Power power:
                return Raise(power, kept, frame);
            case Negation negation:
                return Evaluate(negation.Operand, kept, frame) is { } operand
                    ? Formula.Apply(UnaryOperator.Negate, Shallow(operand, kept))
                    : null;
            default:
                return ConstantFormula(expression, frame);
        }
    }

    private Formula? ConstantFormula(Expression expression, Frame frame)
    {
        ConfigValue? value = Constant(expression, frame);
        if (value is NumberValue number) return Formula.Constant(number.Value);
        if (value is not null)
            Diagnostics.Add(Compiler.Diagnostics.WrongType, expression.Span, $"{expression.Print()} is {value.Kind} ({value.Text}) where a number is needed");
        return null;
    }

    /// <summary>A value that is used whole has no axis but those that are wanted.</summary>
    private Formula? Checked(Formula? formula, Expression expression, IReadOnlyList<Axis> kept)
    {
        Axis? lone = formula is null ? null : AxesOf(formula).FirstOrDefault(axis => !kept.Contains(axis));
        if (lone is null) return formula;
        Diagnostics.Add(Compiler.Diagnostics.AxisMissingOnTheLeft, expression.Span,
            $"axis {lone.Name} of {Tokens.Shorten(expression.Print())} is neither on the left nor in another factor; sum[{lone.Name}](…) adds it up");
        return null;
    }

    private Formula? Read(Reference reference, Frame frame)
    {
        if (!IsIndexed(reference.Path))
            return Find(reference, frame) is ValueLocal { Uses.Count: 0, Nodes: { Count: 1 } whole } ? Number(whole[0], reference) : null;
        if (reference.Path.Count > 1 || !HasValue(reference.Path[0].Name.Text, frame))
            return View(reference, frame) is { Node: >= 0 } view ? Formula.Of(view.Node) : null;
        if (Indexed(reference, frame) is not { } indexed || indexed.Value.Nodes.Count == 0) return null;

        int node = indexed.Value.Nodes[0];
        if (indexed.Value.Uses.OfType<SumUse>().FirstOrDefault() is { } sum)
        {
            if (!_choices.TryGetValue(sum, out int part))
            {
                Diagnostics.Add(Compiler.Diagnostics.SumAxisUnclear, reference.Span, $"the axis {sum} of {reference.Print()} can be used in a product, or taken apart by several values on the left");
                return null;
            }

            node = indexed.Value.Nodes[part];
        }

        foreach ((Axis from, Axis to) in indexed.Renamed)
        {
            EquatableArray<Axis> renamed = AxesOf(node).Select(axis => axis == from ? to : axis).ToEquatable();
            node = Add(new Rename(Named("renamed"), renamed, node, from, to));
        }

        if (indexed.Index is not { } index) return Number(node, reference);
        List<Axis> axes = AxesOf(node).Where(axis => axis != index.Range).ToList();
        Unite(axes, index.Axes);
        return Formula.Of(Add(new Take(Named("taken"), axes.ToEquatable(), node, index.Node, index.Range)));
    }

    /// <summary>Indices are no numbers to calculate with; only a trace may look at them.</summary>
    private Formula? Number(int node, Reference reference)
    {
        if (Range(node) is null || _isTracing) return Formula.Of(node);
        Diagnostics.Add(Compiler.Diagnostics.WrongType, reference.Span, $"{reference.Print()} holds indices, not numbers to calculate with");
        return null;
    }

    private Formula? Add(Sum sum, IReadOnlyList<Axis> kept, Frame frame)
    {
        Formula? total = null;
        bool isBroken = false;
        foreach (Term term in sum.Terms)
        {
            if (Evaluate(term.Value, kept, frame) is not { } value) isBroken = true;
            else if (total is null) total = term.IsNegative ? Formula.Apply(UnaryOperator.Negate, value) : value;
            else total = Join(term.IsNegative ? BinaryOperator.Subtract : BinaryOperator.Add, total, value, kept);
        }

        return isBroken ? null : total;
    }

    private Formula Join(BinaryOperator op, Formula left, Formula right, IReadOnlyList<Axis> kept) =>
        Formula.Combine(op, Shallow(left, kept), Shallow(right, kept));

    private Formula? Multiply(Product product, IReadOnlyList<Axis> kept, Frame frame)
    {
        if (product.Factors.Count > MostWritten)
        {
            Diagnostics.Add(Compiler.Diagnostics.ModelTooLarge, product.Span, $"a product of {product.Factors.Count} factors is too large; give parts names of their own");
            return null;
        }

        var uses = new List<List<Use>>();
        foreach (Factor factor in product.Factors)
        {
            if (Uses(factor.Value, frame) is { } own) uses.Add(own);
        }

        if (uses.Count < product.Factors.Count) return null;
        if (uses.SelectMany(own => own).OfType<SumUse>().FirstOrDefault() is { } sum) return SumOverParts(sum, product, kept, frame);

        List<List<Axis>> axes = uses.ConvertAll(own => own.OfType<AxisUse>().Select(use => use.Axis).ToList());
        if (HasLoneAxes(product, axes, kept)) return null;
        if (axes.Count(own => own.Count > 0) > MostFactors && axes.Any(own => own.Any(axis => !kept.Contains(axis))))
        {
            Diagnostics.Add(Compiler.Diagnostics.ModelTooLarge, product.Span, $"a product that sums has at most {MostFactors} factors; give a part of it a name first");
            return null;
        }

        var above = new List<Formula>();
        var below = new List<Formula>();
        bool isBroken = false;
        for (int i = 0; i < product.Factors.Count; i++)
        {
            List<Axis> wanted = [.. kept];
            for (int j = 0; j < axes.Count; j++)
            {
                if (j != i) Unite(wanted, axes[j]);
            }

            if (Evaluate(product.Factors[i].Value, wanted, frame) is { } value) (product.Factors[i].IsInverse ? below : above).Add(value);
            else isBroken = true;
        }

        return isBroken ? null : Multiply(above, below, kept);
    }

    private Formula Multiply(List<Formula> above, List<Formula> below, IReadOnlyList<Axis> kept)
    {
        List<Axis> all = [];
        foreach (Formula factor in above.Concat(below)) Unite(all, AxesOf(factor));
        HashSet<Axis> summed = [.. all.Where(axis => !kept.Contains(axis))];

        Formula result = Formula.Constant(1);
        if (summed.Count > 0)
        {
            // Scalars stay outside the sum, and so does a divisor that has no summed axis.
            List<int> factors = above.Where(factor => factor.Inputs.Count > 0)
                .Select(factor => Materialise(factor, all, "factor")).ToList();
            foreach (Formula divisor in below.Where(divisor => AxesOf(divisor).Any(summed.Contains)))
                factors.Add(Materialise(Formula.Combine(BinaryOperator.Divide, Formula.Constant(1), divisor), all, "inverse"));
            var axes = new List<Axis>();
            foreach (int factor in factors) Unite(axes, AxesOf(factor).Where(axis => !summed.Contains(axis)));
            result = Formula.Of(Add(new Contract(Named("product"), Sorted(axes, kept), factors.ToEquatable())));
            above = above.Where(factor => factor.Inputs.Count == 0).ToList();
            below = below.Where(divisor => !AxesOf(divisor).Any(summed.Contains)).ToList();
        }

        foreach (Formula factor in above) result = Join(BinaryOperator.Multiply, result, factor, kept);
        foreach (Formula divisor in below) result = Join(BinaryOperator.Divide, result, divisor, kept);
        return result;
    }

    /// <summary>A product over an axis n+r is the sum of the products over n and over r.</summary>
    private Formula? SumOverParts(SumUse sum, Product product, IReadOnlyList<Axis> kept, Frame frame)
    {
        Formula? total = null;
        for (int part = 0; part < sum.Parts.Count; part++)
        {
            _choices.Add(sum, part);
            Formula? value = Multiply(product, kept, frame);
            _choices.Remove(sum);
            if (value is null) return null;
            total = total is null ? value : Join(BinaryOperator.Add, total, value, kept);
        }

        return total;
    }

    /// <summary>An axis that only one factor has, and that nobody wants, is a slip: two factors were meant to share it.</summary>
    private bool HasLoneAxes(Product product, List<List<Axis>> axes, IReadOnlyList<Axis> kept)
    {
        var lone = new List<(Expression Factor, Axis Axis)>();
        for (int i = 0; i < axes.Count; i++)
        {
            if (product.Factors[i].Value is not (Reference or Alternatives)) continue;
            foreach (Axis axis in axes[i])
            {
                if (!kept.Contains(axis) && !axes.Where((_, j) => j != i).Any(other => other.Contains(axis))) lone.Add((product.Factors[i].Value, axis));
            }
        }

        if (lone.Count != 2 || lone[0].Factor == lone[1].Factor) return false;
        Diagnostics.Add(Compiler.Diagnostics.AxesDisagree, lone[1].Factor.Span,
            $"{Tokens.Shorten(lone[0].Factor.Print())} has {Sized(lone[0].Axis)}, {Tokens.Shorten(lone[1].Factor.Print())} wants {Sized(lone[1].Axis)}");
        return true;
    }

    private Formula? Raise(Power power, IReadOnlyList<Axis> kept, Frame frame)
    {
        if (Evaluate(power.Base, kept, frame) is not { } number) return null;
        ConfigValue? exponent = Constant(power.Exponent, frame);
        if (exponent is NumberValue value)
        {
            if (number.Number is { } constant) return Formula.Constant(Math.Pow(constant, value.Value));
            number = Shallow(number, kept);
            switch (value.Value)
            {
                case 0.5:
                    return Formula.Apply(UnaryOperator.Sqrt, number);
                case -0.5:
                    return Formula.Apply(UnaryOperator.Rsqrt, number);
                case -1:
                    return Formula.Combine(BinaryOperator.Divide, Formula.Constant(1), number);
                case >= 1 and <= 8 when value.IsWhole:
                    if (number.Depth > DeepestBase) number = Formula.Of(Materialise(number, kept, "base"));
                    Formula result = number;
                    for (int i = 1; i < (int)value.Value; i++) result = Formula.Combine(BinaryOperator.Multiply, result, number);
                    return result;
            }
        }

        if (exponent is not null)
        {
            Diagnostics.Add(Compiler.Diagnostics.WrongType, power.Exponent.Span,
                $"an exponent is 1 to 8, 0.5, -0.5 or -1; {power.Exponent.Print()} is {exponent.Text}");
        }

        return null;
    }
}
