using System;
using System.Collections.Generic;
using System.Globalization;
using Sinter.Command.Loading;
using Sinter.Command.Measuring;
using Sinter.Command.Terminal;
using Sinter.Compiler.Binding;
using Sinter.Compiler.Emit.Training;
using Sinter.Compiler.Passes.Training;
using Sinter.Runtime;
using Sinter.Runtime.Training;
using Sinter.Runtime.Training.Ranks;
using Sinter.Runtime.Training.Runs;
using Sinter.Runtime.Training.Schedules;

namespace Sinter.Command.Training;

/// <summary>Compiles the model as each stage wants it.</summary>
/// <param name="lines">What the command line lays over the model.</param>
/// <param name="profile">What is told where the time of the steps goes; null for none.</param>
internal sealed class StageModels(ModelSource source, IReadOnlyList<string> lines, TrainingRecipe recipe, int? threads, ICommunicator ranks, TrainingProfile? profile = null)
{
    /// <exception cref="SinterException">The stage's sequences are longer than the model's positions.</exception>
    public TrainedModel Open(TrainingStage stage)
    {
        CompiledStage compiled = Compile(stage);
        var session = new CompiledTrainingSession(compiled.Program, compiled.Options);
        profile?.Begin(compiled, session);
        return new TrainedModel(session, session.Description.Config);
    }

    /// <inheritdoc cref="Open"/>
    public CompiledStage Compile(TrainingStage stage)
    {
        BoundModel model = source.OnlyModel([.. lines, .. RopeLines(stage)]);
        double most = (ModelOf(model, "max_position_embeddings") as NumberValue)?.Value ?? double.PositiveInfinity;
        if (stage.Length > most)
            throw new SinterException(FormattableString.Invariant($"The stage {stage.Name} has sequences of {stage.Length} tokens, and {model.Name} has {most} positions; give it a rope such as yarn(40), or a larger max_position_embeddings."));
        (CompiledTraining compiled, TrainingProgram program) = ranks.InTurn(() =>
        {
            using (new LongWork($"compiling the training step of {model.Name}")) return source.Training(model, Compiled(recipe.Precision), isTimed: profile is not null);
        });
        var options = new TrainingOptions
        {
            Length = stage.Length,
            Threads = threads,
            Precision = recipe.Precision,
            Moments = recipe.Moments,
            RestartsPositions = recipe.Data.RestartsPositions,
            Ranks = ranks,
        };
        return new CompiledStage(stage, compiled, program, options);
    }

    /// <summary>YaRN's settings as the report has them (section 4.3): α 1, β 32; stretched from the length trained before.</summary>
    private IEnumerable<string> RopeLines(TrainingStage stage)
    {
        if (stage.Rope is not { } rope) yield break;
        if (rope == RopeExtension.None)
        {
            yield return "rope_scaling=none";
            yield break;
        }

        int original = stage.Length;
        foreach (TrainingStage earlier in recipe.Stages)
        {
            if (earlier.Rope == rope) break;
            original = earlier.Length;
        }

        yield return string.Create(CultureInfo.InvariantCulture, $"rope_scaling={rope.Method}(factor: {rope.Factor}, original: {original}, beta_fast: 32, beta_slow: 1, mscale: 1, mscale_all_dim: 1)");
        yield return string.Create(CultureInfo.InvariantCulture, $"max_position_embeddings={(long)Math.Max(stage.Length, Math.Round(original * rope.Factor))}");
    }

    private static Precision Compiled(TrainingPrecision precision) => precision switch
    {
        TrainingPrecision.FP8 => Precision.FP8,
        TrainingPrecision.BF16 => Precision.BF16,
        _ => Precision.F32,
    };

    private static ConfigValue? ModelOf(BoundModel model, string name)
    {
        foreach (NamedValue setting in model.Settings)
            if (setting.Name == name) return setting.Value;
        return null;
    }
}

/// <summary>A model as a stage trains it, without its numbers.</summary>
internal sealed record CompiledStage(TrainingStage Stage, CompiledTraining Compiled, TrainingProgram Program, TrainingOptions Options);
