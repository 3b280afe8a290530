using System;
using System.Collections.Generic;
using System.CommandLine;
using System.Linq;
using Sinter.Command.Loading;
using Sinter.Command.Reporting;
using Sinter.Command.Terminal;
using Sinter.Compiler.Graph;
using Sinter.Compiler.Reports;
using Sinter.Runtime.Checkpoints;

namespace Sinter.Command.Commands;

/// <summary><c>sinter check</c>: diagnostics, or how large the model is.</summary>
internal sealed class CheckCommand : ExampledCommand
{
    private readonly Argument<string> _file = SharedOptions.ModelFile();
    private readonly Option<string?> _config = SharedOptions.Config();
    private readonly Option<bool> _graph = new("--graph") { Description = "Print the model as a graph." };
    private readonly Option<bool> _json = SharedOptions.Json();

    public CheckCommand() : base(
        "check",
        "Reads a model description: prints what is wrong with it, or how large the model is.",
        "sinter check models/deepseek_v3_671b.sinter",
        "sinter check models/deepseek_v3_671b.sinter --graph")
    {
        Add(_file);
        foreach (Option option in (Option[])[_config, _graph, _json]) Add(option);
        SetAction(Run);
    }

    private int Run(ParseResult parsed)
    {
        ModelSource source = ModelSource.FromFile(parsed.GetRequiredValue(_file));
        ModelConfig? config = parsed.GetValue(_config) is { } path ? source.ConfigFor(path) : null;
        IReadOnlyList<ModelGraph> models = source.Graphs(config);
        if (parsed.GetValue(_json)) WriteJson(models);
        else if (parsed.GetValue(_graph)) Console.Write(string.Join("\n", models.Select(GraphPrinter.Print)));
        else WriteText(models);
        return ExitCode.Fine;
    }

    private static void WriteText(IReadOnlyList<ModelGraph> models)
    {
        for (int i = 0; i < models.Count; i++)
        {
            if (i > 0) Console.WriteLine();
            SummaryText.Write(models[i], SummarizeModel.Of(models[i]));
        }
    }

    private static void WriteJson(IReadOnlyList<ModelGraph> models) => JsonOutput.Write(json =>
    {
        json.WriteStartArray("models");
        foreach (ModelGraph model in models)
        {
            json.WriteStartObject();
            SummaryText.Write(json, model, SummarizeModel.Of(model));
            json.WriteEndObject();
        }

        json.WriteEndArray();
    });
}
