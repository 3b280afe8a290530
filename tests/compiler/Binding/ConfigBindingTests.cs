using System.Collections.Generic;
using System.Linq;
using Sinter.Compiler.Binding;
using Xunit;

namespace Sinter.Compiler.Tests.FrontEnd;

/// <summary>Axes and numbers from a model's lines or from a config.json.</summary>
public sealed class ConfigBindingTests
{
    private const string Text = """
        config {
          axis v = vocab_size
          axis d = hidden_size
          axis g = shared * width
          axis q = q_lora_rank or none
          depth   = layers_in_all or 3
          queries = has q ? q : d
          deep    = depth > 2 and not has q
          format  = quantization_config.scale_fmt or "plain"
          root    = sqrt(hidden_size) + max(1, 2) - abs(-1)
          require deep or has q
        }
        architecture First reads first, second {
          model(token[t] in v) -> x[t,d] { x[t,d] = embed.weight[token[t], d] }
        }
        architecture Other reads other {
          model(token[t] in v) -> x[t,d] { x[t,d] = embed.weight[token[t], d] }
        }
        """;

    private static readonly Dictionary<string, string> s_config = new()
    {
        ["model_type"] = "second",
        ["vocab_size"] = "100",
        ["hidden_size"] = "16",
        ["shared"] = "2",
        ["width"] = "24",
        ["q_lora_rank"] = "null",
        ["quantization_config.scale_fmt"] = "ue8m0",
        ["nobody_reads_this"] = "1",
    };

    [Fact]
    public void A_config_gives_axes_and_values()
    {
        BoundModel model = Assert.Single(Bind(s_config).Models);
        Assert.Equal("First", model.Architecture.Name);
        Assert.Equal(
            [new("v", 100), new("d", 16), new("g", 48), new("q", null)],
            model.Axes);
        Assert.Equal(
            ["depth = 3", "queries = 16", "deep = true", "format = ue8m0", "root = 5"],
            model.Values.Select(value => $"{value.Name} = {value.Value.Text}"));
    }

    [Fact]
    public void A_models_lines_mean_what_a_config_means()
    {
        BoundFile bound = ModelBinder.Bind("m.sinter", Text + """

            model Tried = First {
              vocab_size = 100, hidden_size = 16
              shared = 2   width = 24   q_lora_rank = none
              quantization_config.scale_fmt = ue8m0
            }
            """, _ => null);
        Assert.Empty(bound.Diagnostics);
        BoundModel other = Assert.Single(Bind(s_config).Models), model = Assert.Single(bound.Models);
        Assert.Equal(other.Axes, model.Axes);
        Assert.Equal(other.Values, model.Values);
    }

    [Theory]
    [InlineData("hidden_size", null, "SIN0301", "'hidden_size' is neither declared nor bound")]
    [InlineData("hidden_size", "sixteen", "SIN0302", "axis d = hidden_size is sixteen; a number is needed")]
    [InlineData("hidden_size", "16.5", "SIN0211", "axis d = hidden_size is 16.5; a whole number from 1 to 2147483647 is needed")]
    [InlineData("hidden_size", "-4", "SIN0211", "axis d = hidden_size is -4; a whole number from 1 to 2147483647 is needed")]
    [InlineData("width", "1e12", "SIN0211", "axis g = shared*width is 2000000000000; a whole number from 1 to 2147483647 is needed")]
    [InlineData("width", "true", "SIN0207", "width is true or false (true) where a number is needed")]
    [InlineData("layers_in_all", "2", "SIN0305", "Tried does not meet the requirement deep or has q of First: deep is false, q is null")]
    [InlineData("model_type", "third", "SIN0307", "no architecture reads model_type 'third'; there is First, Other")]
    public void A_missing_or_bad_value_is_named(string name, string? value, string id, string message)
    {
        var config = new Dictionary<string, string>(s_config);
        if (value is null) config.Remove(name);
        else config[name] = value;
        Assert.Contains(Bind(config).Diagnostics, info => info.Id == id && info.Message.StartsWith(message, System.StringComparison.Ordinal));
    }

    [Fact]
    public void An_architecture_can_be_asked_for_by_name()
    {
        Assert.Equal("Other", Assert.Single(Bind(s_config, "Other").Models).Architecture.Name);
        Assert.Equal("there is no architecture 'Third'; there is First, Other", Assert.Single(Bind(s_config, "Third").Diagnostics).Message);
    }

    private static BoundFile Bind(Dictionary<string, string> config, string? architecture = null) =>
        ModelBinder.BindConfig("m.sinter", Text, _ => null, "Tried", config, architecture);
}
