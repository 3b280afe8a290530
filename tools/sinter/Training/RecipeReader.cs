using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using Sinter.Compiler.Binding;
using Sinter.Compiler.Syntax;
using Sinter.Runtime;
using Sinter.Runtime.Checkpoints;
using Sinter.Runtime.Training;
using Sinter.Runtime.Training.Data;
using Sinter.Runtime.Training.Schedules;
using Schedule = Sinter.Runtime.Training.Schedules.Schedule;

namespace Sinter.Command.Training;

/// <summary>What a model's train section states, as the numbers of a run.</summary>
internal static class RecipeReader
{
    private const int DefaultLength = 4096;

    /// <exception cref="SinterException">The model has no train section, or it leaves out what a run needs.</exception>
    public static TrainingRecipe Read(BoundModel model)
    {
        BoundTraining training = model.Training ?? throw new SinterException($"{model.Name} has no train section, which says how it is trained; add 'train {{ … }}' to the model or its architecture.");
        Dictionary<string, Choice> choices = training.Choices.ToDictionary(choice => choice.Name);
        Dictionary<string, Schedule> schedules = training.Schedules.ToDictionary(schedule => schedule.Name, Of);
        (ScheduledWeight prediction, ScheduledWeight balance) = LossReader.Read(model.Name, training.Loss, schedules.Keys);
        Choice? optimizer = choices.GetValueOrDefault("optimizer");
        return new TrainingRecipe
        {
            Rate = schedules.GetValueOrDefault("rate") ?? throw Missing(model, "rate = 0 to 1e-3 over 100 steps, then 1e-3"),
            Batch = schedules.GetValueOrDefault("batch") ?? throw Missing(model, "batch = 8"),
            BiasSpeed = schedules.GetValueOrDefault("balance") ?? Schedule.Constant(0),
            Weights = schedules.Where(entry => prediction.Schedules.Contains(entry.Key) || balance.Schedules.Contains(entry.Key)).ToDictionary(),
            Prediction = prediction,
            Balance = balance,
            Optimizer = new AdamWSettings(
                Number(optimizer, "beta1", 0.9), Number(optimizer, "beta2", 0.95), Number(optimizer, "epsilon", 1e-8), Number(optimizer, "decay", 0)),
            Clip = Number(optimizer, "clip", double.PositiveInfinity),
            Moments = Word(optimizer, "moments", "bf16") switch
            {
                "bf16" => ElementType.BF16,
                "f32" => ElementType.F32,
                string other => throw new SinterException($"{model.Name}: moments can be kept in bf16 or f32, not in {other}."),
            },
            Precision = PrecisionOf(choices.GetValueOrDefault("precision")?.Method ?? "f32"),
            Deviation = Number(choices.GetValueOrDefault("init"), "", 0.006),
            Plateau = choices.GetValueOrDefault("adaptive") is { } plateau
                ? new PlateauSettings(Number(plateau, "factor", 0.5), (int)Number(plateau, "patience", 5), Number(plateau, "least", 1e-3))
                : null,
            Data = Data(model, choices),
            Stages = Stages(model, training),
        };
    }

    public static TrainingPrecision PrecisionOf(string word) => word switch
    {
        "fp8" => TrainingPrecision.FP8,
        "bf16" => TrainingPrecision.BF16,
        _ => TrainingPrecision.F32,
    };

    private static Schedule Of(Compiler.Binding.Schedule schedule) => new([.. schedule.Phases.Select(phase => new SchedulePhase(
        phase.Curve switch { PhaseCurve.Linear => ScheduleCurve.Linear, PhaseCurve.Cosine => ScheduleCurve.Cosine, _ => ScheduleCurve.Hold },
        phase.From,
        phase.To,
        (phase.Length ?? phase.End)?.Value ?? double.PositiveInfinity,
        (phase.Length ?? phase.End)?.IsTokens ?? false,
        phase.End is not null))]);

    private static DataOptions Data(BoundModel model, Dictionary<string, Choice> choices)
    {
        Choice? data = choices.GetValueOrDefault("data");
        string mask = Word(data, "mask", "none");
        if (mask is not ("none" or "documents")) throw new SinterException($"{model.Name}: the mask of the data is none or documents, not {mask}.");
        string positions = Word(data, "positions", "rows");
        if (positions is not ("rows" or "documents")) throw new SinterException($"{model.Name}: the positions of the data count from the beginning of rows or documents, not of {positions}.");
        if (positions == "documents" && mask != "documents") throw new SinterException($"{model.Name}: positions that count from the beginning of documents need a mask between them: add mask: documents.");
        return new DataOptions
        {
            Order = data?.Method == "windows" ? RowOrder.Windows : RowOrder.Packed,
            FillInTheMiddle = Number(data, "fim", 0),
            HeldOut = Number(data, "held_out", 0),
            MasksDocuments = mask == "documents",
            RestartsPositions = positions == "documents",
            Mixture = choices.GetValueOrDefault("mixture") is { } mixture ? Weights(mixture.Numbers) : null,
        };
    }

    /// <summary>
    /// A rotary scaling lasts until a later stage states another. Before the first there is none, as in the report; where no
    /// stage states one, the model's config holds throughout.
    /// </summary>
    private static IReadOnlyList<TrainingStage> Stages(BoundModel model, BoundTraining training)
    {
        int most = (int)((model.Settings.FirstOrDefault(setting => setting.Name == "max_position_embeddings")?.Value as NumberValue)?.Value ?? DefaultLength);
        if (training.Stages.Count == 0) return [new TrainingStage("train", Math.Min(DefaultLength, most))];
        var stages = new List<TrainingStage>();
        RopeExtension? rope = training.Stages.Any(stage => Find(stage, "rope") is not null) ? RopeExtension.None : null;
        int length = Math.Min(DefaultLength, most);
        foreach (Stage stage in training.Stages)
        {
            length = (int)(Find(stage, "length") is NumberValue stated ? Whole(stage, "length", stated) : length);
            if (Find(stage, "rope") is { } text) rope = RopeOf(stage, text.Text);
            stages.Add(new TrainingStage(
                stage.Name, length,
                Find(stage, "steps") is NumberValue steps ? Whole(stage, "steps", steps) : null,
                Find(stage, "tokens") is NumberValue tokens ? Whole(stage, "tokens", tokens) : null,
                (Find(stage, "rate") as NumberValue)?.Value,
                Find(stage, "batch") is NumberValue batch ? (int)Whole(stage, "batch", batch) : null,
                Find(stage, "mixture") is GroupValue mixture ? Weights(mixture.Entries) : null,
                rope));
        }

        return stages;
    }

    private static RopeExtension RopeOf(Stage stage, string text)
    {
        int open = text.IndexOf('(', StringComparison.Ordinal);
        if (open > 0 && text[..open] == "yarn" && double.TryParse(text.AsSpan(open + 1, text.Length - open - 2), CultureInfo.InvariantCulture, out double factor) && factor >= 1)
            return new RopeExtension("yarn", factor);
        throw new SinterException($"The stage {stage.Name} has the rope {text}; yarn(40), with a factor of at least 1, would be one.");
    }

    private static long Whole(Stage stage, string key, NumberValue number) => number is { IsWhole: true, Value: <= 9e15 } && (key is not ("length" or "batch") || number.Value <= int.MaxValue)
        ? (long)number.Value
        : throw new SinterException($"The stage {stage.Name} has a {key} of {number.Text}, which is not a whole number within bounds.");

    private static ConfigValue? Find(Stage stage, string key) => stage.Keys.FirstOrDefault(value => value.Name == key)?.Value;

    private static Dictionary<string, double> Weights(IEnumerable<NamedValue> numbers) =>
        numbers.ToDictionary(entry => entry.Name, entry => entry.Value is NumberValue { Value: >= 0 } weight ? weight.Value : throw new SinterException($"The mixture gives {entry.Name} the weight {entry.Value.Text}, which is not a number from 0 on."));

    private static double Number(Choice? choice, string name, double otherwise) =>
        choice?.Numbers.FirstOrDefault(value => value.Name == name)?.Value switch
        {
            null => otherwise,
            NumberValue number => number.Value,
            ConfigValue other => throw new SinterException($"{choice.Name} = {choice.Method}(…): {name} is {other.Text}, and should be a number."),
        };

    private static string Word(Choice? choice, string name, string otherwise) => choice?.Numbers.FirstOrDefault(value => value.Name == name)?.Value.Text ?? otherwise;

    private static SinterException Missing(BoundModel model, string example) =>
        new($"{model.Name}: the train section lacks a line such as '{example}'.");
}
