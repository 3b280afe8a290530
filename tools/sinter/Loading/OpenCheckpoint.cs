using System;
using Sinter.Command.Measuring;
using Sinter.Command.Terminal;
using Sinter.Runtime.Checkpoints;
using Sinter.Runtime.Execution;
using Sinter.Runtime.Weights;

namespace Sinter.Command.Loading;

/// <summary>A checkpoint with the program that runs it; the tokenizer is loaded by those who need text.</summary>
internal sealed class OpenCheckpoint : IDisposable
{
    private OpenCheckpoint(ModelProgram program, Checkpoint files, WeightTable weights, long residentBefore) =>
        (Program, Files, Weights, ResidentBefore) = (program, files, weights, residentBefore);

    public ModelProgram Program { get; }

    public Checkpoint Files { get; }

    public WeightTable Weights { get; }

    /// <summary>Bytes of memory that the process had when the weights were still to come.</summary>
    public long ResidentBefore { get; }

    /// <summary>What is cheap to check comes first: the config, then the names and shapes of the tensors, then the numbers.</summary>
    /// <exception cref="Sinter.Runtime.SinterException">A file is missing or damaged, or does not fit the model.</exception>
    public static OpenCheckpoint Load(
        string folder, string? modelFile, WeightPlacement placement = WeightPlacement.Automatic, WeightStorage storage = WeightStorage.AsStored, ChosenDevice? device = null)
    {
        ModelConfig config = ModelConfig.Load(folder);
        Checkpoint files = Checkpoint.Open(folder);
        try
        {
            ModelProgram program = device?.ProgramFor(config, modelFile) ?? ProgramChoice.For(config, modelFile);
            ConfigAgreement.Require(program.Description, config);
            using var work = new LongWork($"loading {folder}");
            long residentBefore = ProcessMemory.Resident;
            return new OpenCheckpoint(program, files, WeightTable.Bind(program.Description, files, placement, storage, device?.Target), residentBefore);
        }
        catch
        {
            files.Dispose();
            throw;
        }
    }

    public void Dispose() => Weights.Dispose();
}
