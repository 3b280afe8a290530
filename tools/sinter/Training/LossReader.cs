using System.Collections.Generic;
using System.Linq;
using Sinter.Compiler.Syntax;
using Sinter.Runtime;
using Sinter.Runtime.Training.Schedules;

namespace Sinter.Command.Training;

/// <summary>What the parts of a loss are worth.</summary>
internal static class LossReader
{
    /// <returns>The weights of multi-token prediction and of the balance loss.</returns>
    /// <exception cref="SinterException">The loss is not of the form that can be trained.</exception>
    public static (ScheduledWeight Prediction, ScheduledWeight Balance) Read(string model, Expression? loss, IReadOnlyCollection<string> schedules)
    {
        if (loss is null) return (ScheduledWeight.None, ScheduledWeight.None);
        ScheduledWeight prediction = ScheduledWeight.None, balance = ScheduledWeight.None;
        bool hasMain = false;
        foreach ((Expression term, bool isMinus) in Terms(loss))
        {
            IReadOnlyList<(Expression Value, bool IsDivisor)> factors = Factors(term);
            Call call = factors.Select(factor => factor.Value).OfType<Call>().Single();
            double number = isMinus ? -1 : 1;
            foreach ((NumberLiteral literal, bool isDivisor) in factors.Where(factor => factor.Value is NumberLiteral).Select(factor => ((NumberLiteral)factor.Value, factor.IsDivisor)))
                number = isDivisor ? number / literal.Value : number * literal.Value;
            string[] names = [.. factors.Select(factor => factor.Value).OfType<Reference>().Select(reference => reference.Path[0].Name.Text)];
            var weight = new ScheduledWeight(number, names);
            string argument = SyntaxNames.In(call.Arguments[0].Value).FirstOrDefault() ?? "";
            if (call.Path[0].Name.Text == "sequence_balance") balance = weight;
            else if (argument == "predict") prediction = weight;
            else if (number == 1 && names.Length == 0) hasMain = true;
            else throw new SinterException($"{model}: the loss of the next token, {term.Print()}, counts as it is; weigh the other losses against it.");
        }

        if (!hasMain) throw new SinterException($"{model}: the loss lacks cross_entropy(logits), the loss of the next token.");
        return (prediction, balance);
    }

    private static IEnumerable<(Expression Value, bool IsMinus)> Terms(Expression loss) =>
        loss is Sum sum ? sum.Terms.Select(term => (term.Value, term.IsNegative)) : [(loss, false)];

    private static IReadOnlyList<(Expression Value, bool IsDivisor)> Factors(Expression term) =>
        term is Product product ? [.. product.Factors.Select(factor => (factor.Value, factor.IsInverse))] : [(term, false)];
}
