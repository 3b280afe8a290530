using System;
using System.Collections.Generic;
using System.CommandLine;
using System.Linq;
using System.Text.Json;
using Sinter.Command.Loading;
using Sinter.Command.Measuring;
using Sinter.Command.Reporting;
using Sinter.Command.Terminal;
using Sinter.Command.Training;
using Sinter.Compiler;
using Sinter.Compiler.Binding;
using Sinter.Compiler.Graph;
using Sinter.Compiler.Operations;
using Sinter.Compiler.Reports;
using Sinter.Cuda;
using Sinter.Runtime;
using Sinter.Runtime.Checkpoints;
using Sinter.Runtime.Training.Ranks;
using Sinter.Runtime.Training.Schedules;

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
    private readonly Option<bool> _train = new("--train") { Description = "What training the model by its train section needs, instead of running it." };
    private readonly Option<string?> _precision = SharedOptions.Precision();
    private readonly Option<int?> _threads = SharedOptions.Threads();
    private readonly Option<string?> _device = new("--device") { HelpName = "GPU", Description = "Predicts each kernel's time and limit on a GPU: h100, h800, a100 or 4090." };
    private readonly Option<bool> _json = SharedOptions.Json();

    public PlanCommand() : base(
        "plan",
        "Works out what a model needs: memory for weights, cache and buffers; FLOPs and bytes a token for prefill and decoding.",
        "sinter plan models/deepseek_v3_671b.sinter",
        "sinter plan models/deepseek_v3_671b.sinter --context 131072 --batch 8 --json",
        "sinter plan models/deepseek_v3_671b.sinter --device h800 --batch 128",
        "sinter plan models/tiny_trained.sinter --train --context 512")
    {
        Add(_file);
        _device.AcceptOnlyFromAmong([.. Gpu.All.Select(gpu => gpu.Name)]);
        foreach (Option option in (Option[])[_config, _context, _batch, _device, _train, _precision, _threads, _json]) Add(option);
        SetAction(Run);
    }

    private int Run(ParseResult parsed)
    {
        ModelSource source = ModelSource.FromFile(parsed.GetRequiredValue(_file));
        ModelConfig? config = parsed.GetValue(_config) is { } path ? source.ConfigFor(path) : null;
        int context = parsed.GetValue(_context) ?? 4096, batch = parsed.GetValue(_batch) ?? 1;
        bool isJson = parsed.GetValue(_json);
        if (parsed.GetValue(_train)) return PlanTraining(source, parsed);
        Gpu? gpu = Gpu.All.FirstOrDefault(gpu => gpu.Name == parsed.GetValue(_device));
        List<ModelPlan> plans = [.. source.Graphs(config).Select(model => Plan(model, context, batch, gpu))];
        if (isJson)
        {
            JsonOutput.Write(json =>
            {
                json.WriteStartArray("models");
                foreach (ModelPlan plan in plans)
                {
                    json.WriteStartObject();
                    PlanText.Write(json, plan.Model, plan.Summary, plan.Report, plan.Buffers);
                    if (gpu is not null)
                    {
                        json.WriteStartArray("devices");
                        foreach (DeviceRoofline roofline in plan.Devices) roofline.WriteJson(json);
                        json.WriteEndArray();
                    }

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
            foreach (DeviceRoofline roofline in plans[i].Devices) roofline.WriteText();
        }

        return ExitCode.Fine;
    }

    private int PlanTraining(ModelSource source, ParseResult parsed)
    {
        if (parsed.GetValue(_config) is not null || parsed.GetValue(_batch) is not null)
            throw new SinterException("--train plans by the train section of a model, whose sequences pass one after the other: leave out --config and --batch.");
        BoundModel model = source.OnlyModel([]);
        TrainingRecipe recipe = RecipeReader.Read(model);
        if (parsed.GetValue(_precision) is { } precision) recipe = recipe with { Precision = RecipeReader.PrecisionOf(precision) };
        if (parsed.GetValue(_context) is { } length) recipe = recipe with { Stages = [.. recipe.Stages.Select(stage => stage with { Length = length })] };
        var models = new StageModels(source, [], recipe, parsed.GetValue(_threads), OneProcess.Alone);
        try
        {
            List<CompiledStage> stages = [.. recipe.Stages.Select(models.Compile)];
            if (parsed.GetValue(_json)) JsonOutput.Write(json => WriteStages(json, stages));
            else WriteStages(stages);
        }
        catch (OverflowException fault)
        {
            throw new SinterException($"Training {model.Name} needs more bytes than can be counted: give a smaller --context.", fault);
        }

        return ExitCode.Fine;
    }

    private static void WriteStages(List<CompiledStage> stages)
    {
        for (int i = 0; i < stages.Count; i++)
        {
            if (i > 0) Console.WriteLine();
            TrainingPlanText.Write(stages[i]);
        }

        TrainingPlanText.WriteRegions(stages[0]);
    }

    private static void WriteStages(Utf8JsonWriter json, List<CompiledStage> stages)
    {
        json.WriteStartArray("stages");
        foreach (CompiledStage stage in stages)
        {
            json.WriteStartObject();
            TrainingPlanText.Write(json, stage);
            json.WriteEndObject();
        }

        json.WriteEndArray();
    }

    private static ModelPlan Plan(ModelGraph model, int context, int batch, Gpu? gpu)
    {
        try
        {
            return new ModelPlan(
                model, SummarizeModel.Of(model), PlanModel.Of(model, context, batch), Buffers(model, context, batch),
                gpu is null ? [] : DeviceRoofline.Predict(Pipeline.Lower(model), gpu, context, batch));
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

    private sealed record ModelPlan(ModelGraph Model, ModelSummary Summary, PlanReport Report, BufferPlan? Buffers, IReadOnlyList<DeviceRoofline> Devices);
}
