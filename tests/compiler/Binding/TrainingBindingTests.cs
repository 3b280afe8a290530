using System.Linq;
using Sinter.Compiler.Binding;
using Sinter.Compiler.Syntax;
using Xunit;

namespace Sinter.Compiler.Tests.FrontEnd;

/// <summary>The recipe of training and its layout over machines.</summary>
public sealed class TrainingBindingTests
{
    [Theory]
    [InlineData("0.1", "Hold 0.1 for ever")]
    [InlineData("0.3 until 10T tokens, then 0.1", "Hold 0.3 until 10000000000000 tokens; Hold 0.1 for ever")]
    [InlineData("0 to 2e-4 over 2000 steps, hold until 5000 steps, then 1e-5 for 10 steps", "Linear 0..0.0002 2000 steps; Hold 0.0002 until 5000 steps; Hold 1E-05 10 steps")]
    [InlineData("1 for 2K steps, cosine to 0.5 over 3 steps, hold 4", "Hold 1 2000 steps; Cosine 1..0.5 3 steps; Hold 0.5 4 steps")]
    [InlineData("1 for 2M tokens, linear to 0 until 1B tokens", "Hold 1 2000000 tokens; Linear 1..0 until 1000000000 tokens")]
    public void Every_form_of_a_schedule_is_bound(string text, string expected)
    {
        Schedule schedule = Assert.Single(Bind($"rate = {text}").Training!.Schedules);
        Assert.Equal("rate", schedule.Name);
        Assert.Equal(expected, string.Join("; ", schedule.Phases.Select(Written)));
    }

    [Fact]
    public void A_model_replaces_lines_of_its_architecture_and_keeps_the_others()
    {
        BoundModel model = Bind("rate = 1\nbatch = 2\nstage first { length: 8 }\nstage second { length: 16 }", "train { rate = 3 stage first { length: 32 } }");
        Assert.Equal(["batch Hold 2 for ever", "rate Hold 3 for ever"], model.Training!.Schedules.Select(schedule => $"{schedule.Name} {Written(schedule.Phases[0])}"));
        Assert.Equal(["first 32"], model.Training.Stages.Select(stage => $"{stage.Name} {stage.Keys[0].Value.Text}"));
    }

    [Fact]
    public void A_mixture_names_domains_and_belongs_to_training_or_to_a_stage()
    {
        BoundTraining training = Bind("mixture = weights(web: 0.8, code: 0.2)\ndata = packed(fim: 0.1, mask: documents)\nadaptive = plateau(patience: 3)\nstage last { length: 8, mixture: weights(code: 1) }").Training!;
        Assert.Equal(["web 0.8", "code 0.2"], training.Choices.Single(choice => choice.Name == "mixture").Numbers.Select(number => $"{number.Name} {number.Value.Text}"));
        var own = Assert.IsType<GroupValue>(training.Stages[0].Keys.Single(key => key.Name == "mixture").Value);
        Assert.Equal(["code 1"], own.Entries.Select(entry => $"{entry.Name} {entry.Value.Text}"));
    }

    [Fact]
    public void Methods_keep_their_numbers()
    {
        BoundTraining training = Bind("loss = cross_entropy(logits) + extra * cross_entropy(predict)\nextra = 0.3\noptimizer = adamw(beta1: 0.9, moments: bf16)\nprecision = fp8(activations: 1x128)\ninit = normal(0.006)").Training!;
        Assert.Equal(
            ["optimizer adamw beta1=0.9 moments=bf16", "precision fp8 activations=1x128", "init normal =0.006"],
            training.Choices.Select(choice => $"{choice.Name} {choice.Method} {string.Join(" ", choice.Numbers.Select(number => $"{number.Name}={number.Value.Text}"))}"));
        Assert.Equal(2, Assert.IsType<Sum>(training.Loss).Terms.Count);
    }

    [Fact]
    public void The_layout_over_machines_is_bound()
    {
        BoundPlacement placement = Bind("rate = 1", others: "parallel { pipeline = dualpipe(16) experts = 64, at most 4 nodes a token data = zero1 }").Placement!;
        Assert.Equal((64, 4), (placement.Experts, placement.MostNodes));
        Assert.Equal(["dualpipe", "zero1"], placement.Choices.Select(choice => choice.Method));
    }

    [Theory]
    [InlineData("batch = 0", "a batch has one sequence at least")]
    [InlineData("batch = 0 to 16 over 5 steps, then 16", "a batch has one sequence at least")]
    [InlineData("loss = cross_entropy(logits) + extra * cross_entropy(predict)\nextra = -1", "'extra' takes numbers that change with time")]
    [InlineData("rate = 1 for 2", "a time needs its unit: 10T tokens, 2000 steps")]
    [InlineData("rate = hold 3 steps", "the first phase of a schedule needs a value to start from")]
    [InlineData("rate = 1, then 2", "only the last phase of a schedule may go on for ever; 'until', 'over' or 'for' says how long")]
    [InlineData("rate = 0 to 1", "a change needs a time: 0 to 2.2e-4 over 2000 steps")]
    [InlineData("rate = 1 for 0 steps", "a time is a positive number of tokens or steps")]
    [InlineData("rate = 1 until 5 steps, hold until 4 steps", "this phase would end before it begins")]
    [InlineData("mixture = weights(0.5)", "weights has no number without a name")]
    [InlineData("stage s { mixture: web }", "web is no mixture; weights is")]
    [InlineData("data = shuffled", "shuffled is no data; packed, windows are")]
    [InlineData("init = normal(0.1, 0.2)", "normal has no number without a name")]
    public void A_line_without_sense_is_refused(string line, string message)
    {
        BoundFile bound = ModelBinder.Bind("m.sinter", Text(line, "", ""), _ => null);
        Assert.StartsWith(message, Assert.Single(bound.Diagnostics).Message, System.StringComparison.Ordinal);
    }

    private static BoundModel Bind(string train, string own = "", string others = "")
    {
        BoundFile bound = ModelBinder.Bind("m.sinter", Text(train, own, others), _ => null);
        Assert.Empty(bound.Diagnostics);
        return Assert.Single(bound.Models);
    }

    private static string Text(string train, string own, string others) => $$"""
        config { axis v = 8 axis d = 4 }
        architecture Tiny {
          model(token[t] in v) -> x[t,d] { x[t,d] = embed.weight[token[t], d] }
          train {
            {{train}}
          }
          {{others}}
        }
        model Tried = Tiny { {{own}} }
        """;

    private static string Written(Phase phase)
    {
        string value = phase.Curve == PhaseCurve.Hold ? $"{phase.To}" : $"{phase.From}..{phase.To}";
        string time = phase switch
        {
            { Length: { } length } => $"{length.Value} {Unit(length)}",
            { End: { } end } => $"until {end.Value} {Unit(end)}",
            _ => "for ever",
        };
        return System.FormattableString.Invariant($"{phase.Curve} {value} {time}");
    }

    private static string Unit(Amount amount) => amount.IsTokens ? "tokens" : "steps";
}
