using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Text.Json;
using Sinter.Compiler.Binding;
using Sinter.Compiler.Graph;
using Sinter.Compiler.Syntax;
using Sinter.Tests.Data;
using Xunit;

namespace Sinter.Compiler.Tests.FrontEnd;

/// <summary>The published models: their configs, angles and recipe.</summary>
public sealed class PublishedModelTests
{
    private static readonly string s_models = Path.Combine(Repository.Root, "models");

    [Fact]
    public void A_config_file_binds_the_same_model_as_its_description()
    {
        BoundModel described = Assert.Single(Bind("tiny_trained.sinter").Models);
        BoundModel configured = Assert.Single(BindConfig("deepseek_v3.sinter", Config(Path.Combine(Repository.TinyTrained, "config.json"))).Models);
        ModelGraph expected = GraphBuilder.Build(described).Graph!, found = GraphBuilder.Build(configured).Graph!;
        Assert.Equal(GraphPrinter.Print(expected).Replace("TinyTrained", "M"), GraphPrinter.Print(found));
        Assert.Equal(expected.Main, found.Main);
    }

    [Fact]
    public void The_graph_keeps_the_config_values_that_it_depends_on()
    {
        ModelGraph graph = GraphBuilder.Build(Assert.Single(Bind("deepseek_v3_671b.sinter").Models)).Graph!;
        Dictionary<string, string> config = graph.Config.ToDictionary(binding => binding.Name, binding => binding.Value);
        Assert.Equal("7168", config["hidden_size"]);
        Assert.Equal("1E-06", config["rms_norm_eps"]);
        Assert.Equal("yarn", config["rope_scaling.type"]);
        Assert.Equal("4096", config["rope_scaling.original_max_position_embeddings"]);
        Assert.Equal("sigmoid", config["scoring_func"]);
        Assert.Equal(["deepseek_v3", "kimi_k2"], graph.ModelTypes);
    }

    // Hand calculation for dimension 4, theta 10000, original 4096, factor 40: pair 0 turns 4096/2π = 651.9 times, more than
    // beta_fast 32 ⇒ kept; the pairs' bounds are floor(4·ln(4096/(32·2π))/(2·ln 10000)) = 0 and ceil(4·ln(4096/2π)/(2·ln 10000)) = 2,
    // so pair 1 is half interpolated: 0.01·(0.5 + 0.5/40).
    [Fact]
    public void Yarn_blends_the_frequencies_between_its_bounds()
    {
        var rotary = (RotaryValue)Value("rotary(r, base: 10000, scaling: rope_scaling)", "rope_scaling = yarn(factor: 40, original: 4096, mscale: 1, mscale_all_dim: 1)");
        Assert.Equal(1, rotary.InverseFrequencies[0], 1e-15);
        Assert.Equal(0.01 * (0.5 + 0.5 / 40), rotary.InverseFrequencies[1], 1e-15);
        Assert.Equal(1, rotary.Magnitude);
    }

    [Fact]
    public void Yarn_without_mscale_all_dim_raises_the_magnitude_instead_of_the_scale()
    {
        const string Scaling = "rope_scaling = yarn(factor: 40, original: 4096)";
        Assert.Equal(0.1 * Math.Log(40) + 1, ((RotaryValue)Value("rotary(r, base: 10000, scaling: rope_scaling)", Scaling)).Magnitude, 1e-15);
        Assert.Equal(0.5, ((NumberValue)Value("attention_scale(r, rope_scaling)", Scaling)).Value, 1e-15);
    }

    [Fact]
    public void The_attention_scale_holds_mscale_squared()
    {
        double mscale = 0.1 * 0.707 * Math.Log(40) + 1;
        Assert.Equal(mscale * mscale / 2, ((NumberValue)Value("attention_scale(r, rope_scaling)", "rope_scaling = yarn(factor: 40, original: 4096, mscale: 0.707, mscale_all_dim: 0.707)")).Value, 1e-15);
        Assert.Equal(0.5, ((NumberValue)Value("attention_scale(r, rope_scaling or none)", "")).Value);
    }

    [Fact]
    public void The_published_recipe_is_read_as_the_report_states_it()
    {
        BoundTraining training = Assert.Single(Bind("deepseek_v3_671b.sinter").Models).Training!;
        Assert.Equal(
        [
            new Phase(PhaseCurve.Linear, 0, 2.2e-4, new Amount(2000, false), null),
            new Phase(PhaseCurve.Hold, 2.2e-4, 2.2e-4, null, new Amount(10e12, true)),
            new Phase(PhaseCurve.Cosine, 2.2e-4, 2.2e-5, new Amount(4.3e12, true), null),
            new Phase(PhaseCurve.Hold, 2.2e-5, 2.2e-5, new Amount(333e9, true), null),
            new Phase(PhaseCurve.Hold, 7.3e-6, 7.3e-6, new Amount(167e9, true), null),
        ],
        training.Schedules.Single(schedule => schedule.Name == "rate").Phases);
    }

    private static ConfigValue Value(string expression, string settings)
    {
        string text = $$"""
            config { axis r = 4  axis v = 2  value = {{expression}} }
            architecture A { model(token[t] in v) -> x[t,r] { x[t,r] = e.weight[token[t],r] } }
            model M = A { {{settings}} }
            """;
        BoundFile bound = ModelBinder.Bind("m.sinter", text, _ => null);
        Assert.Equal("", string.Join("\n", bound.Diagnostics));
        return bound.Models[0].Values.Single(value => value.Name == "value").Value;
    }

    private static BoundFile Bind(string file)
    {
        BoundFile bound = ModelBinder.Bind(Import(Path.Combine(s_models, file))!, Import);
        Assert.Equal("", string.Join("\n", bound.Diagnostics));
        return bound;
    }

    private static BoundFile BindConfig(string file, Dictionary<string, string> config) =>
        ModelBinder.BindConfig(Import(Path.Combine(s_models, file))!, Import, "M", config);

    private static ParsedFile? Import(string path) => File.Exists(path) ? ModelGrammar.Parse(path, File.ReadAllText(path)) : null;

    private static Dictionary<string, string> Config(string file)
    {
        using JsonDocument json = JsonDocument.Parse(File.ReadAllText(file));
        Dictionary<string, string> config = [];
        Flatten("", json.RootElement, config);
        return config;
    }

    private static void Flatten(string name, JsonElement element, Dictionary<string, string> config)
    {
        if (element.ValueKind != JsonValueKind.Object)
        {
            config[name] = element.ValueKind == JsonValueKind.String ? element.GetString()! : element.GetRawText();
            return;
        }

        foreach (JsonProperty property in element.EnumerateObject()) Flatten(name.Length == 0 ? property.Name : $"{name}.{property.Name}", property.Value, config);
    }
}
