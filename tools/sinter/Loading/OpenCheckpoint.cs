using System;
using Sinter.Command.Terminal;
using Sinter.Runtime.Checkpoints;
using Sinter.Runtime.Execution;
using Sinter.Runtime.Weights;

namespace Sinter.Command.Loading;

/// <summary>A checkpoint with the program that runs it; the tokenizer is loaded by those who need text.</summary>
internal sealed class OpenCheckpoint : IDisposable
{
    private OpenCheckpoint(ModelProgram program, Checkpoint files, WeightTable weights) =>
        (Program, Files, Weights) = (program, files, weights);

    public ModelProgram Program { get; }

    public Checkpoint Files { get; }

    public WeightTable Weights { get; }

    /// <summary>What is cheap to check comes first: the config, then the names and shapes of the tensors, then the numbers.</summary>
    /// <exception cref="Sinter.Runtime.SinterException">A file is missing or damaged, or does not fit the model.</exception>
    public static OpenCheckpoint Load(
        string folder, string? modelFile, WeightPlacement placement = WeightPlacement.Mapped, WeightStorage storage = WeightStorage.AsStored)
    {
        ModelConfig config = ModelConfig.Load(folder);
        Checkpoint files = Checkpoint.Open(folder);
        try
        {
            ModelProgram program = ProgramChoice.For(config, modelFile);
            ConfigAgreement.Require(program.Description, config);
            using var work = new LongWork($"loading {folder}");
            return new OpenCheckpoint(program, files, WeightTable.Bind(program.Description, files, placement, storage));
        }
        catch
        {
            files.Dispose();
            throw;
        }
    }

    public void Dispose() => Weights.Dispose();
}
