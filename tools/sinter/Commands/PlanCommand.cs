using System;
using System.Collections.Generic;
using System.CommandLine;
using System.Linq;
using Sinter.Command.Loading;
using Sinter.Command.Reporting;
using Sinter.Command.Terminal;
using Sinter.Compiler;
using Sinter.Compiler.Graph;
using Sinter.Compiler.Operations;
using Sinter.Compiler.Reports;
using Sinter.Runtime;
using Sinter.Runtime.Checkpoints;

namespace Sinter.Command.Commands;

/// <summary><c>sinter plan</c>: what a model will need.</summary>
internal sealed class PlanCommand : ExampledCommand
{
    /// <summary>Tokens a step, as a session has it unless told otherwise.</summary>
    private const int StepTokens = 512;

    /// <summary>The most positions that a session expands keys and values of.</summary>
    private const long ExpandedPositions = 16384;

    private readonly Argument<string> _file = SharedOptions.ModelFile();
    private readonly Option<string?> _config = SharedOptions.Config();
    private readonly Option<int?> _context = SharedOptions.WholeNumber("--context", "N", 1, 1 << 27, "Tokens a sequence (default: 4096).");
    private readonly Option<int?> _batch = SharedOptions.WholeNumber("--batch", "N", 1, 1 << 20, "Sequences side by side (default: 1).");
    private readonly Option<bool> _json = SharedOptions.Json();

    public PlanCommand() : base(
        "plan",
        "Works out what a model needs: memory for weights, cache and buffers; FLOPs and bytes a token for prefill and decoding.",
        "sinter plan models/deepseek_v3_671b.sinter",
        "sinter plan models/deepseek_v3_671b.sinter --context 131072 --batch 8 --json")
    {
        Add(_file);
        foreach (Option option in (Option[])[_config, _context, _batch, _json]) Add(option);
        SetAction(Run);
    }

    private int Run(ParseResult parsed)
    {
        ModelSource source = ModelSource.FromFile(parsed.GetRequiredValue(_file));
        ModelConfig? config = parsed.GetValue(_config) is { } path ? source.ConfigFor(path) : null;
        int context = parsed.GetValue(_context) ?? 4096, batch = parsed.GetValue(_batch) ?? 1;
        bool isJson = parsed.GetValue(_json);
        List<ModelPlan> plans = [.. source.Graphs(config).Select(model => Plan(model, context, batch))];
        if (isJson)
        {
            JsonOutput.Write(json =>
            {
                json.WriteStartArray("models");
                foreach (ModelPlan plan in plans)
                {
                    json.WriteStartObject();
                    PlanText.Write(json, plan.Model, plan.Summary, plan.Report, plan.Buffers);
                    json.WriteEndObject();
                }

                json.WriteEndArray();
            });
            return ExitCode.Fine;
        }

        for (int i = 0; i < plans.Count; i++)
        {
            if (i > 0) Console.WriteLine();
            PlanText.Write(plans[i].Model, plans[i].Summary, plans[i].Report, plans[i].Buffers);
        }

        return ExitCode.Fine;
    }

    private static ModelPlan Plan(ModelGraph model, int context, int batch)
    {
        try
        {
            return new ModelPlan(model, SummarizeModel.Of(model), PlanModel.Of(model, context, batch), Buffers(model, context, batch));
        }
        catch (OverflowException fault)
        {
            throw new SinterException($"{model.Name} with --batch {batch} and --context {context} needs more bytes than can be counted: give smaller numbers.", fault);
        }
    }

    /// <summary>What the compiled program lays out for its steps; null where no schedule can run the model yet.</summary>
    private static BufferPlan? Buffers(ModelGraph model, int context, int batch)
    {
        try
        {
            MemoryPlan plan = Pipeline.Lower(model).Plan;
            int step = (int)Math.Min((long)context * batch, StepTokens);
            long total = (long)plan.TokenBytes * step + (long)plan.PositionBytes * Math.Min((long)context * batch, ExpandedPositions) + plan.FixedBytes;
            return new BufferPlan(step, plan.TokenBytes, plan.PositionBytes, total);
        }
        catch (UnsupportedException)
        {
            return null;
        }
    }

    private sealed record ModelPlan(ModelGraph Model, ModelSummary Summary, PlanReport Report, BufferPlan? Buffers);
}
