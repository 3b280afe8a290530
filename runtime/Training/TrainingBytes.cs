using System;
using System.Linq;
using Sinter.Runtime.Checkpoints;
using Sinter.Runtime.Execution;
using Sinter.Runtime.Training.Ranks;

namespace Sinter.Runtime.Training;

/// <summary>What a training session takes of memory, in bytes. The session reserves these amounts, so that they can be told before it is opened.</summary>
/// <param name="Weights">Master weights in f32.</param>
/// <param name="Gradients">Of the trained tensors, in f32.</param>
/// <param name="Moments">Both of AdamW's, of this process' share.</param>
/// <param name="CastWeights">Weights as the precision's products read them.</param>
/// <param name="Kept">Values kept from the forward for the backward pass.</param>
/// <param name="Activations">Everything else that a sequence computes, forward and backward.</param>
/// <param name="Tiles">The threads' own memory.</param>
/// <param name="Tables">Rotary tables, tables of addresses, tokens, loads, and what passes between processes.</param>
public sealed record TrainingBytes(long Weights, long Gradients, long Moments, long CastWeights, long Kept, long Activations, long Tiles, long Tables)
{
    public long Total => checked(Weights + Gradients + Moments + CastWeights + Kept + Activations + Tiles + Tables);

    /// <summary>What <see cref="CompiledTrainingSession"/> takes with these options; threads that are not stated are the machine's cores.</summary>
    /// <exception cref="OverflowException">It is more than can be counted.</exception>
    public static TrainingBytes Of(TrainingProgram program, TrainingOptions options)
    {
        TrainingDescription description = program.Training;
        long length = options.Length;
        checked
        {
            long share = RankShares.ShareOf(options.Ranks.Size, Trained(description)), trained = share * options.Ranks.Size;
            long others = description.Tensors.Where(declaration => !declaration.IsTrained).Sum(Numbers);
            long slots = Slots(description), layers = description.Balanced.Sum(declaration => (long)declaration.Layers);
            return new TrainingBytes(
                (trained + others) * sizeof(float),
                trained * sizeof(float),
                2 * share * options.Moments.Size(),
                description.Tensors.Where(declaration => declaration.IsCast).Sum(Numbers) * sizeof(float),
                description.KeptBytes * length,
                description.TokenBytes * length + description.PairBytes * length * length + description.FixedBytes,
                TileStride(description, options) * (options.Threads ?? ThreadTeam.DefaultCount),
                RankShares.BytesFor(options.Ranks.Size)
                    + (options.RestartsPositions ? 2 : 1) * RotaryTables.BytesFor(program.Description with { Rotaries = description.Rotaries }, options.Length)
                    + 3 * slots * IntPtr.Size + (4 * length + 1 + description.Depth + layers * LoadStride(description)) * sizeof(int));
        }
    }

    /// <summary>Of one thread.</summary>
    internal static long TileStride(TrainingDescription description, TrainingOptions options) =>
        Arena.Align(Arena.Align((long)options.Length * description.ScratchTokenBytes) + description.ScratchBytes);

    /// <summary>Of one slot: all experts, and up to the next multiple of what is aligned.</summary>
    internal static long SlotNumbers(TrainingDeclaration declaration) =>
        Arena.Align(checked(Count(declaration) * Math.Max(1, declaration.Experts) * sizeof(float))) / sizeof(float);

    internal static long Count(TrainingDeclaration declaration) => declaration.Shape.Aggregate(1L, (product, size) => checked(product * size));

    internal static int Slots(TrainingDescription description) => description.Tensors.Select(declaration => declaration.Slot + declaration.Layers).DefaultIfEmpty(0).Max();

    internal static int LoadStride(TrainingDescription description) => description.Balanced.Select(declaration => declaration.Experts).DefaultIfEmpty(0).Max();

    /// <summary>Numbers that gradients train, and what aligns them.</summary>
    public static long Trained(TrainingDescription description) => description.Tensors.Where(declaration => declaration.IsTrained).Sum(Numbers);

    private static long Numbers(TrainingDeclaration declaration) => checked(SlotNumbers(declaration) * declaration.Layers);
}
